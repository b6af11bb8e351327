package fleettest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// TraceWorld is a source of traces under test and the means to fill it.
type TraceWorld struct {
	Reader fleet.TraceReader
	// Send has the source take traces.
	Send func(traces ...fleet.Trace)
	// Resolution is how exact the source's times are.
	Resolution time.Duration
}

// TraceReader runs the suite. The tests share what open returns; each uses names
// and IDs of its own.
func TraceReader(t *testing.T, open func(t *testing.T) TraceWorld) {
	w := open(t)
	t.Run("a trace nobody sent is not found", func(t *testing.T) {
		for _, id := range []string{newID(16), "0123456789abcdef"} {
			got, err := w.Reader.Trace(t.Context(), id)
			if !errors.Is(err, fleet.ErrNotFound) {
				t.Errorf("Trace(%s) = %+v, %v", id, got, err)
			}
		}
	})
	t.Run("what is no ID is wrong usage", func(t *testing.T) {
		for _, id := range []string{"", "xyz", "../services", newID(16) + "0"} {
			if _, err := w.Reader.Trace(t.Context(), id); fleet.KindOf(err) != fleet.Usage {
				t.Errorf("Trace(%q): %v", id, err)
			}
		}
	})
	t.Run("a trace comes back as it was sent", func(t *testing.T) { testWhole(t, w) })
	t.Run("odd traces are traces", func(t *testing.T) { testOddTraces(t, w) })
	t.Run("services and operations are listed", func(t *testing.T) { testNames(t, w) })
	t.Run("a search finds what fits and nothing else", func(t *testing.T) { testSearch(t, w) })
	t.Run("the newest come first and a limit is kept", func(t *testing.T) { testNewest(t, w) })
	t.Run("a service nobody knows has no traces", func(t *testing.T) {
		list, err := w.Reader.SearchTraces(t.Context(), fleet.TraceQuery{Service: "nobody-" + newID(4)})
		if err != nil || len(list.Traces) != 0 || list.More || list.Provenance.Source == "" || list.Provenance.Query == "" {
			t.Errorf("SearchTraces = %+v, %v", list, err)
		}
	})
	t.Run("an ended context ends everything", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, one := w.Reader.Trace(ctx, newID(16))
		_, services := w.Reader.TraceServices(ctx)
		_, search := w.Reader.SearchTraces(ctx, fleet.TraceQuery{})
		for _, err := range []error{one, services, search} {
			if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}
	})
}

func newID(bytes int) string {
	raw := make([]byte, bytes)
	_, _ = rand.Read(raw) // never fails
	raw[0] |= 1           // not all zeros
	return hex.EncodeToString(raw)
}

// sampleTrace is a server span with two children: a call that failed and a query.
func sampleTrace(service string, start time.Time) fleet.Trace {
	root, call, query := newID(8), newID(8), newID(8)
	start = start.UTC().Truncate(time.Microsecond)
	process := map[string]string{"service.name": service, "service.instance.id": service + "-1"}
	return fleet.Trace{ID: newID(16), Spans: []fleet.Span{
		{ID: root, Service: service, Name: "GET /users", Kind: fleet.SpanServer, Start: start, Duration: 50 * time.Millisecond, Resource: process, Attributes: map[string]string{"http.route": "/users"}},
		{
			ID: call, Parent: root, Service: service, Name: "user.v1.UserService/GetUser", Kind: fleet.SpanClient, Start: start.Add(time.Millisecond), Duration: 20 * time.Millisecond, Resource: process,
			Attributes: map[string]string{"rpc.system.name": "grpc", "quote": "\"'\\ ü"}, Error: true, Message: "user u-9 does not exist",
			Events: []fleet.SpanEvent{{At: start.Add(2 * time.Millisecond), Name: "retry", Attributes: map[string]string{"attempt": "2"}}},
		},
		{ID: query, Parent: root, Service: service + "-db", Name: "SELECT", Kind: fleet.SpanInternal, Start: start.Add(30 * time.Millisecond), Duration: 5 * time.Millisecond, Resource: map[string]string{"service.name": service + "-db"}},
	}}
}

