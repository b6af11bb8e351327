package service

import (
	"context"
	"math"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/theme"
	"github.com/gctl-dev/gctl/tui/widget"
)

// charts are the curves of rate, errors and p99.
type charts struct {
	curves curves
	drawn  [3]*widget.Chart
}

// curves is what the job for the charts has come to.
type curves struct {
	asked      time.Time // when, by the look's clock
	came       time.Time // when that was asked which has been answered
	step       time.Duration
	start, end time.Time
	window     time.Duration
	instances  int // that were known when it was asked
	series     fleet.REDSeries
	seen       bool  // they are of what the dashboard itself has seen
	err        error // why there is no more
}

// points is how many points a chart has.
const points = 120

// old tells whether there is something newer to be had.
func (c *charts) old(now time.Time, window time.Duration) bool {
	return !c.curves.asked.IsZero() && now.Sub(c.curves.asked) >= max(10*time.Second, window/points)
}

// early tells whether it was asked before the catalog had said whom to ask.
func (c *charts) early(f *fleet.ServiceFacts) bool {
	return !c.curves.asked.IsZero() && c.curves.instances == 0 && f != nil && len(f.Instances) > 0
}

func (c *charts) set(got *curves) {
	if got.err != nil && len(got.series.RateOverTime) == 0 && c.curves.window == got.window {
		c.over(got.start, got.end)
		if len(c.curves.series.RateOverTime) > 0 { // what was known stays, where it was
			c.curves.asked, c.curves.err = got.asked, got.err
			return
		}
	}
	got.came = got.asked
	c.curves, c.drawn = *got, [3]*widget.Chart{}
}

// over moves what is known to another range; what lies outside is forgotten.
func (c *charts) over(start, end time.Time) {
	if c.curves.start.Equal(start) && c.curves.end.Equal(end) {
		return
	}
	inside := func(p fleet.Point) bool { return !p.At.Before(start) && !p.At.After(end) }
	if !slices.ContainsFunc(c.curves.series.RateOverTime, inside) {
		c.curves = curves{}
	}
	c.curves.start, c.curves.end, c.drawn = start, end, [3]*widget.Chart{}
}

// chart asks how the calls went. The window ends now, or, where the time cursor is
// in the past, so that the cursor stands in its middle.
func (s *Screen) chart(look *screen.Look) tea.Cmd {
	got := curves{asked: look.Now, window: look.Window, end: look.Now}
	if !look.Live {
		got.end = look.End()
	}
	got.start = got.end.Add(-look.Window)
	env, seen, service := look.Env, look.History, s.service
	var list []fleet.Instance
	if f := s.facts(look); f != nil {
		for _, in := range f.Instances {
			list = append(list, in.Instance)
		}
	}
	got.instances = len(list)
	got.step = max(5*time.Second, (got.window / points).Truncate(time.Second))
	s.charts.over(got.start, got.end)
	return s.jobs.Start(charting, func(ctx context.Context) tea.Msg {
		if env.Metrics != nil {
			got.series, got.err = over(ctx, env, service, list, &got)
		}
		if len(got.series.RateOverTime) == 0 {
			got.series, got.seen = seen.Series(service, got.start, got.end), true
			got.step = max(got.step, slowest)
		}
		return got
	})
}

// slowest is how far apart may be what the dashboard has seen itself of calls that
// are counted.
const slowest = time.Minute

func over(ctx context.Context, env *screen.Env, service string, list []fleet.Instance, want *curves) (fleet.REDSeries, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	r, err := env.Metrics(ctx)
	if err != nil {
		return fleet.REDSeries{}, err
	}
	step := want.step
	q := fleet.REDQuery{Service: service, Instances: list, Side: fleet.ServerSide, Window: max(time.Minute, 4*step)}
	if env.Identity != nil {
		q.Identity = env.Identity(list)
	}
	for _, side := range []fleet.Side{fleet.ServerSide, fleet.ClientSide} {
		q.Side = side
		all, err := r.REDRange(ctx, q, want.start.Truncate(step), want.end.Truncate(step), step)
		if err != nil {
			return fleet.REDSeries{}, err
		}
		if i := slices.IndexFunc(all, func(s fleet.REDSeries) bool { return s.Service == service }); i >= 0 {
			return all[i], nil
		}
	}
	return fleet.REDSeries{}, nil
}

// graph is one of the three.
type graph struct {
	title  string
	points func(*fleet.REDSeries) []fleet.Point
	value  func(*fleet.RED) float64
	text   func(v float64, r *fleet.RED) string
}

func graphs() [3]graph {
	return [3]graph{
		{"RPS", func(s *fleet.REDSeries) []fleet.Point { return s.RateOverTime }, rate, func(v float64, _ *fleet.RED) string { return widget.Rate(v) }},
		{"ERR", func(s *fleet.REDSeries) []fleet.Point { return s.ErrorsOverTime }, errorRatio, func(v float64, _ *fleet.RED) string { return widget.Percent(v) + "%" }},
		{"P99", func(s *fleet.REDSeries) []fleet.Point { return s.LatencyOverTime }, p99, func(v float64, r *fleet.RED) string { return widget.Seconds(v, r.Bound) }},
	}
}

