package commands

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/output"
)

// redRow is a RED as JSON. Null is unknown, and unknown says why.
type redRow struct {
	Time       *time.Time         `json:"time,omitempty"` // with --watch
	Service    string             `json:"service"`
	Method     string             `json:"method"`
	Instance   string             `json:"instance"`
	Caller     string             `json:"caller"`
	Side       fleet.Side         `json:"side"`
	Rate       *float64           `json:"rate"`
	ErrorRatio *float64           `json:"error_ratio"`
	P50        *float64           `json:"p50_ms"`
	P95        *float64           `json:"p95_ms"`
	P99        *float64           `json:"p99_ms"`
	Codes      map[string]float64 `json:"codes"`
	Window     string             `json:"window"`
	SLO        *sloRow            `json:"slo,omitempty"`
	Dialect    string             `json:"dialect"`
	Source     string             `json:"source"`
	Query      string             `json:"query"`
	AgeMS      int64              `json:"age_ms"`
	Unknown    []string           `json:"unknown"`
	Notes      []string           `json:"notes"`
	Points     []pointRow         `json:"points,omitempty"` // with --since

	trend string
	bound float64 // ms
	above [3]bool // the quantile lies above the bound
}

func newREDRow(r *fleet.RED, now time.Time) redRow {
	row := redRow{
		Service: r.Service, Method: r.Method, Instance: r.Instance, Caller: r.Caller, Side: r.Side,
		Rate: known(r.Rate), ErrorRatio: known(r.ErrorRatio), P50: known(r.P50 * 1000), P95: known(r.P95 * 1000), P99: known(r.P99 * 1000),
		Codes: r.Codes, Window: span(r.Window), Dialect: r.Dialect, Source: r.Provenance.Source, Query: r.Provenance.Query,
		Unknown: orEmpty(r.Unknown), Notes: orEmpty(r.Notes), bound: r.Bound * 1000,
		above: [3]bool{math.IsInf(r.P50, 1), math.IsInf(r.P95, 1), math.IsInf(r.P99, 1)},
	}
	if row.Codes == nil {
		row.Codes = map[string]float64{}
	}
	if !r.Provenance.At.IsZero() {
		row.AgeMS = max(0, now.Sub(r.Provenance.At).Milliseconds())
	}
	return row
}

// unknownRow stands for a service of which nothing is known.
func unknownRow(service string, q *fleet.REDQuery, why string) redRow {
	row := newREDRow(&fleet.RED{
		Service: service, Side: q.Side, Window: q.Window, Unknown: []string{why},
		Rate: math.NaN(), ErrorRatio: math.NaN(), P50: math.NaN(), P95: math.NaN(), P99: math.NaN(),
	}, time.Time{})
	return row
}

