package kit

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	controlv1 "github.com/gctl-dev/gctl/api/gctl/control/v1"
	"github.com/gctl-dev/gctl/svc/kit/breaker"
	"github.com/gctl-dev/gctl/svc/kit/limit"
)

// breakers are the circuit breakers as the control API wants them.
type breakers struct{ set *breaker.Set }

// List implements control.Breakers.
func (b breakers) List() []*controlv1.Breaker {
	all := b.set.Status()
	list := make([]*controlv1.Breaker, len(all))
	for i := range all {
		list[i] = breakerToProto(&all[i])
	}
	return list
}

// Watch implements control.Breakers.
func (b breakers) Watch(notify func(name string)) (stop func()) {
	return b.set.Watch(func(now breaker.Status) { notify(now.Name) })
}

// Override implements control.Breakers.
func (b breakers) Override(name string, override controlv1.BreakerOverride) error {
	return b.set.Override(name, map[controlv1.BreakerOverride]breaker.Override{
		controlv1.BreakerOverride_BREAKER_OVERRIDE_FORCED_OPEN:   breaker.ForcedOpen,
		controlv1.BreakerOverride_BREAKER_OVERRIDE_FORCED_CLOSED: breaker.ForcedClosed,
	}[override])
}

func breakerToProto(b *breaker.Status) *controlv1.Breaker {
	return &controlv1.Breaker{
		Name: b.Name, Target: b.Target, MethodGroup: b.MethodGroup,
		// The enums of both sides are in the same order, with "unspecified" in
		// front on this one.
		State: controlv1.BreakerState(b.State) + 1, Override: controlv1.BreakerOverride(b.Override) + 1,
		Since: timestamp(b.Since), Trips: b.Trips, LastError: b.LastError, NextProbe: timestamp(b.NextProbe),
		Counts: &controlv1.BreakerCounts{
			Requests: b.Counts.Requests, Successes: b.Counts.Successes,
			Failures: b.Counts.Failures, ConsecutiveFailures: b.Counts.ConsecutiveFailures,
		},
		Flapping: b.Flapping,
	}
}

func timestamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

// limits are the limits as the control API wants them.
type limits struct{ set *limit.Set }

// List implements control.Limits.
func (l limits) List() []*controlv1.Limit {
	all := l.set.Status()
	list := make([]*controlv1.Limit, len(all))
	for i := range all {
		s := &all[i]
		list[i] = &controlv1.Limit{
			Name: s.Name, Kind: controlv1.LimitKind(s.Kind), Methods: s.Methods, // numbered alike
			Settings: &controlv1.LimitSettings{
				Rate: s.Settings.Rate, Burst: int64(s.Settings.Burst), Shadow: s.Settings.Shadow,
				MinConcurrency: int64(s.Settings.MinConcurrency), MaxConcurrency: int64(s.Settings.MaxConcurrency),
			},
			Current: int64(s.Current), InFlight: int64(s.InFlight), Admitted: s.Admitted, Rejected: s.Rejected,
		}
	}
	return list
}

// Set implements control.Limits.
func (l limits) Set(name string, s *controlv1.LimitSettings) error {
	return l.set.Set(name, limit.Settings{
		Rate: s.GetRate(), Burst: int(s.GetBurst()), Shadow: s.GetShadow(),
		MinConcurrency: int(s.GetMinConcurrency()), MaxConcurrency: int(s.GetMaxConcurrency()),
	})
}

// Reset implements control.Limits.
func (l limits) Reset(name string) error { return l.set.Reset(name) }

// drainOnDemand implements control.DrainFunc: it starts a drain, or joins the one
// that is under way, and returns when the API has stopped. The control API goes on
// until its stream has said so.
func (s *Server) drainOnDemand(ctx context.Context, deadline time.Duration, progress func(controlv1.DrainStep, int64, string)) {
	select {
	case s.drainAsked <- deadline:
	default: // it was asked for already
	}
	s.drained.follow(ctx, func(e drainEvent) {
		text := ""
		if e.problem != nil {
			text = e.problem.Error()
		}
		progress(controlv1.DrainStep(e.step), e.inFlight, text)
	})
}
