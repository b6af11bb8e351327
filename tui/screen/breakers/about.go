package breakers

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/term"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/widget"
)

// Evidence implements screen.Evident.
func (s *Screen) Evidence(look *screen.Look) []screen.Evidence {
	b := s.selected()
	if b == nil {
		return nil
	}
	e := screen.Evidence{
		What: "breaker " + b.Name + " of " + b.Caller.ID, Value: say(b, rankOf(b), 1, 1, look.Now).text(), Provenance: b.Provenance,
		Commands: []string{strings.TrimSpace("gctl breakers " + b.Target)},
	}
	if _, c := s.grid.selected(); c != nil && !s.list() && len(c.rows) > 1 {
		e.Notes = append(e.Notes, fmt.Sprintf("the worst of %d breakers", len(c.rows)))
	}
	if !told(b) {
		e.Notes = append(e.Notes, "this source tells neither trips nor counts")
	}
	e.Commands = append(e.Commands, asked(b.Provenance)...)
	return []screen.Evidence{e}
}

// asked are commands that put the question of a provenance again.
func asked(p fleet.Provenance) []string {
	where := p.Source[strings.LastIndex(p.Source, " ")+1:]
	switch {
	case p.Query == "":
		return nil
	case strings.HasPrefix(p.Source, "control "):
		return []string{"gctl call " + quote(p.Query) + " --addr " + quote(where)}
	case strings.HasPrefix(p.Query, "GET /"):
		return []string{"curl " + quote("http://"+strings.TrimPrefix(where, "http://")+strings.TrimPrefix(p.Query, "GET "))}
	default:
		return []string{"gctl query " + quote(p.Query)}
	}
}

// quote is a word for a shell.
func quote(word string) string { return term.Quote(term.CleanLine(word)) }

// Describe implements screen.Described: the breaker, the others of its cell, and who
// could not be asked.
func (s *Screen) Describe(look *screen.Look) (name string, lines []string) {
	name = Name
	if b := s.selected(); b != nil {
		name = b.Name
		lines = s.describe(look, b)
	}
	if on, c := s.grid.selected(); c != nil && !s.list() && len(c.rows) > 1 {
		lines = append(lines, "", fmt.Sprintf("All %d of %s towards %s:", len(c.rows), on.caller, title(on.callee)))
		for i := range c.rows[:min(len(c.rows), most)] {
			r := &c.rows[i]
			lines = append(lines, fmt.Sprintf("  %-20s %-20s %s", r.b.Caller.ID, r.b.Name, say(r.b, r.rank, 1, 1, look.Now).text()))
		}
	}
	state, _ := look.Snap.Source(fleet.BreakerFeed)
	if list := unheard(&state); len(list) > 0 {
		lines = append(lines, "", "Could not be asked:")
		for _, m := range list[:min(len(list), most)] {
			lines = append(lines, fmt.Sprintf("  %-20s %s", m.Instance.Service+"/"+m.Instance.ID, screen.Sentence(m.Err)))
		}
	}
	if silent := len(state.Missing) - len(unheard(&state)); silent > 0 {
		lines = append(lines, "", fmt.Sprintf("Without a way to tell of breakers: %d instances (gctl breakers -v names them)", silent))
	}
	return name, lines
}

// most is how many are listed in a description.
const most = 500