// known is a number, nil where it is not known.
func known(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

// span writes a window as a person would: 5m, not 5m0s; 30d, not 720h0m0s.
func span(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	if day := 24 * time.Hour; d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// read asks and turns the answer into rows. The notes go to stderr.
func (o *metricsOptions) read(ctx context.Context, p *output.Printer, source MetricsSource, q fleet.REDQuery) ([]redRow, error) {
	list, err := source.Reader.RED(ctx, q)
	if err != nil {
		return nil, err
	}
	metricsNotes(o.f, q.Service, &list)
	rows := make([]redRow, 0, len(list.REDs))
	for i := range list.REDs {
		rows = append(rows, newREDRow(&list.REDs[i], o.f.Now()))
	}
	o.objectives(ctx, source, &q, list.REDs, rows)
	o.unsplit(rows)
	if source.History && !p.Structured() && p.Format() != output.Name {
		o.trends(ctx, source, q, rows)
	}
	if len(list.REDs) > 0 { // the first stands for all
		o.f.Evidence(list.REDs[0].Provenance)
	}
	rows = o.unread(&q, &list, rows)
	if q.Service != "" && len(rows) == 0 {
		why := "nobody says why"
		if len(list.Missing) > 0 {
			why = list.Missing[0].Err.Error()
		}
		rows = append(rows, unknownRow(q.Service, &q, why))
	}
	return rows, nil
}

// unsplit says so where the metrics have not all that was asked to split by.
func (o *metricsOptions) unsplit(rows []redRow) {
	var lacking []string
	for _, by := range o.by {
		of := map[string]func(redRow) string{
			string(fleet.ByMethod):   func(r redRow) string { return r.Method },
			string(fleet.ByInstance): func(r redRow) string { return r.Instance },
			string(fleet.ByCaller):   func(r redRow) string { return r.Caller },
		}[by]
		if !slices.ContainsFunc(rows, func(r redRow) bool { return of(r) != "" }) {
			lacking = append(lacking, by)
		}
	}
	if len(rows) == 0 || len(lacking) == 0 {
		return
	}
	note := "these metrics are not split by " + strings.Join(lacking, ", ")
	if len(o.by) > 1 {
		note += "; they may be by one of them alone"
	}
	o.f.Notef("note: %s", note)
	for i := range rows {
		rows[i].Notes = append(rows[i].Notes, note)
	}
}

// unread adds a row for each instance that could not be read.
func (o *metricsOptions) unread(q *fleet.REDQuery, list *fleet.REDList, rows []redRow) []redRow {
	if q.Side != fleet.ServerSide || !slices.Contains(o.by, string(fleet.ByInstance)) {
		return rows
	}
	before := len(rows)
	for _, m := range list.Missing {
		known := func(r redRow) bool { return r.Service == m.Instance.Service && r.Instance == m.Instance.ID }
		if m.What == "metrics" && m.Instance.ID != "" && !slices.ContainsFunc(rows, known) {
			row := unknownRow(m.Instance.Service, q, m.Err.Error())
			row.Instance = m.Instance.ID
			rows = append(rows, row)
		}
	}
	if len(rows) > before {
		slices.SortStableFunc(rows, func(a, b redRow) int {
			return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Caller, b.Caller), cmp.Compare(a.Instance, b.Instance))
		})
	}
	return rows
}

// layout is the table for rows; more says that it continues one.
func (o *metricsOptions) layout(rows []redRow, more bool) output.Rows[redRow] {
	return output.Rows[redRow]{Columns: o.columns.of(o, rows), NoHeader: more, Key: func(r redRow) string {
		return strings.Join(slices.DeleteFunc([]string{r.Service, r.Caller, r.Instance, r.Method}, func(s string) bool { return s == "" }), " ")
	}}
}

// redColumns are chosen once: a table that goes on keeps them.
type redColumns struct{ chosen []output.Column[redRow] }

func (c *redColumns) of(o *metricsOptions, rows []redRow) []output.Column[redRow] {
	if c.chosen == nil {
		c.chosen = o.table(rows)
	}
	return c.chosen
}

