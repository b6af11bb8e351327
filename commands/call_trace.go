package commands

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/output"
	"github.com/gctl-dev/gctl/internal/term"
	"github.com/gctl-dev/gctl/ops/waterfall"
	"github.com/gctl-dev/gctl/rpc"
)

// traceLimit is how long --trace waits for the spans of the services, most of
// which send them every few seconds.
const traceLimit = 10 * time.Second

// callTrace is the trace that a call begins with --trace: gctl's own span is its
// root.
type callTrace struct {
	id    string
	span  fleet.Span
	began bool
}

// traceparent makes the IDs of a trace and sends them along, as W3C Trace Context
// has it (https://www.w3.org/TR/trace-context), with the flag that asks the services
// to record it.
func (c *call) traceparent() (*callTrace, error) {
	if !c.trace {
		return &callTrace{}, nil
	}
	if len(c.headers.rpc.Get("traceparent")) > 0 {
		return nil, &fleet.Error{Kind: fleet.Usage, What: "--trace contradicts the header traceparent", Hint: "leave out one of them; gctl trace ID draws any trace"}
	}
	raw := make([]byte, 24)
	_, _ = rand.Read(raw) // never fails
	t := &callTrace{id: hex.EncodeToString(raw[:16]), began: true}
	t.span = fleet.Span{ID: hex.EncodeToString(raw[16:]), Service: "gctl", Name: c.methodName(), Kind: fleet.SpanClient, Start: time.Now()}
	c.headers.rpc.Set("traceparent", "00-"+t.id+"-"+t.span.ID+"-01")
	return t, nil
}

// end completes gctl's own span.
func (t *callTrace) end(r *rpc.Result) {
	t.span.Duration = time.Since(t.span.Start)
	if code := r.Status.Code(); code != codes.OK {
		t.span.Error, t.span.Message = true, rpc.CodeName(code)+": "+r.Status.Message()
	}
	t.span.Attributes = map[string]string{"instance": r.Instance.ID, "server.address": r.Instance.Addr}
}

// draw waits for the trace and draws it on stderr: stdout is the answer's. What
// fails is said there too, and changes nothing about how the call ended.
func (c *call) draw(ctx context.Context, t *callTrace) {
	if !t.began || ctx.Err() != nil {
		return
	}
	found, complete, err := c.fetch(ctx, t)
	switch {
	case err != nil:
		c.f.Notef("note: trace %s is not drawn: %v", t.id, err)
		var e *fleet.Error
		if errors.As(err, &e) && e.Hint != "" {
			c.f.Notef("hint: %s", e.Hint)
		}
		return
	case len(found.Spans) == 0:
		c.f.Notef("note: no span of trace %s came within %s; does the service send its traces there? (userd: --otlp)", t.id, traceLimit)
		return
	case !complete:
		c.f.Notef("note: the trace may not be complete; later: gctl trace %s", t.id)
	}
	found.Spans = append(found.Spans, t.span)
	layout := waterfall.Lay(&found)
	noteOdd(c.f, layout)
	s := c.f.Streams
	p, err := output.New(output.Options{
		Out: s.Err, Format: output.Table, TTY: s.ErrTTY, Color: s.Color && s.ErrTTY, Width: s.Width, Now: c.f.Now, Context: ctx, Clean: term.Clean,
	})
	if err == nil {
		err = printTrace(p, layout, false) //nolint:contextcheck // the printer has it
	}
	if err != nil {
		c.f.Notef("note: trace %s is not drawn: %v", t.id, err)
	}
}

// fetch reads the trace once it is complete, with the names of the catalog.
func (c *call) fetch(ctx context.Context, t *callTrace) (fleet.Trace, bool, error) {
	names, err := newTraceNames(c.f)
	if err != nil {
		return fleet.Trace{}, false, err
	}
	reader, err := c.f.Traces(ctx)
	if err != nil {
		return fleet.Trace{}, false, err
	}
	found, complete, err := awaitTrace(ctx, reader, t.id, t.span.ID, traceLimit)
	names.rename(&found)
	return found, complete, err
}
