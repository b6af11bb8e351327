package trace

import (
	"fmt"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/term"
	"github.com/gctl-dev/gctl/ops/waterfall"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/widget"
)

// selected is the row under the cursor, nil if there is none.
func (s *Screen) selected() *waterfall.Row {
	if it := s.table.Selected(); it != nil && s.trace != nil {
		return &s.trace.Rows[it.row]
	}
	return nil
}

// Focus implements screen.Focused: the instance that the span is of, and the method
// that it is a call of, with the service that serves it.
func (s *Screen) Focus(look *screen.Look) screen.Focus {
	f := screen.Focus{Trace: s.id()}
	r := s.selected()
	if r == nil {
		return f
	}
	f.Service, f.Instance = r.Span.Service, r.Span.Resource[instanceID]
	f.Method = method(r.Span)
	if f.Method != "" && r.Span.Kind == fleet.SpanClient {
		s.callee(look, s.table.Selected().row, &f)
	}
	return f
}

// method is the full name of the method that a span is a call of, "" if it is none.
// Its attributes are those of
// https://opentelemetry.io/docs/specs/semconv/rpc/rpc-spans/: since 1.39 rpc.method
// is the full name, before that rpc.service had its first part.
func method(s *fleet.Span) string {
	if s.Kind != fleet.SpanServer && s.Kind != fleet.SpanClient {
		return ""
	}
	name := s.Attributes["rpc.method"]
	if service := s.Attributes["rpc.service"]; service != "" && name != "" && !strings.Contains(name, "/") {
		name = service + "/" + name
	}
	if name == "" && s.Attributes["rpc.system"] == "grpc" {
		name = s.Name
	}
	name = strings.TrimPrefix(name, "/")
	if strings.Count(name, "/") != 1 || strings.ContainsAny(name, " \t\n") {
		return ""
	}
	return name
}

// callee is whom a client's span has called: the server's span below it says so, or
// the address that was called.
func (s *Screen) callee(look *screen.Look, row int, f *screen.Focus) {
	for i := row + 1; i <= row+s.trace.Rows[row].Below; i++ {
		if r := &s.trace.Rows[i]; r.Parent == row && r.Span.Kind == fleet.SpanServer {
			f.Service, f.Instance = r.Span.Service, r.Span.Resource[instanceID]
			return
		}
	}
	a := s.trace.Rows[row].Span.Attributes
	addr := a["server.address"] + ":" + a["server.port"]
	for _, facts := range look.Snap.Services() {
		for i := range facts.Instances {
			if in := &facts.Instances[i].Instance; in.Addr == addr {
				f.Service, f.Instance = in.Service, in.ID
				return
			}
		}
	}
}

// Copied implements screen.Copied.
func (s *Screen) Copied(*screen.Look) (what, text string) { return "the trace ID", s.id() }

// Data implements screen.Described: the span, as gctl trace -o json has it.
func (s *Screen) Data(*screen.Look) any {
	if s.trace != nil && len(s.trace.Rows) == 0 {
		return waterfall.NewDoc(s.trace.Layout)
	}
	if r := s.selected(); r != nil {
		return waterfall.NewSpanDoc(s.trace.Layout, r)
	}
	return nil
}

// Describe implements screen.Described: all that is known of the span.
func (s *Screen) Describe(look *screen.Look) (name string, lines []string) {
	if s.selected() == nil {
		return "", nil
	}
	for _, st := range s.statements(look, s.table.Selected(), 0) {
		text := st.text
		if st.tone == dim && st.indent == 0 && !strings.Contains(text, " ") {
			text += ":"
		}
		for part := range strings.SplitSeq(text, "\n") {
			lines = append(lines, strings.Repeat(" ", st.indent)+part)
		}
	}
	return "span", lines
}

// Evidence implements screen.Evident.
func (s *Screen) Evidence(*screen.Look) []screen.Evidence {
	if s.trace == nil {
		return nil
	}
	id := s.trace.ID
	e := screen.Evidence{
		What: "trace " + id, Value: fmt.Sprintf("%s, %s, %s", widget.Duration(s.trace.Duration), plural(len(s.trace.Rows), "span"), plural(s.trace.Errors, "error")),
		Provenance: s.trace.provenance, Commands: []string{"gctl trace " + id},
	}
	for _, odd := range s.odd() {
		e.Notes = append(e.Notes, "spans: "+odd)
	}
	e.Notes = append(e.Notes, "the critical path is the last finishing child of CRISP (USENIX ATC 2022)")
	if curl := screen.Curl(s.trace.provenance); curl != "" {
		e.Commands = append(e.Commands, curl)
	}
	list := []screen.Evidence{e}
	if r := s.selected(); r != nil {
		if k, ok := s.kinds[kindOf(r.Span)]; ok && k.err == nil {
			list = append(list, k.evidence(s.standing(r)))
		}
	}
	return list
}

func (r *sample) evidence(standing string) screen.Evidence {
	q := &r.query
	command := fmt.Sprintf("gctl traces %s --operation %s --from %s --to %s --limit %d", term.Quote(q.Service), term.Quote(q.Operation),
		q.Start.UTC().Format(time.RFC3339), q.End.UTC().Format(time.RFC3339), q.Limit)
	if k := q.Tags["span.kind"]; k != "" {
		command += " --attr span.kind=" + k
	}
	e := screen.Evidence{
		What: "how long others of its kind took", Value: standing, Provenance: r.provenance,
		Notes: []string{"its kind: spans of the same service and operation"}, Commands: []string{command},
	}
	if r.more {
		e.Notes = append(e.Notes, fmt.Sprintf("of the newest %d traces that have one", q.Limit))
	}
	if curl := screen.Curl(r.provenance); curl != "" {
		e.Commands = append(e.Commands, curl)
	}
	return e
}
