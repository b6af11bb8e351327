package breakers

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/theme"
	"github.com/gctl-dev/gctl/tui/widget"
)

// row is a breaker in the list.
type row struct {
	b    *fleet.Breaker
	rank rank
	name string    // of the row
	said time.Time // when its source said it last, or that it is still so
	age  float64   // of that, seconds, when the rows were made
}

func (r *row) id() string { return r.name }

// rows are the breakers of a snapshot that a service has or that are towards it;
// all if it is empty.
func rows(snap *fleet.Snapshot, subject string, now time.Time) []row {
	var list []row
	for _, s := range snap.Services() {
		for _, b := range s.Breakers {
			if subject != "" && b.Target != subject && b.Caller.Service != subject {
				continue
			}
			age := snap.Age(b.Provenance, now)
			list = append(list, row{
				b: b, rank: rankOf(b), name: b.Caller.Service + "\x00" + b.Caller.ID + "\x00" + b.Name,
				said: now.Add(-age), age: age.Seconds(),
			})
		}
	}
	return list
}

// told tells whether the source of a breaker tells how often it opened and what it
// counts: metrics need not.
func told(b *fleet.Breaker) bool { return b.ETag != "" || b.Trips > 0 || b.Counts.Requests > 0 }

// trips is how often a breaker opened, NaN where that is not told.
func (r *row) trips() float64 {
	if !told(r.b) {
		return math.NaN()
	}
	return float64(r.b.Trips)
}

// count is a whole number, "?" where it is not known.
func count(v float64) string {
	if math.IsNaN(v) || v >= 10_000 {
		return widget.Amount(v)
	}
	return strconv.Itoa(int(v))
}

// failed is "12/40": how many calls of the window failed, of all.
func failed(b *fleet.Breaker) string {
	if !told(b) {
		return "?"
	}
	return fmt.Sprintf("%d/%d", b.Counts.Failures, b.Counts.Requests)
}

// override is the word for an operator's decision.
func override(b *fleet.Breaker) string {
	switch b.Override {
	case fleet.ForcedOpen:
		return "forced open"
	case fleet.ForcedClosed:
		return "forced closed"
	case fleet.NotForced:
	}
	return ""
}

