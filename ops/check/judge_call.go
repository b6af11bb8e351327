package check

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/internal/output"
)

func judgeCall(ctx context.Context, c *Check, s *Sources) []Finding {
	if s.Call == nil {
		return undecided("code "+c.Expect.Code, c.About.Method, errNoSource)
	}
	reply, err := s.Call(ctx, &c.About)
	if err != nil {
		return undecided("code "+c.Expect.Code, c.About.Method, err)
	}
	where := joined(c.About.Method, reply.Instance)
	got := reply.Code
	if reply.Message != "" && reply.Code != c.Expect.Code {
		got += ": " + reply.Message
	}
	findings := []Finding{found(reply.Code == c.Expect.Code, "code "+c.Expect.Code, got, where, reply.Command)}
	if c.Expect.Under > 0 {
		findings = append(findings, found(reply.Latency < c.Expect.Under, "under "+c.Expect.Under.String(), reply.Latency.Round(10*time.Microsecond).String(), where, reply.Command))
	}
	if c.Expect.JQ != "" && reply.Code == "OK" {
		findings = append(findings, judgeJQ(ctx, c, &reply, where))
	}
	return findings
}

func judgeJQ(ctx context.Context, c *Check, reply *Reply, where string) Finding {
	document := plainJSON(reply.Messages)
	if len(reply.Messages) == 1 {
		document = reply.Messages[0]
	}
	results, err := output.Query(ctx, c.Expect.JQ, document)
	if err != nil {
		// The library's text shows the beginning of a value in parentheses.
		text, _, _ := strings.Cut(err.Error(), " (")
		if q, ok := errors.AsType[*output.QueryError](err); ok {
			text, _, _ = strings.Cut(q.Err.Error(), " (")
		}
		return found(false, "jq "+c.Expect.JQ, text+", of "+c.short(document), where, reply.Command)
	}
	holds := len(results) > 0
	for _, v := range results {
		holds = holds && v != nil && v != false
	}
	text := fmt.Sprintf("%s of %s", c.short(plainJSON(results)), c.short(document))
	return found(holds, "jq "+c.Expect.JQ, text, where, reply.Command)
}

// short cuts what came, its secrets hidden before: half a secret is one too.
func (c *Check) short(raw []byte) string {
	const most = 300
	text := c.file.Redact(string(raw))
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "") + "..."
	}
	return text
}

func judgeTrace(ctx context.Context, c *Check, s *Sources) []Finding {
	if s.Trace == nil {
		return undecided("a trace", c.About.Method, errNoSource)
	}
	reply, trace, err := s.Trace(ctx, &c.About)
	if err != nil {
		return undecided("a trace", c.About.Method, err)
	}
	if trace.ID == "" {
		return []Finding{found(false, "a trace", reply.Code+": "+reply.Message, c.About.Method, reply.Command)}
	}
	e := &c.Expect
	where := joined(c.About.Method, "trace "+trace.ID)
	evidence := "gctl trace " + trace.ID
	services := map[string]bool{}
	errs := 0
	for i := range trace.Spans {
		services[trace.Spans[i].Service] = true
		if trace.Spans[i].Error {
			errs++
		}
	}
	var findings []Finding
	for _, want := range e.Services {
		findings = append(findings, found(services[want], "service "+want, some(keys(services)), where, evidence))
	}
	if e.Errors != nil {
		findings = append(findings, found(errs <= *e.Errors, fmt.Sprintf("errors %d", *e.Errors), fmt.Sprint(errs), where, evidence))
	}
	if e.Under > 0 {
		findings = append(findings, found(reply.Latency < e.Under, "under "+e.Under.String(), reply.Latency.Round(10*time.Microsecond).String(), where, evidence))
	}
	if len(findings) == 0 {
		findings = append(findings, found(len(trace.Spans) > 0, "a trace", fmt.Sprintf("%d spans", len(trace.Spans)), where, evidence))
	}
	return findings
}

func keys(m map[string]bool) []string { return slices.Sorted(maps.Keys(m)) }