func (s *Screen) describe(look *screen.Look, b *fleet.Breaker) []string {
	when := func(t time.Time) string {
		if t.IsZero() {
			return "not told"
		}
		return t.In(look.Now.Location()).Format("2006-01-02 15:04:05 MST")
	}
	trips, counts := "not told", "not told"
	if told(b) {
		trips = fmt.Sprint(b.Trips)
		counts = fmt.Sprintf("%d calls in the window, %d succeeded, %d failed, the last %d in a row",
			b.Counts.Requests, b.Counts.Successes, b.Counts.Failures, b.Counts.ConsecutiveFailures)
	}
	field := func(name, value string) string { return fmt.Sprintf("  %-10s %s", name, value) }
	orNone := func(text string) string {
		if text == "" {
			return "none"
		}
		return text
	}
	lines := []string{
		"Breaker " + b.Name + ":",
		field("caller", b.Caller.ID+" of "+b.Caller.Service),
		field("target", title(b.Target)),
		field("state", stateOf(b)),
		field("override", orNone(override(b))),
		field("flapping", map[bool]string{false: "no", true: "yes: it changed often in the last ten minutes"}[b.Flapping]),
		field("since", when(b.Since)),
		field("trips", trips),
		field("probe", when(b.NextProbe)),
		field("counts", counts),
		field("last error", orNone(b.LastError)),
		field("source", b.Provenance.Source+", "+widget.Age(look.Snap.Age(b.Provenance, look.Now))+" old"),
	}
	return lines
}

// stateOf is a breaker's own state in words.
func stateOf(b *fleet.Breaker) string {
	switch b.State {
	case fleet.BreakerThrottling:
		return fmt.Sprintf("throttling: lets %d%% through", int(b.Ratio*100+.5))
	case fleet.BreakerUnknown:
		return strings.TrimSpace("unknown " + b.Raw)
	default:
		return strings.ReplaceAll(string(b.State), "_", "-")
	}
}

// data is a breaker as "gctl breakers -o json" has it, and what else is told.
type data struct {
	Caller    string             `json:"caller"`
	Name      string             `json:"name"`
	Target    string             `json:"target"`
	State     fleet.BreakerState `json:"state"`
	Override  fleet.Override     `json:"override"`
	Flapping  bool               `json:"flapping"`
	Since     *time.Time         `json:"since"`
	Source    string             `json:"source"`
	Service   string             `json:"caller_service"`
	Trips     int64              `json:"trips"`
	Error     string             `json:"last_error"`
	Raw       string             `json:"raw,omitempty"`
	Ratio     float64            `json:"ratio,omitempty"`
	NextProbe *time.Time         `json:"next_probe,omitempty"`
	Counts    counts             `json:"counts"`
}

type counts struct {
	Requests            int64 `json:"requests"`
	Successes           int64 `json:"successes"`
	Failures            int64 `json:"failures"`
	ConsecutiveFailures int64 `json:"consecutive_failures"`
}

// Data implements screen.Described: the breaker under the cursor, those that are
// marked, or all of the cell.
func (s *Screen) Data(*screen.Look) any {
	var list []data
	marked := s.table.Marked()
	switch _, c := s.grid.selected(); {
	case len(marked) > 0 && s.all != nil:
		for i := range s.all.Rows {
			if _, ok := slices.BinarySearch(marked, s.all.Rows[i].name); ok {
				list = append(list, newData(s.all.Rows[i].b))
			}
		}
	case s.list():
		if r := s.table.Selected(); r != nil {
			list = append(list, newData(r.b))
		}
	case c != nil:
		for i := range c.rows {
			list = append(list, newData(c.rows[i].b))
		}
	}
	if len(list) == 0 {
		return nil
	}
	return list
}

func newData(b *fleet.Breaker) data {
	when := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		t = t.UTC()
		return &t
	}
	return data{
		Caller: b.Caller.ID, Service: b.Caller.Service, Name: b.Name, Target: b.Target, State: b.State, Override: b.Override,
		Flapping: b.Flapping, Since: when(b.Since), Source: b.Provenance.Source, Trips: b.Trips, Error: b.LastError, Raw: b.Raw,
		Ratio: b.Ratio, NextProbe: when(b.NextProbe), Counts: counts(b.Counts),
	}
}

// Copied implements screen.Copied: the name of the breaker.
func (s *Screen) Copied(*screen.Look) (what, text string) {
	if b := s.selected(); b != nil {
		return "the name of the breaker", b.Name
	}
	return "", ""
}
