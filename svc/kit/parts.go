package kit

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/gctl-dev/gctl/svc/kit/auth"
	"github.com/gctl-dev/gctl/svc/kit/breaker"
	"github.com/gctl-dev/gctl/svc/kit/fault"
	"github.com/gctl-dev/gctl/svc/kit/limit"
	"github.com/gctl-dev/gctl/svc/kit/telemetry"
)

// shutdownTimeout bounds how long the last spans may take to be sent.
const shutdownTimeout = 3 * time.Second

// parts are what a server is made manageable with.
type parts struct {
	telemetry *telemetry.Telemetry
	breakers  *breaker.Set
	limits    *limit.Set
	faults    *fault.Set
}

func (s *Server) newParts(ctx context.Context) (p parts, err error) {
	o := &s.options
	level := new(slog.LevelVar)
	level.Set(o.LogLevel)
	ratio := o.TraceRatio
	if ratio == 0 {
		ratio = -1 // none, in the words of telemetry
	}
	p.telemetry, err = telemetry.New(ctx, telemetry.Options{
		Service: o.Service, Version: o.Version, Instance: o.Instance, Zone: o.Zone,
		OTLP: o.OTLP, OTLPInsecure: o.OTLPPlaintext, Sample: ratio,
		LegacyMetrics: o.LegacyMetrics, Log: o.LogTo, Level: level,
	})
	if err != nil {
		return p, fmt.Errorf("telemetry: %w", err)
	}
	s.log = p.telemetry.Logger()
	s.OnStop(func() error {
		// What was not sent then is lost; that is no failure of the service.
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer cancel()
		if err := p.telemetry.Shutdown(bounded); err != nil {
			s.log.WarnContext(ctx, "the last spans were not sent", "error", err)
		}
		return nil
	})
	if p.limits, err = newLimits(&o.Config); err != nil {
		return p, err
	}
	judged := o.breaker
	judged.OnChange = func(now breaker.Status) { s.logBreaker(ctx, now) }
	p.breakers = breaker.New(judged)
	p.faults = fault.New(fault.Options{})
	p.telemetry.Registry().MustRegister(p.limits, p.breakers, p.faults, newCRLMetric(s.serverCerts))
	return p, nil
}

// newLimits reads the limits of the configuration.
func newLimits(o *Config) (*limit.Set, error) {
	var limits []limit.Limit
	for _, text := range o.RateLimits {
		rates, err := limit.ParseRates(text)
		if err != nil {
			return nil, fmt.Errorf("--rate-limit: %w", err)
		}
		limits = append(limits, rates...)
	}
	if o.ConcurrencyLimit != "" {
		c, err := limit.ParseConcurrency(o.ConcurrencyLimit)
		if err != nil {
			return nil, fmt.Errorf("--concurrency-limit: %w", err)
		}
		limits = append(limits, c)
	}
	trusted, err := auth.NewList(o.TrustCallers...)
	if err != nil {
		return nil, fmt.Errorf("--trust-caller: %w", err)
	}
	everybody := o.Plaintext && slices.Contains(o.TrustCallers, "*") // nobody has an identity there
	nobody := len(o.TrustCallers) == 0                               // where an empty list allows all
	set, err := limit.New(limit.Options{
		Limits: limits, CallerHeader: o.CallerHeader,
		TrustCaller: func(id string) bool { return everybody || !nobody && trusted.Allows(id) },
	})
	if err != nil {
		return nil, fmt.Errorf("--rate-limit, --concurrency-limit, --caller-header: %w", err)
	}
	return set, nil
}

// logBreaker writes down what became of a breaker.
func (s *Server) logBreaker(ctx context.Context, now breaker.Status) {
	level := slog.LevelInfo
	if now.State == breaker.Open || now.Override == breaker.ForcedOpen {
		level = slog.LevelWarn
	}
	s.log.Log(ctx, level, "breaker", "breaker", now.Name, "state", now.State.String(), "override", now.Override.String(),
		"trips", now.Trips, "last_error", now.LastError)
}
