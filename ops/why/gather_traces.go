package why

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// What is asked of the traces.
const (
	justBack     = 2 * time.Minute
	tracesBack   = 15 * time.Minute
	recentTraces = 24
	errorTraces  = 8
	slowTraces   = 3
	oldTraces    = 24
	maxSpans     = 300 // of a trace
)

// jaeger is what the context's map calls the source of traces.
const jaeger = "jaeger"

// sampled is a trace as it was read.
type sampled struct {
	trace  fleet.Trace
	sample Sample
}

// askTraces looks for the last traces of a service and those with errors, and for
// the one asked about for some from before, and reads them. Of a callee fewer are
// looked at: most come with the traces of its caller, but not where that refuses
// to call it.
func (g *gatherer) askTraces(service string) {
	name, part := service, 1
	if service != g.o.Service {
		part = 3
	}
	if own, ok := g.names[service][jaeger]; ok {
		name = own
	}
	recent := fleet.TraceQuery{Service: name, Start: g.ago(tracesBack), End: g.o.At, Limit: 60}
	just := recent
	just.Start = g.ago(justBack)
	g.search(just, func(found []fleet.TraceSummary) {
		if len(found) >= recentTraces/part {
			g.choose(found, Recent, recentTraces/part)
			return
		}
		g.search(recent, func(found []fleet.TraceSummary) { g.choose(found, Recent, recentTraces/part) })
	})
	failed := recent
	failed.ErrorsOnly, failed.Limit = true, errorTraces
	g.search(failed, func(found []fleet.TraceSummary) { g.choose(found, Errors, errorTraces) })
	if service == g.o.Service {
		g.searchEarlier(name, earliers)
	}
}

func (g *gatherer) search(q fleet.TraceQuery, found func([]fleet.TraceSummary)) {
	g.ask(srcTraces, func(ctx context.Context) (func(), error) {
		reader, err := g.s.traces(ctx)
		if err != nil {
			return nil, err
		}
		list, err := reader.SearchTraces(ctx, q)
		if err != nil {
			return nil, err
		}
		return func() { found(list.Traces) }, nil
	}, nil)
}

// past is a time in the past, by how long ago it began and ended.
type past struct{ from, until time.Duration }

// earliers are such times, the best first, as befores are for the metrics, and each
// the short before the long: a Jaeger that keeps its traces in memory copies all
// that match before it returns a few of them.
var earliers = []past{
	{67 * time.Minute, 65 * time.Minute},
	{2 * time.Hour, 65 * time.Minute},
	{12 * time.Minute, 10 * time.Minute},
	{20 * time.Minute, 10 * time.Minute},
	{4 * time.Minute, 150 * time.Second},
	{7 * time.Minute, 150 * time.Second},
}

// searchEarlier looks for some traces of before, to compare with.
func (g *gatherer) searchEarlier(name string, times []past) {
	q := fleet.TraceQuery{Service: name, Start: g.ago(times[0].from), End: g.ago(times[0].until), Limit: oldTraces}
	g.search(q, func(found []fleet.TraceSummary) {
		short := times[0].from-times[0].until <= 2*time.Minute
		if len(times) > 1 && (len(found) == 0 || short && len(found) < oldTraces/3) {
			g.searchEarlier(name, times[1:])
			return
		}
		g.choose(found, Earlier, oldTraces)
	})
}

// choose reads some of the traces that a search found: the newest, and of the
// recent ones the longest too.
func (g *gatherer) choose(found []fleet.TraceSummary, sample Sample, want int) {
	for i := range found {
		if i < want {
			g.readTrace(found[i].ID, sample)
		}
	}
	if sample != Recent || len(found) <= want {
		return
	}
	rest := slices.Clone(found[want:])
	slices.SortStableFunc(rest, func(a, b fleet.TraceSummary) int { return cmp.Compare(b.Duration, a.Duration) })
	for i := range rest[:min(slowTraces, len(rest))] {
		g.readTrace(rest[i].ID, Slow)
	}
}

func (g *gatherer) readTrace(id string, sample Sample) {
	g.askInstance(srcTraces, func(ctx context.Context) (func(), error) {
		reader, err := g.s.traces(ctx)
		if err != nil {
			return nil, err
		}
		t, err := reader.Trace(ctx, id)
		if err != nil {
			return nil, err
		}
		if len(t.Spans) > maxSpans {
			t.Spans = t.Spans[:maxSpans]
		}
		return func() { //nolint:contextcheck // see Gather
			if !slices.ContainsFunc(g.traces, func(s sampled) bool { return s.trace.ID == id && s.sample == sample }) {
				g.traces = append(g.traces, sampled{t, sample})
				g.linkTrace(&t)
			}
		}, nil
	})
}

