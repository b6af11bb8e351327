package commands

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/output"
	"github.com/gctl-dev/gctl/internal/term"
	"github.com/gctl-dev/gctl/ops/waterfall"
)

// The measures of a drawing in columns. Without a terminal there is room.
const (
	anyWidth     = 120
	leastWidth   = 60
	numberColumn = 11 // two blanks and a duration such as 12345.6ms
	mostLines    = 100
	mostEvents   = 5 // of a span
)

// drawing is a trace on its way to the screen.
type drawing struct {
	p         *output.Printer
	l         *waterfall.Layout
	full      bool
	wide      bool // attributes too
	nameWidth int
	barWidth  int
	segments  map[int][]waterfall.Segment
	open      []bool // by depth: the ancestor there has further siblings
}

func newDrawing(p *output.Printer, l *waterfall.Layout, full bool) *drawing {
	d := &drawing{p: p, l: l, full: full, wide: p.Format() == output.Wide, segments: map[int][]waterfall.Segment{}}
	width := p.Width()
	if width == 0 {
		width = anyWidth
	}
	width = max(width, leastWidth)
	d.barWidth = width * 3 / 10
	d.nameWidth = width - d.barWidth - 2*numberColumn - 2
	for _, s := range l.Path {
		d.segments[s.Row] = append(d.segments[s.Row], s)
	}
	return d
}

func (d *drawing) print() error {
	if err := d.head(); err != nil {
		return err
	}
	most := mostLines
	if d.full {
		most = 0
	}
	lines := d.l.Fold(most)
	hidden := len(d.l.Rows)
	for i := range lines {
		hidden -= lines[i].Hidden
		if lines[i].Folded == 0 {
			hidden--
		}
		if err := d.line(&lines[i]); err != nil {
			return err
		}
	}
	if hidden > 0 {
		if err := d.p.Line(output.Cell{Text: fmt.Sprintf("… and %s more; --full shows all", plural(hidden, "span")), Style: output.Faint}); err != nil {
			return err
		}
	}
	if err := d.p.Line(); err != nil {
		return err
	}
	return shareTable.Print(d.p, waterfall.ShareDocs(d.l), nil)
}

// head says what trace it is, and what the columns are.
func (d *drawing) head() error {
	count := fmt.Sprintf("%s, %s, %s", formatMS(ms(d.l.Duration))+"ms", plural(len(d.l.Rows), "span"), plural(len(d.l.Shares), "service"))
	errors := output.Cell{}
	if d.l.Errors > 0 {
		errors = output.Cell{Text: ", " + plural(d.l.Errors, "error"), Style: output.Bad}
	}
	if err := d.p.Line(output.Text("trace "+d.l.ID+"  "), output.Cell{Text: d.l.Start.UTC().Format("2006-01-02T15:04:05.000Z"), Style: output.Faint}); err != nil {
		return err
	}
	if err := d.p.Line(output.Text(count), errors, output.Cell{Text: "  (* on the critical path)", Style: output.Faint}); err != nil {
		return err
	}
	title := pad("SPAN", d.nameWidth) + fmt.Sprintf("%*s%*s  %s", numberColumn, "DURATION", numberColumn, "CRITICAL", "TIMELINE")
	return d.p.Line(output.Cell{Text: title, Style: output.Faint})
}

func (d *drawing) line(line *waterfall.Line) error {
	row := &d.l.Rows[line.Row]
	tree := d.branch(row.Depth, line.Last)
	if line.Folded > 0 {
		return d.folded(line, tree)
	}
	name := output.Text(d.label(tree, row.Span, line))
	critical, style := "-", output.Faint
	if row.Critical > 0 {
		critical, style = "* "+formatMS(ms(row.Critical))+"ms", output.Caution
		name.Style = output.Plain
	} else {
		name.Style = output.Faint
	}
	if row.Span.Error {
		name.Style = output.Bad
	}
	err := d.p.Line(name,
		output.Text(fmt.Sprintf("%*s", numberColumn, formatMS(ms(row.Span.Duration))+"ms")),
		output.Cell{Text: fmt.Sprintf("%*s  ", numberColumn, critical), Style: style},
		output.Cell{Text: d.bar(line.Row), Style: style})
	if err != nil {
		return err
	}
	return d.below(row)
}

// branch draws the lines of the tree in front of a span, and remembers for what
// follows whether its line goes on.
func (d *drawing) branch(depth int, last bool) string {
	d.open = append(d.open[:min(len(d.open), depth)], !last)
	for len(d.open) <= depth { // a gap in a folded trace
		d.open = append(d.open, false)
	}
	if depth == 0 {
		return ""
	}
	if deepest := d.nameWidth / 4; depth > deepest { // the tree must leave room for names
		return fmt.Sprintf("…%d ", depth)
	}
	end := "├ "
	if last {
		end = "└ "
	}
	return d.trunk(depth) + end
}

// trunk are the lines of the ancestors.
func (d *drawing) trunk(depth int) string {
	var b strings.Builder
	for _, goesOn := range d.open[min(1, len(d.open)):min(depth, len(d.open))] {
		if goesOn {
			b.WriteString("│ ")
		} else {
			b.WriteString("  ")
		}
	}
	return b.String()
}

// label is a span's name, as much of it as there is room for: of a method the
// package goes first.
func (d *drawing) label(tree string, s *fleet.Span, line *waterfall.Line) string {
	end := ""
	if line.Hidden > 0 {
		end = fmt.Sprintf(" (+%d below)", line.Hidden)
		if line.Errors > 0 {
			end = fmt.Sprintf(" (+%d below, %s)", line.Hidden, plural(line.Errors, "error"))
		}
	}
	room := d.nameWidth - ansi.StringWidth(tree+end)
	name := term.CleanLine(spanName(s))
	if ansi.StringWidth(name) > room {
		shorter := *s
		shorter.Name = withoutPackage(s.Name)
		name = ansi.Truncate(term.CleanLine(spanName(&shorter)), max(room, 8), "…")
	}
	return pad(tree+name+end, d.nameWidth)
}

