package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// exporter sends spans, keeps its failures to itself (OpenTelemetry would hand
// them to a handler of the whole process), logs each change of them once, and
// can be told to give up.
type exporter struct {
	out   sdktrace.SpanExporter
	addr  string
	log   *slog.Logger
	abort context.CancelFunc
	over  context.Context //nolint:containedctx // ends by abort, whichever export is under way

	ended, sent, failed prometheus.Counter

	last codes.Code // of the last export; one export runs at a time
}

func newExporter(out sdktrace.SpanExporter, addr string, log *slog.Logger, registry prometheus.Registerer) (*exporter, error) {
	spans := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "otlp_spans_total",
		Help: "Spans that ended, were sent to the collector, or could not be sent. The difference waits, or was dropped because too many waited.",
	}, []string{"state"})
	if err := registry.Register(spans); err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	over, abort := context.WithCancel(context.Background())
	return &exporter{
		out: out, addr: addr, log: log, over: over, abort: abort,
		ended: spans.WithLabelValues("ended"), sent: spans.WithLabelValues("sent"), failed: spans.WithLabelValues("failed"),
	}, nil
}

// ExportSpans implements sdktrace.SpanExporter.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(e.over, cancel)() //nolint:contextcheck // another end than that of ctx
	err := e.over.Err()                       // after the end what waits is not even tried
	if err == nil {
		err = e.out.ExportSpans(ctx, spans)
	}
	if err != nil {
		e.failed.Add(float64(len(spans)))
	} else {
		e.sent.Add(float64(len(spans)))
	}
	e.tell(err)
	return nil
}

// tell logs what changed. Errors are compared by their codes, because their
// texts differ from one to the next by ports and times.
func (e *exporter) tell(err error) {
	code := status.Code(err)
	if errors.Is(err, context.DeadlineExceeded) {
		code = codes.DeadlineExceeded
	}
	switch {
	case code == e.last || e.over.Err() != nil:
	case code == codes.OK:
		e.log.Info("traces are sent again", "otlp", e.addr)
	default:
		e.log.Warn("traces are not sent", "otlp", e.addr, "error", err)
	}
	e.last = code
}

// Shutdown implements sdktrace.SpanExporter.
func (e *exporter) Shutdown(ctx context.Context) error {
	defer e.abort() // frees the context
	return e.out.Shutdown(ctx)
}
