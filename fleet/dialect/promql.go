package dialect

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// Target labels, by which a series is joined with the process that exported it.
const (
	labelJob      = "job"
	labelInstance = "instance"
)

// Placed tells whether rows need to know which process counted: then the labels
// of its target are kept apart.
func (s *Source) Placed(by []fleet.Dimension) bool {
	if s.names.Mesh {
		return false
	}
	return s.Side == fleet.ServerSide && slices.Contains(by, fleet.ByInstance) ||
		s.Side == fleet.ClientSide && slices.Contains(by, fleet.ByCaller)
}

// labels are those that rows of this kind depend on.
func (s *Source) labels(by []fleet.Dimension) []string {
	var labels []string
	n := s.names
	aside := s.Side == fleet.ClientSide || n.Mesh
	if slices.Contains(by, fleet.ByMethod) || aside {
		labels = append(labels, n.Method...)
	}
	if aside {
		labels = append(labels, n.Callee...)
		if slices.Contains(n.Callee, "server.address") {
			labels = append(labels, "server.port")
		}
	}
	if slices.Contains(by, fleet.ByCaller) {
		labels = append(labels, n.Caller...)
	}
	if slices.Contains(by, fleet.ByInstance) && n.Answered != "" && s.Side == fleet.ClientSide {
		labels = append(labels, n.Answered)
	}
	for i := range labels {
		labels[i] = s.form(labels[i])
	}
	if s.Placed(by) {
		labels = append(labels, labelJob, labelInstance)
	}
	if n.Scoped {
		labels = append(labels, "otel_scope_name", "otel_scope_version")
	}
	slices.Sort(labels)
	return slices.Compact(labels)
}

// CallsQuery is the PromQL for the rates of calls by code and by; selector are
// further matchers, `job="user"`, or "".
func (s *Source) CallsQuery(selector string, by []fleet.Dimension, window time.Duration) string {
	labels := s.labels(by)
	for _, code := range s.names.Code {
		labels = append(labels, s.form(code))
	}
	if s.Counter == "" && s.Native {
		return fmt.Sprintf("sum by (%s) (histogram_count(rate(%s[%s])))", join(labels), s.selector(s.Histogram, selector), PromDuration(window))
	}
	if s.Counter == "" { // only a histogram without code
		return fmt.Sprintf("sum by (%s) (rate(%s[%s]))", join(labels), s.selector(s.Histogram+"_count", selector), PromDuration(window))
	}
	return fmt.Sprintf("sum by (%s) (rate(%s[%s]))", join(labels), s.selector(s.Counter, selector), PromDuration(window))
}

// BucketsQuery is the PromQL for the distribution of durations; "" where there
// is none.
func (s *Source) BucketsQuery(selector string, by []fleet.Dimension, window time.Duration) string {
	labels := s.labels(by)
	switch {
	case s.Histogram == "":
		return ""
	case s.Native:
		return fmt.Sprintf("sum by (%s) (rate(%s[%s]))", join(labels), s.selector(s.Histogram, selector), PromDuration(window))
	default:
		return fmt.Sprintf("sum by (%s) (rate(%s[%s]))", join(append(labels, "le")), s.selector(s.Histogram+"_bucket", selector), PromDuration(window))
	}
}

func (s *Source) selector(name, matchers string) string {
	var all []string
	for _, w := range s.names.Where {
		all = append(all, Matcher(w[0], w[1]))
	}
	if matchers != "" {
		all = append(all, matchers)
	}
	return Selector(name, all...)
}

// Selector is name{matchers}, by quotes where the name is UTF-8.
func Selector(name string, matchers ...string) string {
	if !legacy(name) {
		return "{" + strings.Join(append([]string{strconv.Quote(name)}, matchers...), ",") + "}"
	}
	if len(matchers) == 0 {
		return name
	}
	return name + "{" + strings.Join(matchers, ",") + "}"
}

// Matcher is label="value".
func Matcher(label, value string) string { return quoteLabel(label) + "=" + quote(value) }

// OneOf matches any of the values.
func OneOf(label string, values []string) string {
	if len(values) == 1 {
		return Matcher(label, values[0])
	}
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = regexp.QuoteMeta(v)
	}
	return quoteLabel(label) + "=~" + quote(strings.Join(quoted, "|"))
}

// quote writes a string of PromQL, whose escapes are Go's.
func quote(v string) string { return strconv.Quote(v) }

func quoteLabel(label string) string {
	if legacy(label) {
		return label
	}
	return quote(label)
}

func join(labels []string) string {
	out := make([]string, len(labels))
	for i, l := range labels {
		out[i] = quoteLabel(l)
	}
	return strings.Join(out, ", ")
}

// legacy tells whether a name needs no quotes.
func legacy(name string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_:"
	return name != "" && strings.Contains(letters, name[:1]) && strings.Trim(name, letters+"0123456789") == ""
}

// PromDuration writes a duration as PromQL does, to the millisecond.
func PromDuration(d time.Duration) string {
	for _, u := range []struct {
		size time.Duration
		name string
	}{{time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}} {
		if d >= u.size && d%u.size == 0 {
			return strconv.FormatInt(int64(d/u.size), 10) + u.name
		}
	}
	return strconv.FormatInt(max(1, d.Milliseconds()), 10) + "ms"
}