// linkTrace takes from a trace who calls whom.
func (g *gatherer) linkTrace(t *fleet.Trace) {
	service := make(map[string]string, len(t.Spans))
	for i := range t.Spans {
		service[t.Spans[i].ID] = g.catalogName(t.Spans[i].Service)
	}
	for i := range t.Spans {
		s := &t.Spans[i]
		if s.Kind == fleet.SpanServer && s.Parent != "" {
			g.link(service[s.Parent], service[s.ID], t.Provenance.Source)
		}
	}
}

// catalogName is what the catalog calls a service of the traces.
func (g *gatherer) catalogName(name string) string {
	for service, names := range g.names {
		if names[jaeger] == name {
			return service
		}
	}
	return name
}

// joinTraces writes the traces down, with the instances that their spans are of.
func (g *gatherer) joinTraces() {
	var all []fleet.Instance
	for _, s := range g.facts.Services {
		all = append(all, g.live[s.Name]...)
	}
	id := fleet.NewIdentity(fleet.IdentityOptions{Instances: all, Map: g.names})
	for i := range g.traces {
		g.facts.Traces = append(g.facts.Traces, traceFact(&g.traces[i], id, g.catalogName))
	}
}

func traceFact(s *sampled, id *fleet.Identity, name func(string) string) TraceFact {
	t := &s.trace
	f := TraceFact{ID: t.ID, Sample: s.sample, Source: t.Provenance.Source, Spans: make([]SpanFact, 0, len(t.Spans))}
	tree := newSpanTree(t.Spans)
	for i := range t.Spans {
		sp := &t.Spans[i]
		if tree.twice[i] {
			continue
		}
		f.Spans = append(f.Spans, SpanFact{
			Service: name(sp.Service), Instance: instanceOf(sp, id), Name: sp.Name, Kind: sp.Kind, Peer: peer(sp),
			Took: Num(sp.Duration.Seconds()), Self: Num(tree.self(i).Seconds()), Depth: tree.depth[i],
			Error: sp.Error, Message: message(sp), Code: code(sp),
		})
	}
	if root := tree.root(); root >= 0 {
		sp := &t.Spans[root]
		f.Root, f.Start, f.Took = name(sp.Service)+" "+sp.Name, sp.Start, Num(sp.Duration.Seconds())
	}
	return f
}

func instanceOf(sp *fleet.Span, id *fleet.Identity) string {
	labels := make(map[string]string, len(sp.Resource)+1)
	maps.Copy(labels, sp.Resource)
	labels["service.name"] = sp.Service
	if m := id.Join(jaeger, labels); m.Instance != "" {
		return m.Instance
	}
	return sp.Resource["service.instance.id"]
}

// peer names what a client span calls where that has no spans of its own: a
// database or a queue, by the attributes of OpenTelemetry's semantic conventions
// (db.system.name, formerly db.system; messaging.system).
func peer(sp *fleet.Span) string {
	if sp.Kind != fleet.SpanClient && sp.Kind != fleet.SpanProducer {
		return ""
	}
	for _, key := range []string{"db.system.name", "db.system", "messaging.system"} {
		if v := sp.Attributes[key]; v != "" {
			return v
		}
	}
	return ""
}

// code is the gRPC status of a span, by OpenTelemetry's conventions: a name since
// 2025, a number before.
func code(sp *fleet.Span) string {
	if name := sp.Attributes["rpc.response.status_code"]; name != "" {
		return name
	}
	n, err := strconv.Atoi(sp.Attributes["rpc.grpc.status_code"])
	if err != nil || n < 0 || n >= len(grpcCodes) {
		return ""
	}
	return grpcCodes[n]
}

// grpcCodes are the codes of gRPC in their order.
var grpcCodes = [...]string{
	"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED",
	"FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
}

func message(sp *fleet.Span) string {
	if sp.Message != "" || !sp.Error {
		return sp.Message
	}
	for _, e := range sp.Events {
		if m := e.Attributes["exception.message"]; m != "" {
			return m
		}
	}
	return strings.TrimSpace(sp.Attributes["rpc.grpc.status_code"] + " " + sp.Attributes["error.type"])
}
