package commands

import (
	"context"

	"github.com/gctl-dev/gctl/fleet"
)

// namedTraces is a TraceReader in which services have the names of the catalog.
type namedTraces struct {
	fleet.TraceReader

	names *traceNames
}

func openNamedTraces(ctx context.Context, f *Factory) (fleet.TraceReader, error) {
	names, err := newTraceNames(f)
	if err != nil {
		return nil, err
	}
	r, err := f.Traces(ctx)
	if err != nil {
		return nil, err
	}
	return &namedTraces{r, names}, nil
}

// TraceServices implements fleet.TraceReader.
func (n *namedTraces) TraceServices(ctx context.Context) ([]string, error) {
	list, err := n.TraceReader.TraceServices(ctx)
	return n.names.all(list), err
}

// TraceOperations implements fleet.TraceReader.
func (n *namedTraces) TraceOperations(ctx context.Context, service string) ([]string, error) {
	return n.TraceReader.TraceOperations(ctx, n.names.there(service))
}

// SearchTraces implements fleet.TraceReader.
func (n *namedTraces) SearchTraces(ctx context.Context, q fleet.TraceQuery) (fleet.TraceList, error) {
	q.Service = n.names.there(q.Service)
	list, err := n.TraceReader.SearchTraces(ctx, q)
	for i := range list.Traces {
		t := &list.Traces[i]
		t.Root, t.Services = n.names.root(t), n.names.all(t.Services)
	}
	return list, err
}

// Trace implements fleet.TraceReader.
func (n *namedTraces) Trace(ctx context.Context, id string) (fleet.Trace, error) {
	t, err := n.TraceReader.Trace(ctx, id)
	if err == nil {
		n.names.rename(&t)
	}
	return t, err
}
