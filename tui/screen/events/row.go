package events

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/notes"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/theme"
	"github.com/gctl-dev/gctl/tui/triage"
	"github.com/gctl-dev/gctl/tui/widget"
)

// row is a line of the screen: an event, a note, or a time of which nothing is known.
type row struct {
	event *fleet.Event // nil for the others
	note  *notes.Note
	gap   *fleet.Gap

	at    time.Time
	order int    // among those of one time
	time  string // as it is shown
	sign  sign
	word  string // for the kind
	raw   string // the kind as "gctl events" has it
	what  string // that changed, or the text
	name  string // of the row

	service, instance, source string
}

func (r *row) id() string { return r.name }

// sign says how a change is to be taken.
type sign uint8

const (
	plain sign = iota // neither good nor bad
	good
	warn
	bad
	unknown
	noted
	missing
)

func (s sign) glyph(t *theme.Theme) (theme.Style, string) {
	switch s {
	case good:
		return screen.Sign(t, triage.Good)
	case warn:
		return screen.Sign(t, triage.Warn)
	case bad:
		return screen.Sign(t, triage.Bad)
	case unknown, missing:
		return screen.Sign(t, triage.Unknown)
	case noted:
		return t.Marked, t.Glyphs.Mark
	case plain:
	}
	return t.Text, t.Glyphs.Dot
}

// The kinds of rows that no events are.
const (
	noteKind = "note"
	gapKind  = "gap"
)

func eventRow(e *fleet.Event, in *inputs) row {
	r := row{
		event: e, at: e.At, time: stamp(e.At, in), raw: string(e.Kind), service: e.Service, instance: e.Instance, source: e.Provenance.Source,
		name: fmt.Sprint(e.At.UnixNano(), " ", e.Kind, " ", e.Service, " ", e.Instance, " ", e.Subject, " ", e.From, " ", e.To),
	}
	if !e.Exact {
		r.time = "~" + r.time
	}
	r.sign, r.word = judge(e)
	r.what = changed(e)
	return r
}

func noteRow(n notes.Note, in *inputs) row {
	return row{
		note: &n, at: n.At, order: 1, time: stamp(n.At, in), sign: noted, word: noteKind, raw: noteKind, what: n.Text, service: n.Service, source: "you",
		name: fmt.Sprint(n.At.UnixNano(), " ", noteKind, " ", n.Text),
	}
}

func gapRow(g fleet.Gap, in *inputs) row {
	r := row{
		gap: &g, at: g.To, order: -1, time: stamp(g.To, in), sign: missing, word: gapKind, raw: gapKind, source: "gctl",
		name: fmt.Sprint(gapKind, " ", g.To.UnixNano()),
	}
	if g.From.After(in.since) {
		r.what = fmt.Sprintf("not recorded from %s on, for %s", stamp(g.From, in), widget.Age(g.To.Sub(g.From)))
	} else {
		r.what = "not known before; gctl record keeps it"
	}
	return r
}

// stamp is a time of day; where the day is another than that of the end, the day too.
func stamp(at time.Time, in *inputs) string {
	at, end := at.In(in.zone), in.until.In(in.zone)
	if at.YearDay() != end.YearDay() || at.Year() != end.Year() {
		return at.Format("02 Jan 15:04")
	}
	return at.Format(time.TimeOnly)
}

// judge says how an event is to be taken, and the word for its kind.
func judge(e *fleet.Event) (s sign, word string) {
	switch e.Kind {
	case fleet.InstanceCame:
		return good, "came"
	case fleet.InstanceWent:
		return warn, "went"
	case fleet.CatalogChanged:
		return stateSign(e.To), "catalog"
	case fleet.HealthChanged:
		return stateSign(e.To), "health"
	case fleet.BreakerChanged:
		return stateSign(e.To), "breaker"
	case fleet.SourceChanged:
		if strings.HasPrefix(e.To, string(fleet.SourceFailing)) {
			return bad, "source"
		}
		return stateSign(e.To), "source"
	case fleet.VersionChanged:
		return plain, "version"
	case fleet.ProcessStarted:
		return plain, "started"
	case fleet.ActionTaken:
		return plain, "action"
	}
	return unknown, string(e.Kind)
}