// awaitTrace reads a trace until it has n spans.
func (w TraceWorld) awaitTrace(t *testing.T, id string, n int) fleet.Trace {
	t.Helper()
	for deadline := time.Now().Add(patience); ; pause(t.Context()) {
		got, err := w.Reader.Trace(t.Context(), id)
		if err == nil && len(got.Spans) >= n {
			return got
		}
		if time.Now().After(deadline) {
			t.Fatalf("Trace(%s) = %+v, %v, want %d spans", id, got, err, n)
		}
	}
}

func testWhole(t *testing.T, w TraceWorld) {
	want := sampleTrace("whole-"+newID(4), time.Now().Add(-time.Minute))
	w.Send(want)
	got := w.awaitTrace(t, want.ID, len(want.Spans))
	if got.ID != want.ID || got.Truncated != 0 || got.Provenance.Source == "" || got.Provenance.Query == "" || got.Provenance.At.IsZero() {
		t.Errorf("trace = %+v", got)
	}
	if len(got.Spans) != len(want.Spans) {
		t.Fatalf("%d spans, want %d", len(got.Spans), len(want.Spans))
	}
	for _, s := range want.Spans {
		at := slices.IndexFunc(got.Spans, func(g fleet.Span) bool { return g.ID == s.ID })
		if at < 0 {
			t.Fatalf("span %s is missing: %+v", s.ID, got.Spans)
		}
		w.compare(t, &got.Spans[at], &s)
	}
	short, err := w.Reader.Trace(t.Context(), "  "+want.ID+" ")
	if err != nil || short.ID != want.ID {
		t.Errorf("an ID with blanks: %v", err)
	}
}

// compare compares spans. A source may add attributes.
func (w TraceWorld) compare(t *testing.T, got, want *fleet.Span) {
	t.Helper()
	if got.Parent != want.Parent || got.Service != want.Service || got.Name != want.Name || got.Kind != want.Kind || got.Error != want.Error || got.Message != want.Message {
		t.Errorf("span = %+v\nwant %+v", got, want)
	}
	if d := got.Start.Sub(want.Start).Abs(); d >= w.Resolution || (got.Duration-want.Duration).Abs() >= w.Resolution {
		t.Errorf("time %s %s, want %s %s", got.Start, got.Duration, want.Start, want.Duration)
	}
	contains := func(what string, got, want map[string]string) {
		t.Helper()
		for k, v := range want {
			if k != "service.name" && got[k] != v {
				t.Errorf("%s %s = %q, want %q", what, k, got[k], v)
			}
		}
	}
	contains("attribute", got.Attributes, want.Attributes)
	contains("resource", got.Resource, want.Resource)
	if len(got.Events) != len(want.Events) {
		t.Fatalf("events = %+v", got.Events)
	}
	for i, e := range want.Events {
		if got.Events[i].Name != e.Name || got.Events[i].At.Sub(e.At).Abs() >= w.Resolution {
			t.Errorf("event = %+v, want %+v", got.Events[i], e)
		}
		contains("attribute of the event", got.Events[i].Attributes, e.Attributes)
	}
}

