package service

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/theme"
	"github.com/gctl-dev/gctl/tui/triage"
	"github.com/gctl-dev/gctl/tui/widget"
)

// instances is the pane of the instances.
type instances struct{ list[instance] }

// instance is a row.
type instance struct {
	*fleet.InstanceFact

	health  *fleet.Health // nil: not asked
	red     *fleet.RED    // nil: nobody counts
	verdict triage.Verdict
	serves  triage.Verdict // what word says
	word    string
	odd     bool   // its version is not that of most
	apart   string // how its calls stand out among those of its peers
}

func newInstances(columns map[string][]string) *instances {
	p := &instances{list[instance]{
		name: "instances", id: func(r *instance) string { return r.ID }, rows: instanceRows,
		none: "the catalog has no instances of it",
	}}
	p.table.Columns, _ = widget.Choose(instanceColumns(), columns[p.name])
	p.spec = widget.By(p.table.Columns, "trouble")
	return p
}

func instanceRows(snap *fleet.Snapshot, service string) []instance {
	s := snap.Service(service)
	if s == nil {
		return nil
	}
	apart := map[string]string{}
	for _, o := range triage.Outliers(s) {
		apart[o.Instance] = o.Text
	}
	versions := map[string]int{}
	rows := make([]instance, 0, len(s.Instances))
	for _, in := range s.Instances {
		r := instance{InstanceFact: in, health: triage.HealthOf(s, in.ID), red: s.RED("", in.ID, fleet.ServerSide)}
		if r.red == nil {
			r.red = s.RED("", in.ID, fleet.ClientSide)
		}
		r.serves, r.word = triage.Instance(in, r.health)
		if r.verdict, r.apart = r.serves, apart[in.ID]; r.apart != "" {
			r.verdict = max(r.verdict, triage.Warn)
		}
		versions[in.Version]++
		rows = append(rows, r)
	}
	for i := range rows {
		rows[i].odd = versions[rows[i].Version]*2 < len(rows)
	}
	return rows
}

func (r *instance) value(of func(*fleet.RED) float64) float64 {
	if r.red == nil {
		return math.NaN()
	}
	return of(r.red)
}

func catalogStyle(t *theme.Theme, s fleet.Status) theme.Style {
	switch s {
	case fleet.Passing:
		return t.Good
	case fleet.Warning:
		return t.Warn
	case fleet.Maintenance:
		return t.Dim
	case fleet.Critical:
	}
	return t.Bad
}

func instanceColumns() []widget.Column[instance] {
	return []widget.Column[instance]{
		{
			Title: "", Name: "trouble", Key: "t", Min: 1,
			Draw: func(l *widget.Line, t *theme.Theme, r *instance, _ int) {
				s, glyph := screen.Sign(t, r.verdict)
				l.Put(s, glyph)
			},
			Compare: func(a, b *instance) int {
				return cmp.Or(cmp.Compare(b.verdict, a.verdict), widget.Descending(a.value(errorRatio), b.value(errorRatio)))
			},
		},
		{
			Title: "INSTANCE", Key: "n", Min: 10, Grow: 3, Max: 40,
			Draw:    func(l *widget.Line, t *theme.Theme, r *instance, w int) { l.Cell(t.Text, r.ID, w, t.Glyphs.More) },
			Compare: func(a, b *instance) int { return cmp.Compare(a.ID, b.ID) },
			Text:    func(r *instance) string { return r.ID },
		},
		{
			Title: "GRPC", Key: "g", Min: 11, Max: 13, Grow: 1,
			Draw: func(l *widget.Line, t *theme.Theme, r *instance, w int) {
				s, _ := screen.Sign(t, r.serves)
				l.Cell(s, r.word, w, t.Glyphs.More)
			},
			Compare: func(a, b *instance) int { return cmp.Compare(a.word, b.word) },
			Text:    func(r *instance) string { return r.word },
		},
		{
			Title: "CATALOG", Key: "c", Min: 8, Max: 11, Grow: 1, Drop: 3,
			Draw: func(l *widget.Line, t *theme.Theme, r *instance, w int) {
				l.Cell(catalogStyle(t, r.Catalog), string(r.Catalog), w, t.Glyphs.More)
			},
			Compare: func(a, b *instance) int { return cmp.Compare(a.Catalog, b.Catalog) },
			Text:    func(r *instance) string { return string(r.Catalog) },
		},
		{
			Title: "VERSION", Key: "v", Min: 7, Max: 14, Grow: 1, Drop: 4,
			Draw: func(l *widget.Line, t *theme.Theme, r *instance, w int) {
				if r.odd {
					l.Cell(t.Warn, t.Glyphs.Warn+r.Version, w, t.Glyphs.More)
					return
				}
				l.Cell(t.Text, r.Version, w, t.Glyphs.More)
			},
			Compare: func(a, b *instance) int { return cmp.Compare(a.Version, b.Version) },
			Text:    func(r *instance) string { return r.Version },
		},
		measure("RPS", "rps", "r", 2, rate, func(_ *theme.Theme, v float64, _ *fleet.RED) string { return widget.Rate(v) }),
		measure("ERR%", "err", "e", 1, errorRatio, func(_ *theme.Theme, v float64, _ *fleet.RED) string { return widget.Percent(v) }),
		measure("P99", "p99", "p", 1, p99, func(_ *theme.Theme, v float64, r *fleet.RED) string { return widget.Seconds(v, r.Bound) }),
		{
			Title: "ADDRESS", Key: "a", Min: 15, Max: 26, Grow: 1, Drop: 5,
			Draw: func(l *widget.Line, t *theme.Theme, r *instance, w int) {
				l.Cell(t.Dim, r.Addr, w, t.Glyphs.More)
			},
			Compare: func(a, b *instance) int { return cmp.Compare(a.Addr, b.Addr) },
			Text:    func(r *instance) string { return r.Addr },
		},
		{
			Title: "ZONE", Min: 6, Max: 14, Grow: 1, Drop: 6,
			Draw: func(l *widget.Line, t *theme.Theme, r *instance, w int) { l.Cell(t.Dim, r.Zone, w, t.Glyphs.More) },
			Text: func(r *instance) string { return r.Zone },
		},
	}
}

