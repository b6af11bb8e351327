// Package plain tells a fleet as lines of text: how it stands, and then each change,
// for a screen reader, a pipe or a terminal without a cursor. It says what the
// dashboard's screens say, in their words: triage judges, events are told as there.
package plain

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/history"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/triage"
)

// Line is one line.
type Line struct {
	At   time.Time
	Text string
	To   string // the state or the verdict that it ends in, empty for none
}

// Options say what is told.
type Options struct {
	Service string            // the only one that is told of; empty: all
	Labels  map[string]string // what a user calls the sources
}

// How much is told of one moment before it is counted instead.
const (
	mostOfOne = 5  // changes of one service
	mostLines = 30 // lines
	mostWorst = 10 // services that are named nevertheless
)

// Teller tells what changes. It is not safe for concurrent use.
type Teller struct {
	o    Options
	seen *history.History

	snap     *fleet.Snapshot
	judged   map[string]verdict // of the latest snapshot
	filled   int
	told     map[string]triage.Service
	starting map[string]bool // sources that had not answered

	order   []string // of what has changed in this moment, by service; "" are the sources
	changes map[string][]Line
	kinds   map[string]map[fleet.EventKind]int
}

// verdict is how a service was judged, and by what.
type verdict struct {
	triage.Service

	facts *fleet.ServiceFacts
	to    triage.Breakers
}

// New returns a teller that compares with what was seen, which the caller keeps up.
func New(seen *history.History, o Options) *Teller {
	return &Teller{o: o, seen: seen, judged: map[string]verdict{}, told: map[string]triage.Service{}, starting: map[string]bool{}}
}

// judge judges what has changed, and the service that is told of or all.
func (t *Teller) judge(snap *fleet.Snapshot) {
	t.snap = snap
	to := triage.Towards(snap)
	again := t.filled != t.seen.Filled()
	t.filled = t.seen.Filled()
	judged := make(map[string]verdict, len(t.judged))
	for _, s := range snap.Services() {
		if t.o.Service != "" && s.Name != t.o.Service {
			continue
		}
		v, ok := t.judged[s.Name]
		if !ok || again || v.facts != s || v.to != to[s.Name] {
			trend, known := t.seen.Trend(s.Name)
			if !known {
				trend = history.NoTrend()
			}
			v = verdict{triage.Judge(s, to[s.Name], &trend), s, to[s.Name]}
		}
		judged[s.Name] = v
	}
	t.judged = judged
}

// Begin tells how the fleet stands.
func (t *Teller) Begin(snap *fleet.Snapshot) []Line {
	t.judge(snap)
	for name := range t.judged {
		t.told[name] = t.judged[name].Service
	}
	at := snap.At()
	var lines []Line
	for _, s := range t.sources() {
		lines = append(lines, Line{at, s.text, s.to})
	}
	lines = append(lines, Line{At: at, Text: t.count()})
	bad := t.trouble()
	for i, name := range bad {
		if i == mostWorst {
			lines = append(lines, Line{At: at, Text: fmt.Sprintf("and %d more in trouble", len(bad)-i)})
			break
		}
		lines = append(lines, Line{at, name + " is " + words(t.judged[name].Service), t.judged[name].Verdict.String()})
	}
	return append(lines, t.instances()...)
}

// words are a verdict and what speaks against the service.
func words(s triage.Service) string {
	if s.Why == "" {
		return s.Verdict.String()
	}
	return s.Verdict.String() + ": " + s.Why
}

// Count tells how many services there are, and how they stand.
func (t *Teller) count() string {
	source, ok := t.snap.Source(fleet.CatalogFeed)
	switch {
	case len(t.judged) > 0:
	case !ok, source.Status == fleet.SourceStarting:
		return "which services there are is not known yet"
	case source.Status == fleet.SourceFailing:
		return "which services there are is not known"
	case t.o.Service != "":
		return "the catalog has no service " + t.o.Service + t.near()
	default:
		return "the catalog has no services"
	}
	if one, ok := t.judged[t.o.Service]; ok {
		return fmt.Sprintf("%s is %s, %d of %d serve", t.o.Service, words(one.Service), one.Serving, one.Instances)
	}
	by := map[triage.Verdict]int{}
	for name := range t.judged {
		by[t.judged[name].Verdict]++
	}
	var parts []string
	for v := triage.Bad; v >= triage.Good; v-- {
		if by[v] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", by[v], v))
		}
	}
	return plural(len(t.judged), "service") + ": " + strings.Join(parts, ", ")
}