// columns are those of the list. What ticks in them is of the screen's moment.
func (s *Screen) columns() []widget.Column[row] {
	text := func(style func(*theme.Theme) theme.Style, of func(*row) string) func(*widget.Line, *theme.Theme, *row, int) {
		return func(l *widget.Line, t *theme.Theme, r *row, w int) {
			if v := of(r); v != "" {
				l.Cell(style(t), v, w, t.Glyphs.More)
				return
			}
			l.Cell(t.Dim, t.Glyphs.None, w, t.Glyphs.More)
		}
	}
	plain := func(t *theme.Theme) theme.Style { return t.Text }
	dim := func(t *theme.Theme) theme.Style { return t.Dim }
	caller := func(r *row) string { return r.b.Caller.ID }
	name := func(r *row) string { return r.b.Name }
	target := func(r *row) string { return r.b.Target }
	failure := func(r *row) string { return r.b.LastError }
	return []widget.Column[row]{
		{
			Title: "", Name: "trouble", Key: "t", Min: 1,
			Draw: func(l *widget.Line, t *theme.Theme, r *row, _ int) {
				style, glyph := screen.Sign(t, r.rank.verdict())
				l.Put(style, glyph)
			},
			Compare: func(a, b *row) int {
				return cmp.Or(cmp.Compare(b.rank.verdict(), a.rank.verdict()), cmp.Compare(b.rank, a.rank))
			},
		},
		{Title: "CALLER", Key: "c", Min: 10, Grow: 2, Max: 30, Draw: text(plain, caller), Text: caller, Compare: byText(caller)},
		{Title: "NAME", Key: "n", Min: 10, Grow: 2, Max: 30, Draw: text(plain, name), Text: name, Compare: byText(name)},
		{Title: "TARGET", Key: "g", Min: 8, Grow: 1, Max: 24, Drop: 6, Draw: text(plain, target), Text: target, Compare: byText(target)},
		{
			Title: "STATE", Key: "s", Min: 11, Grow: 1, Max: 16,
			Draw: func(l *widget.Line, t *theme.Theme, r *row, w int) {
				style, _ := screen.Sign(t, r.rank.verdict())
				l.Cell(style, s.words.of(say(r.b, r.rank, 1, 1, s.now)), w, t.Glyphs.More)
			},
			Compare: func(a, b *row) int { return cmp.Compare(b.rank, a.rank) },
			Text:    func(r *row) string { return said{rank: r.rank, raw: r.b.Raw}.word() + " " + string(r.b.State) },
		},
		{
			Title: "OVERRIDE", Key: "o", Min: 8, Grow: 1, Max: 13, Drop: 5,
			Draw:    text(func(t *theme.Theme) theme.Style { return t.Warn }, func(r *row) string { return override(r.b) }),
			Text:    func(r *row) string { return override(r.b) },
			Compare: byText(func(r *row) string { return override(r.b) }),
		},
		{
			Title: "SINCE", Key: "i", Min: 8, Drop: 3,
			Draw: func(l *widget.Line, t *theme.Theme, r *row, w int) {
				if r.b.Override == fleet.ForcedOpen || r.b.Override == fleet.ForcedClosed { // the time is that of its own state
					l.Cell(t.Dim, t.Glyphs.None, w, t.Glyphs.More)
					return
				}
				if r.b.Since.IsZero() {
					l.Cell(t.Dim, "?", w, t.Glyphs.More)
					return
				}
				l.Cell(t.Text, s.stamp(r.b.Since), w, t.Glyphs.More)
			},
			Compare: func(a, b *row) int { return b.b.Since.Compare(a.b.Since) },
		},
		{
			Title: "TRIPS", Key: "r", Min: 5, Right: true, Drop: 4,
			Draw: func(l *widget.Line, t *theme.Theme, r *row, w int) {
				l.Right(t.Text, count(r.trips()), w, t.Glyphs.More)
			},
			Compare: func(a, b *row) int { return compareDown(a.trips(), b.trips()) },
			Number:  (*row).trips,
		},
		{
			Title: "FAILED", Key: "f", Min: 7, Right: true, Drop: 7,
			Draw: func(l *widget.Line, t *theme.Theme, r *row, w int) {
				l.Right(t.Text, failed(r.b), w, t.Glyphs.More)
			},
			Compare: func(a, b *row) int { return cmp.Compare(b.b.Counts.Failures, a.b.Counts.Failures) },
			Number: func(r *row) float64 {
				if !told(r.b) {
					return math.NaN()
				}
				return float64(r.b.Counts.Failures)
			},
		},
		{Title: "LAST ERROR", Name: "error", Key: "l", Min: 10, Grow: 4, Drop: 2, Draw: text(dim, failure), Text: failure, Compare: byText(failure)},
		{
			Title: "AGE", Key: "a", Min: 4, Right: true, Drop: 8,
			Draw: func(l *widget.Line, t *theme.Theme, r *row, w int) {
				l.Right(t.Dim, s.age(s.now.Sub(r.said)), w, t.Glyphs.More)
			},
			Compare: func(a, b *row) int { return a.said.Compare(b.said) },
			Number:  func(r *row) float64 { return r.age },
		},
	}
}

// byText orders by text, what is empty last.
func byText(of func(*row) string) func(a, b *row) int {
	return func(a, b *row) int {
		x, y := of(a), of(b)
		if (x == "") != (y == "") {
			return cmp.Compare(y, x)
		}
		return cmp.Compare(x, y)
	}
}

// compareDown puts the larger first and what is not known last.
func compareDown(a, b float64) int {
	switch an, bn := math.IsNaN(a), math.IsNaN(b); {
	case an && bn:
		return 0
	case an:
		return 1
	case bn:
		return -1
	}
	return cmp.Compare(b, a)
}

// stamp is a time of day, or the day of one that is longer ago.
func (s *Screen) stamp(at time.Time) string {
	if at = at.In(s.now.Location()); s.now.Sub(at) > 20*time.Hour {
		return at.Format("02 Jan")
	}
	return at.Format(time.TimeOnly)
}

// age is how old something is. Most facts are as old as their neighbours.
func (s *Screen) age(d time.Duration) string {
	if d = d.Truncate(time.Second); s.aged.text == "" || s.aged.of != d {
		s.aged.of, s.aged.text = d, widget.Age(d)
	}
	return s.aged.text
}