// testOddTraces has parents that are missing, cycles, duplicates and spans before
// their parents: all of it comes back.
func testOddTraces(t *testing.T, w TraceWorld) {
	service, now := "odd-"+newID(4), time.Now().Add(-time.Minute).UTC().Truncate(time.Microsecond)
	a, b, c, d := newID(8), newID(8), newID(8), newID(8)
	span := func(id, parent string, start time.Time) fleet.Span {
		return fleet.Span{ID: id, Parent: parent, Service: service, Name: "odd", Kind: fleet.SpanServer, Start: start, Duration: time.Millisecond, Resource: map[string]string{"service.name": service}}
	}
	trace := fleet.Trace{ID: newID(16), Spans: []fleet.Span{
		span(a, b, now), span(b, a, now), // a cycle
		span(c, newID(8), now),                    // nobody has the parent
		span(d, c, now.Add(-10*time.Millisecond)), // before its parent
		span(d, c, now.Add(-10*time.Millisecond)), // twice
	}}
	w.Send(trace)
	got := w.awaitTrace(t, trace.ID, 4)
	for _, id := range []string{a, b, c, d} {
		if !slices.ContainsFunc(got.Spans, func(s fleet.Span) bool { return s.ID == id }) {
			t.Errorf("span %s is missing of %+v", id, got.Spans)
		}
	}
	list, err := w.Reader.SearchTraces(t.Context(), fleet.TraceQuery{Service: service})
	if err != nil || len(list.Traces) != 1 || list.Traces[0].ID != trace.ID {
		t.Errorf("SearchTraces = %+v, %v", list, err)
	}
}

func testNames(t *testing.T, w TraceWorld) {
	service := "names-" + newID(4)
	trace := sampleTrace(service, time.Now().Add(-time.Minute))
	w.Send(trace)
	w.awaitTrace(t, trace.ID, len(trace.Spans))
	services, err := w.Reader.TraceServices(t.Context())
	if err != nil || !slices.IsSorted(services) || !slices.Contains(services, service) || !slices.Contains(services, service+"-db") {
		t.Errorf("TraceServices = %v, %v", services, err)
	}
	operations, err := w.Reader.TraceOperations(t.Context(), service)
	if want := []string{"GET /users", "user.v1.UserService/GetUser"}; err != nil || !slices.Equal(operations, want) {
		t.Errorf("TraceOperations = %q, %v, want %q", operations, err, want)
	}
	if none, err := w.Reader.TraceOperations(t.Context(), "nobody-"+newID(4)); err != nil || len(none) != 0 {
		t.Errorf("operations of nobody: %q, %v", none, err)
	}
}

