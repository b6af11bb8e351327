package prom

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/fleet/dialect"
)

// windowParts is into how many steps a window is cut to find where it begins.
const windowParts = 300

// window is the window of a question as far as Prometheus has it: a rate over
// more would spread the calls of a few seconds over all of it. It begins where
// the first of the targets was first read.
func (s *survey) window(ctx context.Context, service string, sources []found) time.Duration {
	if s.w.step > 0 { // each point of a range has a window of its own
		return s.q.Window
	}
	for looked := s.q.Window; ; {
		step := max(time.Second, (looked / windowParts).Truncate(time.Second))
		a, err := s.r.ask(ctx, ageQuery(sources, looked, step), s.w)
		switch {
		case err != nil:
			return s.q.Window
		case len(a.series) > 0 && len(a.series[0].points) > 0:
			return s.cut(service, a.series[0].points[0].value)
		case step == time.Second:
			return s.q.Window // metrics that were pushed have no up
		}
		looked = step // all that there is lies between the last two steps
	}
}

// ageQuery is the PromQL for how many seconds ago the first of the targets was
// first read, as far as the window looks back.
func ageQuery(sources []found, window, step time.Duration) string {
	var parts []string
	for i := range sources {
		up := dialect.Selector("up", sources[i].targets)
		part := fmt.Sprintf("min_over_time((timestamp(%s) and %s == 1)[%s:%s])", up, up, dialect.PromDuration(window), dialect.PromDuration(step))
		if !slices.Contains(parts, part) {
			parts = append(parts, part)
		}
	}
	return "time() - min(" + strings.Join(parts, " or ") + ")"
}

// cut keeps the window of a service down to the seconds that there are.
func (s *survey) cut(service string, seconds float64) time.Duration {
	// The sample that was first must still be in the window of the next query.
	age := time.Duration((seconds + .3) * float64(time.Second)).Round(100 * time.Millisecond)
	if age <= 0 || age >= s.q.Window {
		return s.q.Window
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.windows[service] = age
	return age
}

// short writes a duration without the zeros behind: 5m.
func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
