package whytest

import (
	"context"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// traces answers what Jaeger would.
type traces struct{ w *World }

func (traces) TraceServices(context.Context) ([]string, error) {
	return []string{"edge", "user"}, nil
}

func (traces) TraceOperations(context.Context, string) ([]string, error) { return nil, nil }

func (s traces) SearchTraces(_ context.Context, q fleet.TraceQuery) (fleet.TraceList, error) {
	var l fleet.TraceList
	for i := range s.w.traced { // newest first
		c := &s.w.traced[i]
		if c.at.Before(q.Start) || c.at.After(q.End) || q.ErrorsOnly && !c.failed() || q.Service == "user" && (c.user == nil || !c.counted) {
			continue
		}
		if len(l.Traces) == q.Limit {
			l.More = true
			break
		}
		l.Traces = append(l.Traces, fleet.TraceSummary{ID: c.id, Root: "edge " + methods[c.method].name, Start: c.at, Duration: duration(c.took)})
	}
	return l, nil
}

func (c *call) failed() bool { return c.code != ok && c.code != notFound && c.code != invalid }

func duration(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }

func (s traces) Trace(_ context.Context, id string) (fleet.Trace, error) {
	if c := s.w.byID[id]; c != nil {
		return fleet.Trace{ID: id, Spans: c.spans(), Provenance: fleet.Provenance{Source: "jaeger", At: s.w.Now}}, nil
	}
	return fleet.Trace{}, fleet.ErrNotFound
}

func (c *call) spans() []fleet.Span {
	name := methods[c.method].name
	resource := func(in *instance) map[string]string {
		return map[string]string{"service.instance.id": in.ID, "service.version": in.Version}
	}
	message := ""
	if c.failed() {
		message = codeNames[c.code]
	}
	out := []fleet.Span{{
		ID: "a", Service: "edge", Name: name, Kind: fleet.SpanServer, Start: c.at, Duration: duration(c.took), Error: c.failed(), Message: message,
		Resource: resource(c.edge),
	}}
	if c.user == nil {
		return out
	}
	inside := min(c.own+c.db, c.took)
	start := c.at.Add(duration(c.overhead / 2))
	out = append(out, fleet.Span{
		ID: "b", Parent: "a", Service: "edge", Name: name, Kind: fleet.SpanClient, Start: start, Duration: duration(inside), Error: c.failed(), Message: message,
		Resource: resource(c.edge), Attributes: map[string]string{"rpc.response.status_code": codeNames[c.code]},
	})
	if !c.counted {
		return out
	}
	out = append(out, fleet.Span{
		ID: "c", Parent: "b", Service: "user", Name: name, Kind: fleet.SpanServer, Start: start, Duration: duration(inside), Error: c.failed(), Message: message,
		Resource: resource(c.user), Attributes: map[string]string{"rpc.response.status_code": codeNames[c.code]},
	})
	if c.db > 0 {
		out = append(out, fleet.Span{
			ID: "d", Parent: "c", Service: "user", Name: "query " + name, Kind: fleet.SpanClient, Start: start.Add(duration(c.own / 2)),
			Duration: duration(min(c.db, inside)), Error: c.dbFailed, Message: c.dbMessage,
			Attributes: map[string]string{"db.system.name": "postgresql"}, Resource: resource(c.user),
		})
	}
	return out
}