func testSearch(t *testing.T, w TraceWorld) {
	service, now := "search-"+newID(4), time.Now()
	plain, old, slow := sampleTrace(service, now.Add(-time.Minute)), sampleTrace(service, now.Add(-2*time.Hour)), sampleTrace(service, now.Add(-2*time.Minute))
	plain.Spans = plain.Spans[:1]
	slow.Spans[1].Duration = 40 * time.Millisecond
	slow.Spans[1].Error = false
	slow.Spans[1].Attributes["customer"] = "acme"
	all := []fleet.Trace{plain, slow, old}
	w.Send(all...)
	for i := range all {
		w.awaitTrace(t, all[i].ID, len(all[i].Spans))
	}
	call := "user.v1.UserService/GetUser"
	for name, c := range map[string]struct {
		q    fleet.TraceQuery
		want []fleet.Trace
	}{
		"service":                {fleet.TraceQuery{}, []fleet.Trace{plain, slow, old}},
		"operation":              {fleet.TraceQuery{Operation: call}, []fleet.Trace{slow, old}},
		"no such operation":      {fleet.TraceQuery{Operation: "SELECT"}, nil}, // it is another service's
		"attribute":              {fleet.TraceQuery{Tags: map[string]string{"customer": "acme"}}, []fleet.Trace{slow}},
		"two attributes":         {fleet.TraceQuery{Tags: map[string]string{"customer": "acme", "rpc.system.name": "grpc"}}, []fleet.Trace{slow}},
		"attributes of two":      {fleet.TraceQuery{Tags: map[string]string{"customer": "acme", "http.route": "/users"}}, nil},
		"attribute and value":    {fleet.TraceQuery{Tags: map[string]string{"customer": "other"}}, nil},
		"attribute of process":   {fleet.TraceQuery{Tags: map[string]string{"service.instance.id": service + "-1"}}, []fleet.Trace{plain, slow, old}},
		"errors":                 {fleet.TraceQuery{ErrorsOnly: true}, []fleet.Trace{old}},
		"errors of an operation": {fleet.TraceQuery{ErrorsOnly: true, Operation: "GET /users"}, nil},
		"at least":               {fleet.TraceQuery{Operation: call, MinDuration: 30 * time.Millisecond}, []fleet.Trace{slow}},
		"at most":                {fleet.TraceQuery{Operation: call, MaxDuration: 30 * time.Millisecond}, []fleet.Trace{old}},
		"since":                  {fleet.TraceQuery{Start: now.Add(-time.Hour)}, []fleet.Trace{plain, slow}},
		"until":                  {fleet.TraceQuery{End: now.Add(-time.Hour)}, []fleet.Trace{old}},
		"between":                {fleet.TraceQuery{Start: now.Add(-3 * time.Minute), End: now.Add(-90 * time.Second)}, []fleet.Trace{slow}},
	} {
		t.Run(name, func(t *testing.T) {
			c.q.Service = service
			list, err := w.Reader.SearchTraces(t.Context(), c.q)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := idsOf(list.Traces), traceIDs(c.want); !slices.Equal(got, want) {
				t.Errorf("found %v, want %v (%s)", got, want, list.Provenance.Query)
			}
		})
	}
	t.Run("without a service", func(t *testing.T) {
		list, err := w.Reader.SearchTraces(t.Context(), fleet.TraceQuery{Tags: map[string]string{"service.instance.id": service + "-1"}})
		if got, want := idsOf(list.Traces), traceIDs(all); err != nil || !slices.Equal(got, want) {
			t.Errorf("found %v, want %v: %v", got, want, err)
		}
	})
	list, err := w.Reader.SearchTraces(t.Context(), fleet.TraceQuery{Service: service, ErrorsOnly: true})
	if err != nil || len(list.Traces) != 1 {
		t.Fatal(list, err)
	}
	want := old.Summary()
	if got := list.Traces[0]; got.Root != want.Root || got.Spans != 3 || got.Errors != 1 || !slices.Equal(got.Services, want.Services) || (got.Duration-want.Duration).Abs() >= w.Resolution {
		t.Errorf("summary = %+v, want %+v", got, want)
	}
}

func testNewest(t *testing.T, w TraceWorld) {
	service, now := "newest-"+newID(4), time.Now()
	var sent []fleet.Trace
	for i := range 7 {
		sent = append(sent, sampleTrace(service, now.Add(-time.Duration(i)*time.Second)))
	}
	w.Send(sent[3], sent[1], sent[6], sent[0], sent[2], sent[5], sent[4])
	for i := range sent {
		w.awaitTrace(t, sent[i].ID, 3)
	}
	list, err := w.Reader.SearchTraces(t.Context(), fleet.TraceQuery{Service: service, Limit: 100})
	if got, want := idsOf(list.Traces), traceIDs(sent); err != nil || list.More || !slices.Equal(got, want) {
		t.Errorf("found %v (more: %v), want %v: %v", got, list.More, want, err)
	}
	for _, q := range []fleet.TraceQuery{{Limit: 3}, {Limit: 3, ErrorsOnly: true}} {
		q.Service = service
		list, err = w.Reader.SearchTraces(t.Context(), q)
		if err != nil || len(list.Traces) != 3 || !list.More || !slices.IsSortedFunc(list.Traces, func(a, b fleet.TraceSummary) int { return b.Start.Compare(a.Start) }) {
			t.Errorf("%+v: found %d, more %v: %v", q, len(list.Traces), list.More, err)
		}
	}
}

func idsOf(list []fleet.TraceSummary) []string {
	ids := make([]string, 0, len(list))
	for _, t := range list {
		ids = append(ids, t.ID)
	}
	return ids
}

func traceIDs(list []fleet.Trace) []string {
	ids := make([]string, 0, len(list))
	for _, t := range list {
		ids = append(ids, fmt.Sprint(t.ID))
	}
	return ids
}
