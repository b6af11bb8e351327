// Package telemetry is what a gRPC service tells about itself: metrics for
// Prometheus, traces over OTLP, and logs as JSON in the Elastic Common Schema,
// joined by trace and request ids.
//
//	t, err := telemetry.New(ctx, telemetry.Options{Service: "user", OTLP: "127.0.0.1:4317"})
//	...
//	defer t.Shutdown(ctx)
//	server := grpc.NewServer(t.ServerOptions()...)
//	conn, err := grpc.NewClient(target, t.DialOptions(telemetry.Client{Target: "user"})...)
//	http.Handle("/metrics", t.Handler())
//
// Nothing global is read or set: two instances in one process are two services.
package telemetry

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"golang.org/x/time/rate"

	"github.com/gctl-dev/gctl/svc/kit/telemetry/ecs"
)

// Options say whose telemetry it is and where it goes. Without a Service there
// is none.
type Options struct {
	Service  string // service.name
	Version  string // service.version
	Instance string // service.instance.id, and service.node.name in logs
	Zone     string // cloud.availability_zone

	// OTLP is where spans go, a collector that speaks OTLP over gRPC: host:port,
	// or an URL whose scheme decides between plaintext (http) and TLS (https).
	// Without a scheme loopback addresses are plaintext and all others TLS. Empty:
	// no spans are made; the caller's trace context is passed on all the same.
	OTLP string
	// OTLPInsecure sends spans in plaintext wherever OTLP is. It contradicts https.
	OTLPInsecure bool
	OTLPTLS      *tls.Config // where TLS is spoken; nil trusts the system's CAs
	// Sample is the share of traces that begin here which is kept, from 0 to 1; 0
	// means all, a negative one none. The decision of a caller who sent a trace
	// context is followed in any case.
	Sample float64

	// LegacyMetrics adds the names of go-grpc-prometheus (grpc_server_handled_total
	// and so on) to those of grpc-go.
	LegacyMetrics bool
	// MessageSizes adds grpc-go's histograms of message sizes, at the price of 15
	// more series for each method and status on each side.
	MessageSizes bool

	Log   io.Writer      // where log lines go; os.Stderr if nil
	Level *slog.LevelVar // the least level that is logged, changeable at any time; info if nil
}

// Telemetry is the telemetry of one service instance. Its methods may be called
// from several goroutines at once.
type Telemetry struct {
	log        *slog.Logger
	level      *slog.LevelVar
	registry   *prometheus.Registry
	meters     *sdkmetric.MeterProvider
	legacy     *legacyMetrics // nil if not asked for
	sizes      bool
	instances  *instanceMetrics
	spans      *spanPipeline // nil without OTLP
	propagator propagation.TextMapPropagator
	errorLines *rate.Limiter
	end        sync.Once
}

// New starts the telemetry. Nothing is dialed yet: a collector that is away is
// no error, neither now nor later.
func New(ctx context.Context, o Options) (*Telemetry, error) {
	if o.Service == "" {
		return nil, errors.New("telemetry without the name of a service")
	}
	level := o.Level
	if level == nil {
		level = &slog.LevelVar{}
	}
	var out io.Writer = os.Stderr
	if o.Log != nil {
		out = o.Log
	}
	about, err := o.resource(ctx)
	if err != nil {
		return nil, err
	}
	t := &Telemetry{
		level: level,
		log: slog.New(ecs.NewHandler(out, ecs.Options{
			Service: o.Service, Version: o.Version, Node: o.Instance, Level: level, RequestID: RequestID,
		})),
		propagator: propagation.TraceContext{},
		sizes:      o.MessageSizes,
		errorLines: rate.NewLimiter(errorLinesPerSecond, errorLinesPerSecond),
	}
	if err := t.startMetrics(about, o); err != nil {
		return nil, err
	}
	if o.OTLP != "" {
		t.spans, err = startSpans(ctx, o, about, t.log, t.registry)
		if err != nil {
			return nil, errors.Join(err, t.meters.Shutdown(ctx))
		}
	}
	return t, nil
}

// resource is what every metric and span belongs to. OTEL_RESOURCE_ATTRIBUTES
// may add to it.
func (o Options) resource(ctx context.Context) (*resource.Resource, error) {
	attrs := []attribute.KeyValue{attribute.String("service.name", o.Service)}
	for key, value := range map[attribute.Key]string{
		"service.version":         o.Version,
		"service.instance.id":     o.Instance,
		"cloud.availability_zone": o.Zone,
	} {
		if value != "" {
			attrs = append(attrs, key.String(value))
		}
	}
	r, err := resource.New(ctx, resource.WithFromEnv(), resource.WithTelemetrySDK(), resource.WithAttributes(attrs...))
	if err != nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	return r, nil
}

// Logger returns the logger of the service. Lines that are logged with the
// context of a call carry its trace, span and request id.
func (t *Telemetry) Logger() *slog.Logger { return t.log }

// Level returns the least level that is logged; setting it takes effect at once.
func (t *Telemetry) Level() *slog.LevelVar { return t.level }

// Registry returns the registry of the service's metrics, for more of them.
func (t *Telemetry) Registry() *prometheus.Registry { return t.registry }

// MeterProvider returns where OpenTelemetry instruments of the service belong.
// They come out with those of the registry.
func (t *Telemetry) MeterProvider() metric.MeterProvider { return t.meters }

// TracerProvider returns where spans of the service belong, for the
// instrumentation of databases (package sqltrace and pgxtrace) and others.
// Without OTLP its spans are not recorded.
func (t *Telemetry) TracerProvider() trace.TracerProvider {
	if t.spans == nil {
		return noop.NewTracerProvider()
	}
	return t.spans.provider
}

// shutdownTimeout bounds Shutdown.
const shutdownTimeout = 5 * time.Second

// Shutdown sends the spans that wait and ends the telemetry. It returns when ctx
// ends, and after 5 s at the latest, with what was not sent given up. Metrics
// can still be read afterwards, except those of calls. A second call does nothing.
func (t *Telemetry) Shutdown(ctx context.Context) (err error) {
	t.end.Do(func() {
		ctx, cancel := context.WithTimeout(ctx, shutdownTimeout)
		defer cancel()
		if t.spans != nil {
			err = t.spans.shutdown(ctx)
		}
		err = errors.Join(err, t.meters.Shutdown(context.WithoutCancel(ctx)))
	})
	return err
}

// sampleRatio reads Options.Sample.
func (o Options) sampleRatio() float64 { return max(0, cmp.Or(o.Sample, 1)) }