func (t *Teller) near() string {
	var names []string
	for _, s := range t.snap.Services() {
		names = append(names, s.Name)
	}
	if near := fleet.Nearest(t.o.Service, names, 3); len(near) > 0 {
		return "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return ""
}

// trouble are the services in trouble, the worst first; none if one is told of,
// which is said anyway.
func (t *Teller) trouble() []string {
	if t.o.Service != "" {
		return nil
	}
	var bad []string
	for name := range t.judged {
		if t.judged[name].Verdict >= triage.Warn {
			bad = append(bad, name)
		}
	}
	t.worstFirst(bad)
	return bad
}

func (t *Teller) worstFirst(names []string) {
	slices.SortFunc(names, func(a, b string) int {
		x, y := t.judged[a], t.judged[b]
		return cmp.Or(cmp.Compare(y.Verdict, x.Verdict), cmp.Compare(y.Score, x.Score), cmp.Compare(a, b))
	})
}

// instances tells those of the one service that are not well.
func (t *Teller) instances() []Line {
	one, ok := t.judged[t.o.Service]
	if !ok {
		return nil
	}
	var lines []Line
	for _, in := range one.facts.Instances {
		v, word := triage.Instance(in, triage.HealthOf(one.facts, in.ID))
		if v == triage.Good {
			continue
		}
		if len(lines) == mostWorst {
			return append(lines, Line{At: t.snap.At(), Text: "and more instances that are not well"})
		}
		lines = append(lines, Line{t.snap.At(), in.ID + " at " + in.Addr + ": " + word, v.String()})
	}
	return lines
}

type sourceLine struct{ text, to string }

// sources tells how the sources stand, the good ones in one line.
func (t *Teller) sources() []sourceLine {
	var lines []sourceLine
	var good []string
	for _, s := range t.snap.Sources() {
		label := t.label(s.Name)
		switch s.Status {
		case fleet.SourceFresh:
			good = append(good, label)
		case fleet.SourceStarting:
			t.starting[s.Name] = true
			lines = append(lines, sourceLine{"source " + label + " has not answered yet", "unknown"})
		default:
			text := "source " + label + " is " + string(s.Status)
			if s.Err != nil {
				text += ": " + screen.Sentence(s.Err)
			}
			if hint := screen.HintOf(s.Err); hint != "" {
				text += "; " + hint
			}
			lines = append(lines, sourceLine{text, string(s.Status)})
		}
		for _, note := range s.Notes {
			lines = append(lines, sourceLine{"source " + label + ": " + note, ""})
		}
	}
	if len(good) > 0 {
		lines = slices.Insert(lines, 0, sourceLine{"answering: " + strings.Join(good, ", "), ""})
	}
	return lines
}

func (t *Teller) label(source string) string { return cmp.Or(t.o.Labels[source], source) }

// Look takes a newer snapshot.
func (t *Teller) Look(snap *fleet.Snapshot) {
	t.judge(snap)
	for _, s := range snap.Sources() {
		if !t.starting[s.Name] || s.Status == fleet.SourceStarting {
			continue
		}
		delete(t.starting, s.Name)
		if s.Status != fleet.SourceFailing { // which is an event
			t.add("", fleet.SourceChanged, Line{snap.At(), "source " + t.label(s.Name) + " answers", string(s.Status)})
		}
	}
}

// Event takes something that has changed.
func (t *Teller) Event(e fleet.Event) {
	if t.o.Service != "" && e.Service != t.o.Service && e.Kind != fleet.SourceChanged {
		return
	}
	if e.Kind == fleet.SourceChanged {
		e.Subject = t.label(e.Subject)
	}
	var what []string
	for _, word := range []string{e.Service, e.Instance} {
		if word != "" && (len(what) == 0 || what[0] != word) {
			what = append(what, word)
		}
	}
	to, _, _ := strings.Cut(e.To, ":") // of a source the error follows
	t.add(e.Service, e.Kind, Line{e.At, strings.Join(append(what, screen.EventWords(&e)), " "), to})
}

func (t *Teller) add(service string, kind fleet.EventKind, line Line) {
	if t.changes == nil {
		t.changes, t.kinds = map[string][]Line{}, map[string]map[fleet.EventKind]int{}
	}
	if t.kinds[service] == nil {
		t.kinds[service] = map[fleet.EventKind]int{}
		t.order = append(t.order, service)
	}
	if t.kinds[service][kind]++; len(t.changes[service]) <= mostOfOne {
		t.changes[service] = append(t.changes[service], line)
	}
}

// Changed tells whether there is something to tell.
func (t *Teller) Changed() bool { return len(t.order) > 0 || len(t.turned()) > 0 }

// End tells how the fleet stands at the end.
func (t *Teller) End() string { return t.count() }

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// counted are changes by their kind: "12 health changed, 3 instance added".
func counted(kinds map[fleet.EventKind]int) (all int, text string) {
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		all += kinds[kind]
		parts = append(parts, fmt.Sprintf("%d %s", kinds[kind], strings.ReplaceAll(string(kind), "_", " ")))
	}
	return all, strings.Join(parts, ", ")
}
