package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
)

// The way of spans to the collector. Calls never wait for it: a span that finds
// the queue full is dropped.
const (
	spanQueue       = 4096                   // spans that wait
	spanBatch       = 512                    // spans in one message
	spanDelay       = 500 * time.Millisecond // that a span waits for company
	exportTimeout   = 5 * time.Second        // for one message
	firstRetryAfter = 250 * time.Millisecond
	retryFor        = time.Second     // then its spans are given up, the next message is tried
	reconnectWithin = 5 * time.Second // after the collector is back
	maxSpanText     = 4096            // bytes of one attribute
)

// healthPrefix begins the methods that ask for health.
const healthPrefix = "/grpc.health.v1.Health/"

// spanPipeline makes spans and sends them.
type spanPipeline struct {
	provider *sdktrace.TracerProvider
	exporter *exporter
}

func startSpans(ctx context.Context, o Options, about *resource.Resource, log *slog.Logger, registry prometheus.Registerer) (*spanPipeline, error) {
	addr, insecure, err := o.collector()
	if err != nil {
		return nil, err
	}
	security := otlptracegrpc.WithTLSCredentials(credentials.NewTLS(o.OTLPTLS))
	if insecure {
		security = otlptracegrpc.WithInsecure()
	}
	client, err := otlptracegrpc.New(ctx, security,
		otlptracegrpc.WithEndpoint(addr),
		otlptracegrpc.WithTimeout(exportTimeout),
		// gRPC itself would leave a collector alone for up to two minutes.
		otlptracegrpc.WithDialOption(grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: firstRetryAfter, Multiplier: 1.6, Jitter: 0.2, MaxDelay: reconnectWithin},
			MinConnectTimeout: exportTimeout,
		})),
		otlptracegrpc.WithRetry(otlptracegrpc.RetryConfig{
			Enabled: true, InitialInterval: firstRetryAfter, MaxInterval: retryFor, MaxElapsedTime: retryFor,
		}))
	if err != nil {
		return nil, fmt.Errorf("traces to %s: %w", addr, err)
	}
	e, err := newExporter(client, addr, log, registry)
	if err != nil {
		return nil, errors.Join(err, client.Shutdown(ctx))
	}
	batches := sdktrace.NewBatchSpanProcessor(e,
		sdktrace.WithMaxQueueSize(spanQueue), sdktrace.WithMaxExportBatchSize(spanBatch),
		sdktrace.WithBatchTimeout(spanDelay), sdktrace.WithExportTimeout(exportTimeout))
	limits := sdktrace.NewSpanLimits()
	limits.AttributeValueLengthLimit = maxSpanText
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithSpanProcessor(counted{batches, e.ended}),
		sdktrace.WithResource(about),
		sdktrace.WithSampler(sdktrace.ParentBased(withoutHealth{sdktrace.TraceIDRatioBased(o.sampleRatio())})),
		sdktrace.WithRawSpanLimits(limits),
	)
	return &spanPipeline{provider: provider, exporter: e}, nil
}

// shutdown sends what waits, gives up when ctx ends, and returns when nothing of
// the pipeline is left running. OpenTelemetry itself, told by ctx, would return
// while an export goes on, or where ctx has ended already do nothing at all.
func (p *spanPipeline) shutdown(ctx context.Context) error {
	stop := context.AfterFunc(ctx, p.exporter.abort)
	defer stop()
	err := p.provider.Shutdown(context.WithoutCancel(ctx))
	if err = errors.Join(ctx.Err(), err); err != nil {
		return fmt.Errorf("traces: %w", err)
	}
	return nil
}

// collector reads Options.OTLP.
func (o Options) collector() (addr string, insecure bool, err error) {
	scheme, addr, found := strings.Cut(o.OTLP, "://")
	if !found {
		scheme, addr = "", o.OTLP
	}
	addr = strings.TrimSuffix(addr, "/")
	host, _, err := net.SplitHostPort(addr)
	if err != nil || strings.ContainsRune(addr, '/') {
		return "", false, fmt.Errorf("OTLP address %q: want HOST:PORT, http://HOST:PORT or https://HOST:PORT", o.OTLP)
	}
	switch {
	case scheme == "https" && o.OTLPInsecure:
		return "", false, fmt.Errorf("OTLP address %q contradicts plaintext", o.OTLP)
	case scheme == "https":
		return addr, false, nil
	case scheme == "http" || scheme == "" && (o.OTLPInsecure || loopback(host)):
		return addr, true, nil
	case scheme == "":
		return addr, false, nil
	}
	return "", false, fmt.Errorf("OTLP address %q: unknown scheme %s", o.OTLP, scheme)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// withoutHealth keeps the catalog's and the balancers' questions for health,
// several a second, from making traces of their own.
type withoutHealth struct{ sdktrace.Sampler }

// ShouldSample implements sdktrace.Sampler.
func (s withoutHealth) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	if strings.HasPrefix("/"+p.Name, healthPrefix) {
		return sdktrace.SamplingResult{Decision: sdktrace.Drop}
	}
	return s.Sampler.ShouldSample(p)
}

// counted counts the spans that end, so that those which the queue dropped are
// what was neither sent nor failed.
type counted struct {
	sdktrace.SpanProcessor

	ended prometheus.Counter
}

// OnEnd implements sdktrace.SpanProcessor.
func (c counted) OnEnd(s sdktrace.ReadOnlySpan) {
	c.ended.Inc()
	c.SpanProcessor.OnEnd(s)
}
