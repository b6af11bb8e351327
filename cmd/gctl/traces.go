package main

import (
	"context"

	"github.com/gctl-dev/gctl/commands"
	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/dialect/spans"
	jaegersource "github.com/gctl-dev/gctl/fleet/jaeger"
	"github.com/gctl-dev/gctl/fleet/otlp"
)

// openTraces opens the Jaeger of the selected context, or what serves its API.
func openTraces(ctx context.Context, f *commands.Factory) (fleet.TraceReader, error) {
	client, err := openBackend(ctx, f, jaeger)
	if err != nil {
		return nil, err
	}
	return jaegersource.New(jaegersource.Options{Client: client, Now: f.Now}), nil
}

// collect starts gctl's own receiver.
func collect(ctx context.Context, o commands.CollectorOptions) (commands.Collector, error) {
	options := otlp.Options{GRPC: o.GRPC, HTTP: o.HTTP}
	if o.Notify != nil {
		options.Notify = func(list []spans.Span) {
			for i := range list {
				o.Notify(list[i].Trace, &list[i].Span)
			}
		}
	}
	r, err := otlp.Start(ctx, options)
	if err != nil {
		return nil, err
	}
	return collector{r}, nil
}

// collector is a receiver as commands know it.
type collector struct{ *otlp.Receiver }

// Addresses returns where spans are taken over gRPC, and where they are taken over
// HTTP and read.
func (c collector) Addresses() (grpc, http string) { return c.GRPC, c.HTTP }
