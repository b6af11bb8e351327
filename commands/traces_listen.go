package commands

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/output"
)

// CollectorOptions say where a receiver of traces listens.
type CollectorOptions struct {
	GRPC, HTTP string // host:port
	// Notify is told each span as it comes, by several goroutines at once; nil
	// for nobody.
	Notify func(trace string, s *fleet.Span)
}

// Collector is a receiver of traces that runs.
type Collector interface {
	// Addresses returns where spans are taken over gRPC, and where they are taken
	// over HTTP and read.
	Addresses() (grpc, http string)
	Close() error
}

const listenLong = `Receive traces over OTLP, for where there is no Jaeger: over gRPC, and over HTTP in
protobuf or JSON. Each span is shown as it comes, and the last traces are kept in
memory, where other gctl processes find them:

  gctl context add NAME --jaeger http://127.0.0.1:4318

It stays until ctrl-c; then what it kept is gone.

Exit codes: 0 ended by ctrl-c; 1 an address could not be listened at; 2 wrong
usage.`

func newTracesListen(f *Factory) *cobra.Command {
	var o CollectorOptions
	cmd := &cobra.Command{
		Use:   "listen",
		Short: "Receive traces over OTLP, show them and serve them to other gctl processes",
		Long:  listenLong,
		Example: `  gctl traces listen
  userd --otlp 127.0.0.1:4317 ...
  gctl traces listen --grpc 127.0.0.1:0 --http 127.0.0.1:0 -o jsonl`,
		Args:        args(0, 0),
		Annotations: map[string]string{outputs: "table,jsonl"},
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runListen(cmd.Context(), f, o)
		},
	}
	cmd.Flags().StringVar(&o.GRPC, "grpc", "127.0.0.1:4317", "take OTLP over gRPC at this `address`")
	cmd.Flags().StringVar(&o.HTTP, "http", "127.0.0.1:4318", "take OTLP over HTTP, and serve what came, at this `address`")
	return cmd
}

// spanLine is a span that came, as JSON.
type spanLine struct {
	TraceID    string         `json:"trace_id"`
	SpanID     string         `json:"span_id"`
	ParentID   string         `json:"parent_id"`
	Start      time.Time      `json:"start"`
	DurationMS float64        `json:"duration_ms"`
	Service    string         `json:"service"`
	Name       string         `json:"name"`
	Kind       fleet.SpanKind `json:"kind"`
	Error      bool           `json:"error"`
	Message    string         `json:"message,omitempty"`
}

func runListen(ctx context.Context, f *Factory, o CollectorOptions) error {
	p, err := f.Printer()
	if err != nil {
		return err
	}
	var one sync.Mutex
	var failed error
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	o.Notify = func(trace string, s *fleet.Span) { //nolint:contextcheck // the printer has it
		one.Lock()
		defer one.Unlock()
		if err := showSpan(p, trace, s); err != nil && failed == nil { // nobody reads any more
			failed = err
			stop()
		}
	}
	c, err := f.Collect(ctx, o)
	if err != nil {
		return err
	}
	grpc, http := c.Addresses()
	f.Notef("listening for OTLP over gRPC at %s and over HTTP at %s; the spans are read by: gctl context add NAME --jaeger http://%s", grpc, http, http)
	<-ctx.Done()
	err = c.Close()
	one.Lock()
	defer one.Unlock()
	if failed != nil {
		return failed
	}
	return err
}

func showSpan(p *output.Printer, trace string, s *fleet.Span) error {
	if p.Structured() {
		return p.Value(spanLine{
			TraceID: trace, SpanID: s.ID, ParentID: s.Parent, Start: s.Start.UTC(), DurationMS: ms(s.Duration), Service: s.Service,
			Name: s.Name, Kind: s.Kind, Error: s.Error, Message: s.Message,
		})
	}
	end := output.Text("")
	if s.Error {
		end = output.Cell{Text: strings.TrimSuffix("  error: "+s.Message, ": "), Style: output.Bad}
	}
	return p.Line(
		output.Cell{Text: s.Start.UTC().Format("2006-01-02T15:04:05.000Z") + "  " + trace[:min(16, len(trace))] + "  ", Style: output.Faint},
		output.Text(fmt.Sprintf("%10sms  %s", formatMS(ms(s.Duration)), spanName(s))), end)
}

// spanName is a span in a few words; an arrow stands in a call to another.
func spanName(s *fleet.Span) string {
	if s.Kind == fleet.SpanClient || s.Kind == fleet.SpanProducer {
		return s.Service + " → " + s.Name
	}
	return s.Service + " " + s.Name
}
