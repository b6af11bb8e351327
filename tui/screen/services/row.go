package services

import (
	"cmp"
	"math"
	"strconv"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/history"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/theme"
	"github.com/gctl-dev/gctl/tui/triage"
	"github.com/gctl-dev/gctl/tui/widget"
)

// row is a service in the table. As long as nothing of the service changes, the
// rows of all snapshots share what was judged of it.
type row struct{ *judged }

type judged struct {
	triage.Service

	facts *fleet.ServiceFacts
	to    triage.Breakers
	trend *history.Trend
}

func (r *row) id() string { return r.facts.Name }

// rows judges all services of a snapshot. What has not changed since the rows before
// is taken over; nil judges all.
func rows(snap *fleet.Snapshot, before []row, trend func(string) (history.Trend, bool)) []row {
	to, none := triage.Towards(snap), history.NoTrend()
	list := make([]row, 0, len(snap.Services()))
	for _, s := range snap.Services() { // both are sorted by name
		for len(before) > 0 && before[0].facts.Name < s.Name {
			before = before[1:]
		}
		if len(before) > 0 && before[0].facts == s && before[0].to == to[s.Name] {
			list = append(list, before[0])
			continue
		}
		j := &judged{facts: s, to: to[s.Name], trend: &none}
		if known, ok := trend(s.Name); ok {
			own := known // what is not known takes no room
			j.trend = &own
		}
		j.Service = triage.Judge(s, j.to, j.trend)
		list = append(list, row{j})
	}
	return list
}

func (r *row) red(value func(*fleet.RED) float64) float64 {
	if r.RED == nil {
		return math.NaN()
	}
	return value(r.RED)
}

func rate(r *fleet.RED) float64   { return r.Rate }
func errors(r *fleet.RED) float64 { return r.ErrorRatio * 100 }
func p99(r *fleet.RED) float64    { return r.P99 }

// health is "9/12 down": how many serve, of how many, and the word for it.
func (r *row) health() (triage.Verdict, string) {
	counts := strconv.Itoa(r.Serving) + "/" + strconv.Itoa(r.Instances)
	switch {
	case r.Instances == 0:
		return triage.Unknown, "none"
	case r.Down > 0:
		return triage.Bad, counts + " down"
	case r.Unknown > 0:
		return triage.Unknown, counts + " unknown"
	case r.NoGRPC == r.Instances:
		return triage.Idle, strconv.Itoa(r.Instances) + " no gRPC"
	case r.Idle == r.Instances:
		return triage.Idle, counts + " idle"
	default:
		return triage.Good, counts + " ok"
	}
}

const sparkWidth = 8

// columns are those of the table.
func columns() []widget.Column[row] {
	return []widget.Column[row]{
		{
			Title: "", Name: "trouble", Key: "t", Min: 1,
			Draw: func(l *widget.Line, t *theme.Theme, r *row, _ int) {
				s, glyph := screen.Sign(t, r.Verdict)
				l.Put(s, glyph)
			},
			Compare: func(a, b *row) int {
				return cmp.Or(cmp.Compare(b.Verdict, a.Verdict), cmp.Compare(b.Score, a.Score))
			},
			Number: func(r *row) float64 { return r.Score },
		},
		{
			Title: "SERVICE", Key: "n", Min: 12, Grow: 3, Max: 40,
			Draw: func(l *widget.Line, t *theme.Theme, r *row, w int) {
				l.Cell(t.Text, r.facts.Name, w, t.Glyphs.More)
			},
			Compare: func(a, b *row) int { return cmp.Compare(a.facts.Name, b.facts.Name) },
			Text:    func(r *row) string { return r.facts.Name },
		},
		{
			Title: "HEALTH", Key: "h", Min: 12, Grow: 1, Max: 17,
			Draw: func(l *widget.Line, t *theme.Theme, r *row, w int) {
				v, text := r.health()
				s, _ := screen.Sign(t, v)
				l.Cell(s, text, w, t.Glyphs.More)
			},
			Compare: func(a, b *row) int {
				return cmp.Or(cmp.Compare(b.Down, a.Down), cmp.Compare(b.Unknown, a.Unknown), cmp.Compare(b.Instances, a.Instances))
			},
			Text: func(r *row) string { _, text := r.health(); return text },
		},
		{
			Title: "BREAKERS", Key: "b", Min: 9, Grow: 1, Max: 13, Drop: 3,
			Draw: func(l *widget.Line, t *theme.Theme, r *row, w int) {
				v, text := r.Breakers.Worst()
				if text == "" {
					l.Cell(t.Dim, t.Glyphs.None, w, t.Glyphs.More)
					return
				}
				s, _ := screen.Sign(t, v)
				l.Cell(s, text, w, t.Glyphs.More)
			},
			Compare: func(a, b *row) int {
				return cmp.Or(cmp.Compare(b.Breakers.Open, a.Breakers.Open), cmp.Compare(b.Breakers.HalfOpen, a.Breakers.HalfOpen), cmp.Compare(b.Breakers.All, a.Breakers.All))
			},
			Number: func(r *row) float64 { return float64(r.Breakers.Open + r.Breakers.HalfOpen) },
		},
		measure("RPS", "rps", "r", 5, func(v float64, _ *fleet.RED) string { return widget.Rate(v) }, rate),
		spark(5, func(t *history.Trend) []float32 { return t.Rate[:] }),
		measure("ERR%", "err", "e", 5, func(v float64, _ *fleet.RED) string { return widget.Percent(v / 100) }, errors),
		spark(4, func(t *history.Trend) []float32 { return t.Errors[:] }),
		measure("P99", "p99", "p", 5, func(v float64, r *fleet.RED) string { return widget.Seconds(v, r.Bound) }, p99),
		spark(4, func(t *history.Trend) []float32 { return t.P99[:] }),
		{
			Title: "WHY", Min: 14, Grow: 4, Drop: 2,
			Draw: func(l *widget.Line, t *theme.Theme, r *row, w int) {
				s, _ := screen.Sign(t, r.Verdict)
				l.Cell(s, r.Why, w, t.Glyphs.More)
			},
			Text: func(r *row) string { return r.Why },
		},
	}
}

func measure(title, name, letter string, w int, text func(float64, *fleet.RED) string, value func(*fleet.RED) float64) widget.Column[row] {
	return widget.Column[row]{
		Title: title, Name: name, Key: letter, Min: w, Right: true,
		Draw: func(l *widget.Line, t *theme.Theme, r *row, w int) {
			v := r.red(value)
			if r.RED == nil {
				l.Right(t.Dim, t.Glyphs.None, w, t.Glyphs.More)
				return
			}
			l.Right(t.Text, text(v, r.RED), w, t.Glyphs.More)
		},
		Compare: func(a, b *row) int { return widget.Descending(a.red(value), b.red(value)) },
		Number:  func(r *row) float64 { return r.red(value) },
	}
}

func spark(drop int, values func(*history.Trend) []float32) widget.Column[row] {
	return widget.Column[row]{
		Min: sparkWidth, Drop: drop,
		Draw: func(l *widget.Line, t *theme.Theme, r *row, w int) {
			widget.Spark(l, t.Series[0], t.Glyphs, values(r.trend), w)
		},
	}
}