func (o *metricsOptions) table(rows []redRow) []output.Column[redRow] {
	text := func(name string, wide bool, of func(redRow) string) output.Column[redRow] {
		return output.Column[redRow]{Name: name, Wide: wide, Cell: func(r redRow) output.Cell { return output.Text(of(r)) }}
	}
	right := func(name string, cell func(redRow) output.Cell) output.Column[redRow] {
		return output.Column[redRow]{Name: name, Right: true, Cell: cell}
	}
	spare := func(c output.Column[redRow]) output.Column[redRow] {
		c.Spare = true
		return c
	}
	has := func(of func(redRow) bool) bool { return slices.ContainsFunc(rows, of) }
	var c []output.Column[redRow]
	if has(func(r redRow) bool { return r.Time != nil }) && !o.f.Streams.OutTTY {
		c = append(c, output.Column[redRow]{Name: "TIME", Cell: func(r redRow) output.Cell { return output.Time(*r.Time) }})
	}
	c = append(c, text("SERVICE", false, func(r redRow) string { return r.Service }))
	for _, d := range []struct {
		by   fleet.Dimension
		name string
		of   func(redRow) string
	}{
		{fleet.ByCaller, "CALLER", func(r redRow) string { return r.Caller }},
		{fleet.ByInstance, "INSTANCE", func(r redRow) string { return r.Instance }},
		{fleet.ByMethod, "METHOD", o.methodNames(rows)},
	} {
		if slices.Contains(o.by, string(d.by)) {
			c = append(c, text(d.name, false, d.of))
		}
	}
	c = append(c,
		right("RATE", func(r redRow) output.Cell { return rateCell(r.Rate) }),
		right("ERRORS", func(r redRow) output.Cell { return ratioCell(r.ErrorRatio) }),
		spare(right("P50", func(r redRow) output.Cell { return durationCell(r.P50, r.above[0], r.bound) })),
		spare(right("P95", func(r redRow) output.Cell { return durationCell(r.P95, r.above[1], r.bound) })),
		right("P99", func(r redRow) output.Cell { return durationCell(r.P99, r.above[2], r.bound) }),
	)
	if has(func(r redRow) bool { return r.SLO != nil }) {
		c = append(c, right("BUDGET", budgetCell), right("BURN", burnCell))
	}
	if has(func(r redRow) bool { return r.trend != "" }) {
		c = append(c, output.Column[redRow]{Name: "TREND", Tail: true, Spare: true, Cell: func(r redRow) output.Cell { return output.Text(r.trend) }})
	}
	return append(c,
		text("WINDOW", true, func(r redRow) string { return r.Window }),
		text("CODES", true, func(r redRow) string { return codesText(r.Codes) }),
		text("DIALECT", true, func(r redRow) string { return r.Dialect }),
		text("SOURCE", true, func(r redRow) string { return r.Source }),
	)
}

// methodNames returns how methods are written: in full, and on a terminal as short
// as gctl call would take them, since there is little room.
func (o *metricsOptions) methodNames(rows []redRow) func(redRow) string {
	forms := []func(string) string{
		func(m string) string { return m[strings.LastIndexByte(m, '/')+1:] },                                     // GetUser
		func(m string) string { return m[strings.LastIndexByte(m[:max(0, strings.IndexByte(m, '/'))], '.')+1:] }, // UserService/GetUser
	}
	if !o.f.Streams.OutTTY || o.f.Global.Output == string(output.Wide) {
		forms = nil
	}
	return func(r redRow) string {
		for _, form := range forms {
			short, clash := form(r.Method), false
			for i := range rows {
				clash = clash || rows[i].Method != r.Method && form(rows[i].Method) == short
			}
			if !clash {
				return short
			}
		}
		return r.Method
	}
}

func rateCell(v *float64) output.Cell {
	if v == nil {
		return output.Cell{}
	}
	return output.Text(significant(*v) + "/s")
}

// ratioCell colours from 1 % on.
func ratioCell(v *float64) output.Cell {
	if v == nil {
		return output.Cell{}
	}
	c := output.Text(significant(*v*100) + "%")
	switch {
	case *v == 0:
		c.Style = output.Faint
	case *v < 0.01:
		c.Style = output.Caution
	default:
		c.Style = output.Bad
	}
	return c
}

func durationCell(ms *float64, above bool, bound float64) output.Cell {
	switch {
	case above:
		return output.Cell{Text: ">" + durationText(bound), Style: output.Caution}
	case ms == nil:
		return output.Cell{}
	default:
		return output.Text(durationText(*ms))
	}
}

func durationText(ms float64) string {
	if ms >= 1000 {
		return significant(ms/1000) + "s"
	}
	return significant(ms) + "ms"
}

// significant writes a number with three digits that mean something.
func significant(v float64) string {
	switch abs := math.Abs(v); {
	case v == 0:
		return "0"
	case abs >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case abs >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case abs >= 0.01:
		return strconv.FormatFloat(v, 'f', 2, 64)
	default:
		return strconv.FormatFloat(v, 'g', 2, 64)
	}
}

func codesText(codes map[string]float64) string {
	out := make([]string, 0, len(codes))
	for code, rate := range codes {
		out = append(out, code+"="+significant(rate))
	}
	slices.Sort(out)
	return strings.Join(out, ",")
}