// withoutPackage makes UserService/GetUser of user.v1.UserService/GetUser.
func withoutPackage(name string) string {
	service, method, ok := strings.Cut(name, "/")
	if !ok || strings.ContainsAny(service, " ") {
		return name
	}
	return service[strings.LastIndexByte(service, '.')+1:] + "/" + method
}

func pad(text string, width int) string {
	text = ansi.Truncate(text, width, "…")
	return text + strings.Repeat(" ", width-ansi.StringWidth(text))
}

// folded is the line of several spans that do the same.
func (d *drawing) folded(line *waterfall.Line, tree string) error {
	s := d.l.Rows[line.Row].Span
	text := fmt.Sprintf("%s… %d more %s", tree, line.Folded, term.CleanLine(spanName(s)))
	end := output.Cell{Text: "  " + fmt.Sprintf("%*s  in all", numberColumn-1, ""), Style: output.Faint}
	if line.Errors > 0 {
		end = output.Cell{Text: "  " + plural(line.Errors, "error"), Style: output.Bad}
	}
	return d.p.Line(
		output.Cell{Text: pad(text, d.nameWidth), Style: output.Faint},
		output.Cell{Text: fmt.Sprintf("%*s", numberColumn, formatMS(ms(line.Total))+"ms"), Style: output.Faint}, end)
}

// bar draws when a span ran: full blocks where it was on the critical path.
func (d *drawing) bar(row int) string {
	whole := max(d.l.Duration, 1)
	column := func(t time.Duration) int {
		return int(float64(t) / float64(whole) * float64(d.barWidth))
	}
	cells := []rune(strings.Repeat(" ", d.barWidth))
	fill := func(start, end time.Duration, with rune) {
		from := min(max(column(start), 0), d.barWidth-1)
		to := min(max(column(end), from+1), d.barWidth) // whatever is short is a cell all the same
		for i := from; i < to; i++ {
			cells[i] = with
		}
	}
	r := &d.l.Rows[row]
	fill(r.Offset, r.Offset+r.Span.Duration, '░')
	for _, s := range d.segments[row] {
		fill(s.Start, s.End, '█')
	}
	return strings.TrimRight(string(cells), " ")
}

// below prints what there is to say of a span under it.
func (d *drawing) below(row *waterfall.Row) error {
	s := row.Span
	indent := d.trunk(row.Depth + 1)
	if row.Depth+1 > d.nameWidth/4 {
		indent = "  "
	}
	if row.Below > 0 {
		indent += "│ "
	} else {
		indent += "  "
	}
	var lines []output.Cell
	for _, m := range row.Marks {
		text := string(m)
		if m == waterfall.ClockSkew {
			text += ": began " + formatMS(ms(row.Skew)) + "ms before its parent"
		}
		lines = append(lines, output.Cell{Text: "~ " + text, Style: output.Caution})
	}
	if s.Error {
		lines = append(lines, output.Cell{Text: strings.TrimSuffix("! error: "+s.Message, ": "), Style: output.Bad})
	}
	for i, e := range s.Events {
		if i == mostEvents && !d.full {
			lines = append(lines, output.Cell{Text: fmt.Sprintf("… %s more", plural(len(s.Events)-i, "event")), Style: output.Faint})
			break
		}
		text := fmt.Sprintf("+%sms %s", formatMS(ms(e.At.Sub(d.l.Start))), strings.TrimSpace(e.Name+" "+d.brief(e.Attributes)))
		lines = append(lines, output.Text(text))
	}
	if d.wide {
		for _, key := range slices.Sorted(maps.Keys(s.Attributes)) {
			lines = append(lines, output.Cell{Text: key + "=" + s.Attributes[key], Style: output.Faint})
		}
	}
	for _, c := range lines {
		if err := d.p.Line(output.Cell{Text: indent, Style: output.Faint}, c); err != nil {
			return err
		}
	}
	return nil
}

// brief is what the attributes of an event say in a line; stack traces do not fit.
func (d *drawing) brief(m map[string]string) string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if key != "exception.stacktrace" || d.wide {
			parts = append(parts, key+"="+m[key])
		}
	}
	return strings.Join(parts, " ")
}

var shareTable = output.Rows[waterfall.ShareDoc]{
	Columns: []output.Column[waterfall.ShareDoc]{
		{Name: "SERVICE", Cell: func(r waterfall.ShareDoc) output.Cell { return output.Text(r.Service) }},
		{Name: "SPANS", Right: true, Cell: func(r waterfall.ShareDoc) output.Cell { return output.Int(r.Spans) }},
		{Name: "ERRORS", Right: true, Cell: func(r waterfall.ShareDoc) output.Cell { return output.Count(r.Errors, output.Bad) }},
		{Name: "SELF", Right: true, Cell: func(r waterfall.ShareDoc) output.Cell { return output.Text(formatMS(r.SelfMS) + "ms") }},
		{Name: "CRITICAL", Right: true, Cell: func(r waterfall.ShareDoc) output.Cell { return output.Text(formatMS(r.CriticalMS) + "ms") }},
		{Name: "SHARE", Right: true, Cell: func(r waterfall.ShareDoc) output.Cell { return output.Text(fmt.Sprintf("%.0f%%", r.Share*100)) }},
	},
	Key: func(r waterfall.ShareDoc) string { return r.Service },
}
