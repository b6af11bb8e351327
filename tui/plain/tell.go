package plain

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/triage"
)

// turn is a service that stands otherwise than it was told.
type turn struct {
	name  string
	text  string
	to    string
	worse int // 1 for worse, -1 for better, 0 for neither
}

// turned are the services that stand otherwise, by name.
func (t *Teller) turned() []turn {
	var list []turn
	for name := range t.judged {
		was, known := t.told[name]
		if one := t.judged[name]; !known {
			list = append(list, turn{name, name + " is new: " + words(one.Service), one.Verdict.String(), 0})
		} else if text, worse, ok := compare(was, one.Service); ok {
			list = append(list, turn{name, name + " " + text, one.Verdict.String(), worse})
		}
	}
	if s, ok := t.snap.Source(fleet.CatalogFeed); !ok || s.Status == fleet.SourceFresh { // else it is not known
		for name := range t.told {
			if _, ok := t.judged[name]; !ok {
				list = append(list, turn{name, name + " is gone from the catalog", "", 0})
			}
		}
	}
	slices.SortFunc(list, func(a, b turn) int {
		if a.name < b.name {
			return -1
		}
		return 1
	})
	return list
}

// much is how many times worse or better a service must have become for that to be
// told, where the word for it stays the same.
const much = 2

// compare says how a service stands otherwise than before. What is not known, or is
// taken out on purpose, is neither better nor worse.
func compare(was, is triage.Service) (text string, worse int, ok bool) {
	ranked := func(v triage.Verdict) bool { return v == triage.Good || v >= triage.Warn }
	switch {
	case was.Verdict != is.Verdict && ranked(was.Verdict) && ranked(is.Verdict):
		word := "worse"
		if worse = 1; is.Verdict < was.Verdict {
			word, worse = "better", -1
		}
		return fmt.Sprintf("is %s: %s, was %s", word, words(is), was.Verdict), worse, true
	case was.Verdict != is.Verdict:
		return fmt.Sprintf("is %s, was %s", words(is), was.Verdict), 0, true
	case is.Verdict < triage.Warn || is.Why == was.Why:
		return "", 0, false
	case is.Score >= much*was.Score:
		return "is worse, still " + words(is), 1, true
	case is.Score <= was.Score/much:
		return "is better, still " + words(is), -1, true
	}
	return "", 0, false
}

// Tell tells what has changed since it told something last, and begins another
// moment. Of many changes it tells how many there were, and the worst.
func (t *Teller) Tell() []Line {
	turned, at := t.turned(), t.snap.At()
	var lines []Line
	for _, service := range t.order {
		all, text := counted(t.kinds[service])
		if all > mostOfOne {
			what := service
			if what == "" {
				what = "sources"
			}
			lines = append(lines, Line{At: at, Text: fmt.Sprintf("%s: %d changes: %s", what, all, text)})
			continue
		}
		lines = append(lines, t.changes[service]...)
	}
	for _, turn := range turned {
		lines = append(lines, Line{at, turn.text, turn.to})
	}
	if len(lines) > mostLines {
		lines = t.flood(turned, at)
	}
	for _, turn := range turned {
		if one, ok := t.judged[turn.name]; ok {
			t.told[turn.name] = one.Service
		} else {
			delete(t.told, turn.name)
		}
	}
	t.order, t.changes, t.kinds = nil, nil, nil
	slices.SortStableFunc(lines, func(a, b Line) int { return a.At.Compare(b.At) })
	return lines
}

// flood tells of more than anybody could follow: sources, counts, and the worst.
func (t *Teller) flood(turned []turn, at time.Time) []Line {
	var lines []Line
	if all, text := counted(t.kinds[""]); all > mostOfOne {
		lines = append(lines, Line{At: at, Text: fmt.Sprintf("sources: %d changes: %s", all, text)})
	} else {
		lines = append(lines, t.changes[""]...)
	}
	kinds, services := map[fleet.EventKind]int{}, 0
	for service, of := range t.kinds {
		if service == "" {
			continue
		}
		services++
		for kind, n := range of {
			kinds[kind] += n
		}
	}
	if all, text := counted(kinds); all > 0 {
		lines = append(lines, Line{At: at, Text: fmt.Sprintf("%d changes of %s: %s", all, plural(services, "service"), text)})
	}
	by := map[string]turn{}
	rest := map[int]int{}
	for _, turn := range turned {
		by[turn.name] = turn
		rest[turn.worse]++
	}
	names := slices.Collect(maps.Keys(by))
	t.worstFirst(names)
	for _, name := range names[:min(len(names), mostWorst)] {
		lines = append(lines, Line{at, by[name].text, by[name].to})
		rest[by[name].worse]--
	}
	if more := len(names) - mostWorst; more > 0 {
		lines = append(lines, Line{At: at, Text: fmt.Sprintf("and %d more services stand otherwise: %d worse, %d better, %d neither", more, rest[1], rest[-1], rest[0])})
	}
	return append(lines, Line{At: at, Text: t.count()})
}