// at is the value at a time, NaN where it is not known: nothing was measured then, or
// in the two steps before.
func at(points []fleet.Point, when time.Time, step time.Duration) float64 {
	i, found := slices.BinarySearchFunc(points, when, func(p fleet.Point, when time.Time) int { return p.At.Compare(when) })
	if !found {
		i--
	}
	if i < 0 || i >= len(points) || when.Sub(points[i].At) > 2*step {
		return math.NaN()
	}
	return points[i].Value
}

// view draws the three side by side, h lines high.
func (c *charts) view(w, h int, look *screen.Look, red *fleet.RED) []string {
	widths := widget.Lay(w, []widget.Size{{Min: 3, Grow: 1}, {Min: 3, Grow: 1}, {Min: 3, Grow: 1}})
	lines := make([]*widget.Line, h)
	for y := range lines {
		lines[y] = &widget.Line{}
	}
	drawn := false
	for i, g := range graphs() {
		left := 0
		for n := range i {
			left += widths[n] + 1
		}
		ch := c.chart(i, &g, widths[i], h-1, look.Theme)
		c.head(lines[0], left, widths[i], &g, ch, look, red)
		if ch != nil {
			drawn = true
			c.body(lines[1:], i, left, ch, look)
		}
	}
	if !drawn { // once for all of them, that it can be read
		for y, text := range strings.Split(ansi.Wrap(c.why(look), max(1, w), ""), "\n") {
			if y+1 < h {
				lines[y+1].Cell(look.Theme.Dim, text, w, look.Theme.Glyphs.More)
			}
		}
	}
	out := make([]string, h)
	for y := range lines {
		out[y] = lines[y].Fit(w)
	}
	return out
}

// head writes the name of a curve, its value now, or at the cursor, and its height.
func (c *charts) head(l *widget.Line, left, w int, g *graph, ch *widget.Chart, look *screen.Look, red *fleet.RED) {
	t := look.Theme
	l.Pad(left)
	series := &c.curves.series
	if red == nil {
		red = &series.RED
	}
	v := math.NaN()
	if look.Live && red.Window > 0 {
		v = g.value(red)
	} else if list := g.points(series); len(list) > 0 {
		v = at(list, look.Now, c.curves.step)
	}
	value := g.text(v, red)
	style := t.Strong
	if g.title == "ERR" && v >= 0.01 {
		style = tint(t, v)
	}
	high := ""
	if ch != nil && ch.High > 0 {
		high = "max " + g.text(ch.High, red)
	}
	head := &widget.Line{}
	head.Put(t.Head, g.title+" ")
	head.Put(style, value)
	if old := c.aged(look, red); old != "" {
		head.Put(t.Warn, " "+old)
	}
	if room := w - head.Width() - widget.Width(high) - 1; high != "" && room > 0 {
		head.Pad(head.Width() + room)
		head.Put(t.Dim, high)
	}
	l.Append(head.Fit(w), w)
}

// aged says how old the value of now is, or the curve, where there is nothing newer and
// there ought to be.
func (c *charts) aged(look *screen.Look, red *fleet.RED) string {
	if state, ok := look.Snap.Source(red.Provenance.Feed); ok && look.Live && red.Window > 0 &&
		(state.Status == fleet.SourceStale || state.Status == fleet.SourceFailing) {
		return widget.Age(look.Snap.Age(red.Provenance, look.Now)) + " old"
	}
	if c.curves.err != nil && !c.curves.came.IsZero() && len(c.curves.series.RateOverTime) > 0 && !c.curves.seen {
		if !look.Live {
			return screen.Sentence(c.curves.err)
		}
		return "curve " + widget.Age(look.Now.Sub(c.curves.came)) + " old"
	}
	return ""
}

// chart is a curve in w×h cells, nil if there is none or no room for it.
func (c *charts) chart(i int, g *graph, w, h int, t *theme.Theme) *widget.Chart {
	list := g.points(&c.curves.series)
	if len(list) == 0 || h <= 0 {
		return nil
	}
	if ch := c.drawn[i]; ch == nil || ch.W != w || ch.H != h {
		c.drawn[i] = widget.Draw(list, c.curves.start, c.curves.end, w, h, t.Glyphs.Braille)
	}
	return c.drawn[i]
}

// body draws a curve.
func (c *charts) body(lines []*widget.Line, i, left int, ch *widget.Chart, look *screen.Look) {
	t := look.Theme
	cursor := time.Time{}
	if !look.Live {
		cursor = look.Now
	}
	for y, l := range lines {
		l.Pad(left)
		ch.Row(l, y, t.Series[i%len(t.Series)], t.Cursor, t.Glyphs, cursor)
	}
}

// why says why there is no curve.
func (c *charts) why(look *screen.Look) string {
	switch {
	case c.curves.asked.IsZero():
		return "asking " + look.Theme.Glyphs.More
	case c.curves.err != nil:
		return screen.Sentence(c.curves.err)
	default:
		return "nobody has counted calls"
	}
}

func (c *charts) evidence(service string, look *screen.Look) []screen.Evidence {
	s := &c.curves.series
	if len(s.RateOverTime) == 0 {
		return nil
	}
	e := screen.REDEvidence("the charts of "+service, &s.RED, "gctl metrics "+service+" --since "+screen.Span(look.Window))
	if c.curves.seen {
		e.Notes = append(e.Notes, "drawn of what gctl has seen since it runs: nothing with a memory has answered")
	}
	return []screen.Evidence{e}
}