func rate(r *fleet.RED) float64       { return r.Rate }
func errorRatio(r *fleet.RED) float64 { return r.ErrorRatio }
func p99(r *fleet.RED) float64        { return r.P99 }

func measure(title, name, letter string, drop int, of func(*fleet.RED) float64, text func(*theme.Theme, float64, *fleet.RED) string) widget.Column[instance] {
	factor := 1.0
	if name == "err" {
		factor = 100
	}
	return widget.Column[instance]{
		Title: title, Name: name, Key: letter, Min: 5, Right: true, Drop: drop,
		Draw: func(l *widget.Line, t *theme.Theme, r *instance, w int) {
			if r.red == nil {
				l.Right(t.Dim, t.Glyphs.None, w, t.Glyphs.More)
				return
			}
			style := t.Text
			switch {
			case name == "err":
				style = tint(t, r.red.ErrorRatio)
			case name == "p99" && strings.HasPrefix(r.apart, name):
				style = t.Warn
			}
			l.Right(style, text(t, of(r.red), r.red), w, t.Glyphs.More)
		},
		Compare: func(a, b *instance) int { return widget.Descending(a.value(of), b.value(of)) },
		Number:  func(r *instance) float64 { return factor * r.value(of) },
	}
}

func (p *instances) focus(_ *Screen, f *screen.Focus, _ *screen.Look) {
	r := p.table.Selected()
	if r == nil {
		return
	}
	f.Instance = r.ID
	marked := p.table.Marked()
	if len(marked) == 0 {
		f.Marked = []fleet.Instance{r.Instance}
		return
	}
	a := p.table.Arranged()
	for i := range a.Rows {
		if _, ok := slices.BinarySearch(marked, a.Rows[i].ID); ok {
			f.Marked = append(f.Marked, a.Rows[i].Instance)
		}
	}
}

func (p *instances) enter(*Screen) tea.Cmd {
	r := p.table.Selected()
	if r == nil {
		return nil
	}
	return screen.Send(screen.Show{Title: r.ID, Lines: r.lines()})
}

func (p *instances) describe(*Screen, *screen.Look) (title string, lines []string) {
	if r := p.table.Selected(); r != nil {
		return r.ID, r.lines()
	}
	return "", nil
}

// lines is all that is known of an instance.
func (r *instance) lines() []string {
	lines := []string{
		r.ID + ":",
		"  service   " + r.Service, "  address   " + r.Addr, "  version   " + r.Version, "  zone      " + r.Zone,
		"  catalog   " + string(r.Catalog), "  gRPC      " + r.word,
	}
	if h := r.health; h != nil {
		lines = append(lines, "  latency   "+widget.Duration(h.Latency))
		if h.Err != nil {
			lines = append(lines, "  error     "+screen.Sentence(h.Err))
			if hint := screen.HintOf(h.Err); hint != "" {
				lines = append(lines, "  hint      "+hint)
			}
		}
		if !h.Agrees() {
			lines = append(lines, "  note      the catalog says otherwise")
		}
	}
	if r.apart != "" {
		lines = append(lines, "  note      it stands out among its peers: "+r.apart)
	}
	if len(r.Tags) > 0 {
		lines = append(lines, "  tags      "+strings.Join(r.Tags, ", "))
	}
	for _, k := range slices.Sorted(maps.Keys(r.Meta)) {
		lines = append(lines, fmt.Sprintf("  meta      %s = %s", k, r.Meta[k]))
	}
	if r.red != nil {
		lines = append(lines, fmt.Sprintf("  calls     %s/s, %s%% errors, p99 %s", widget.Rate(r.red.Rate), widget.Percent(r.red.ErrorRatio), widget.Seconds(r.red.P99, r.red.Bound)))
	}
	return lines
}

func (p *instances) evidence(s *Screen) []screen.Evidence {
	r := p.table.Selected()
	if r == nil {
		return nil
	}
	list := []screen.Evidence{{
		What: "instance " + r.ID, Value: string(r.Catalog) + " at " + r.Addr, Provenance: r.Provenance,
		Commands: []string{"gctl instances " + s.service},
	}}
	if r.health != nil {
		list = append(list, screen.Evidence{
			What: "health of " + r.ID, Value: r.word, Provenance: r.health.Provenance,
			Commands: []string{"gctl health " + s.service, "gctl explain " + r.Addr, "grpc_health_probe -addr " + r.Addr},
		})
	}
	if r.red != nil {
		list = append(list, screen.REDEvidence(r.ID, r.red, "gctl metrics "+s.service+" --by instance"))
	}
	return list
}

func (p *instances) data() any {
	r := p.table.Selected()
	if r == nil {
		return nil
	}
	data := map[string]any{
		"service": r.Service, "id": r.ID, "address": r.Addr, "catalog": r.Catalog, "grpc": r.word,
		"version": r.Version, "zone": r.Zone, "tags": r.Tags, "meta": r.Meta,
	}
	if r.red != nil {
		data["metrics"] = screen.REDData(r.red)
	}
	return data
}