// stateSign says how a state is to be taken that something has come to.
func stateSign(state string) sign {
	switch state {
	case string(fleet.Passing), string(fleet.Serving), string(fleet.BreakerClosed), string(fleet.SourceFresh), string(fleet.NotForced):
		return good
	case string(fleet.Warning), string(fleet.Maintenance), string(fleet.BreakerHalfOpen), string(fleet.BreakerThrottling), string(fleet.ForcedClosed), string(fleet.SourceStale):
		return warn
	case string(fleet.Critical), string(fleet.NotServing), string(fleet.Unreachable), string(fleet.TimedOut), string(fleet.BreakerOpen), string(fleet.ForcedOpen):
		return bad
	default:
		return unknown
	}
}

// arrow stands for "became" in rows; each theme has its own.
const arrow = "→"

// changed is what changed, from what to what.
func changed(e *fleet.Event) string {
	text := e.Subject
	switch {
	case e.From != "" && e.To != "":
		text += "  " + e.From + " " + arrow + " " + e.To
	case e.To != "":
		text += "  " + e.To
	case e.From != "":
		text += "  was " + e.From
	}
	return strings.TrimSpace(text)
}

// columns are those of the table.
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
	normal := func(t *theme.Theme) theme.Style { return t.Text }
	service := func(r *row) string { return r.service }
	instance := func(r *row) string { return r.instance }
	source := func(r *row) string { return r.source }
	return []widget.Column[row]{
		{
			Title: "TIME", Key: "t", Min: 11, Grow: 1, Max: 15,
			Draw: func(l *widget.Line, t *theme.Theme, r *row, w int) {
				style, mark := t.Text, " "
				if r.name == s.mark {
					style, mark = t.Cursor, t.Glyphs.Cursor
				}
				l.Cell(t.Cursor, mark, 1, "")
				l.Cell(style, r.time, w-1, t.Glyphs.More)
			},
			Compare: newestFirst,
		},
		{
			Title: "KIND", Key: "k", Min: 9,
			Draw: func(l *widget.Line, t *theme.Theme, r *row, w int) {
				style, glyph := r.sign.glyph(t)
				l.Cell(style, glyph, min(w, 1), "")
				l.Pad(l.Width() + min(w-1, 1))
				l.Cell(style, r.word, w-2, t.Glyphs.More)
			},
			Compare: func(a, b *row) int { return cmp.Or(cmp.Compare(a.word, b.word), newestFirst(a, b)) },
			Text:    func(r *row) string { return r.word + " " + r.raw },
		},
		{
			Title: "SERVICE", Key: "n", Min: 9, Grow: 2, Max: 20, Draw: text(normal, service), Text: service,
			Compare: func(a, b *row) int {
				if (a.service == "") != (b.service == "") { // those about no service last
					return cmp.Compare(b.service, a.service)
				}
				return cmp.Or(cmp.Compare(a.service, b.service), newestFirst(a, b))
			},
		},
		{
			Title: "INSTANCE", Key: "i", Min: 9, Grow: 2, Max: 24, Drop: 4, Draw: text(normal, instance), Text: instance,
			Compare: func(a, b *row) int { return cmp.Or(cmp.Compare(b.instance, a.instance), newestFirst(a, b)) },
		},
		{
			Title: "WHAT", Min: 17, Grow: 8,
			Draw: func(l *widget.Line, t *theme.Theme, r *row, w int) {
				style, _ := r.sign.glyph(t)
				what := r.what
				if t.Glyphs.Arrow != arrow {
					what = strings.ReplaceAll(what, arrow, t.Glyphs.Arrow)
				}
				l.Cell(style, what, w, t.Glyphs.More)
			},
			Text: func(r *row) string { return r.what },
		},
		{
			Title: "SOURCE", Key: "o", Min: 22, Drop: 6, Draw: text(func(t *theme.Theme) theme.Style { return t.Dim }, source), Text: source,
			Compare: func(a, b *row) int { return cmp.Or(cmp.Compare(a.source, b.source), newestFirst(a, b)) },
		},
	}
}
