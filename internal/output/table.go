package output

import (
	"bufio"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// Column is one column of a table of T.
type Column[T any] struct {
	Name  string // the header, in capitals
	Wide  bool   // only with -o wide
	Right bool   // aligned to the right, for numbers
	Tail  bool   // where it is cut it keeps its end
	Spare bool   // left out of a table that is too wide for the terminal; the last one first
	Cell  func(T) Cell
}

// Rows says how the rows of an answer are printed. T itself, marshalled as
// JSON, is a row for programs.
type Rows[T any] struct {
	Columns  []Column[T]
	Key      func(T) string // what -o name prints
	NoHeader bool           // the table continues one
}

// Print prints rows in p's format. doc is the JSON document they stand for; nil
// is the list of the rows.
func (t Rows[T]) Print(p *Printer, rows []T, doc any) error {
	switch {
	case p.Format() == JSONL:
		for _, r := range rows {
			if err := p.Value(r); err != nil {
				return err
			}
		}
		return nil
	case p.Structured():
		if doc == nil {
			doc = append(make([]T, 0, len(rows)), rows...) // [] rather than null
		}
		return p.Value(doc)
	case p.Format() == Name:
		return t.names(p, rows)
	default:
		return t.table(p, rows)
	}
}

func (t Rows[T]) names(p *Printer, rows []T) error {
	w := bufio.NewWriter(p.opts.Out)
	for _, r := range rows {
		if _, err := w.WriteString(p.line(t.Key(r)) + "\n"); err != nil {
			return err
		}
	}
	return w.Flush()
}

func (t Rows[T]) table(p *Printer, rows []T) error {
	var columns []Column[T]
	for _, c := range t.Columns {
		if !c.Wide || p.Format() == Wide {
			columns = append(columns, c)
		}
	}
	for {
		g := t.fill(p, rows, columns)
		spare := lastSpare(columns)
		if p.Format() == Wide || g.fits() || spare < 0 {
			return g.print()
		}
		columns = slices.Delete(columns, spare, spare+1)
	}
}

func lastSpare[T any](columns []Column[T]) int {
	for i := range slices.Backward(columns) {
		if columns[i].Spare {
			return i
		}
	}
	return -1
}

// fill is the table with these columns.
func (t Rows[T]) fill(p *Printer, rows []T, columns []Column[T]) *grid {
	g := &grid{tail: make([]bool, len(columns)), printer: p, widths: make([]int, len(columns)), right: make([]bool, len(columns))}
	header := make([]Cell, len(columns))
	for i, c := range columns {
		header[i] = Cell{Text: c.Name, Style: Faint}
		g.right[i], g.tail[i] = c.Right, c.Tail
	}
	if !t.NoHeader {
		g.add(header)
	}
	for _, r := range rows {
		cells := make([]Cell, len(columns))
		for i, c := range columns {
			cells[i] = c.Cell(r)
		}
		g.add(cells)
	}
	return g
}

// fits tells whether the lines are no longer than the terminal is wide.
func (g *grid) fits() bool {
	if g.printer.opts.Width <= 0 {
		return true
	}
	total := gap * (len(g.widths) - 1)
	for _, w := range shrink(slices.Clone(g.widths), g.printer.opts.Width) {
		total += w
	}
	return total <= g.printer.opts.Width
}

// grid is a table whose texts are known and whose widths are being found.
type grid struct {
	printer *Printer
	lines   [][]Cell
	widths  []int
	right   []bool
	tail    []bool
}

const gap = 2 // columns between two cells

func (g *grid) add(cells []Cell) {
	for i := range cells {
		cells[i].Text = g.printer.render(cells[i])
		g.widths[i] = max(g.widths[i], ansi.StringWidth(cells[i].Text))
	}
	g.lines = append(g.lines, cells)
}

func (g *grid) print() error {
	if w := g.printer.opts.Width; w > 0 {
		shrink(g.widths, w)
	}
	out := bufio.NewWriter(g.printer.opts.Out)
	for _, line := range g.lines {
		if _, err := out.WriteString(g.line(line) + "\n"); err != nil {
			return err
		}
	}
	return out.Flush()
}

func (g *grid) line(cells []Cell) string {
	var b strings.Builder
	for i, c := range cells {
		text := ansi.Truncate(c.Text, g.widths[i], "…")
		if n := ansi.StringWidth(c.Text) - g.widths[i]; g.tail[i] && n > 0 {
			text = ansi.Truncate(ansi.TruncateLeft(c.Text, n+1, "…"), g.widths[i], "")
		}
		pad := strings.Repeat(" ", g.widths[i]-ansi.StringWidth(text))
		painted := g.printer.paint(text, c.Style)
		switch {
		case g.right[i]:
			painted = pad + painted
		case i < len(cells)-1:
			painted += pad
		}
		if i > 0 {
			b.WriteString(strings.Repeat(" ", gap))
		}
		b.WriteString(painted)
	}
	return b.String()
}

// shrink takes columns from the widest until the line fits into width. A column
// keeps enough to recognise its values by; a line that is still too long is
// left to the terminal, which loses less than cutting further.
func shrink(widths []int, width int) []int {
	const least = 8
	total := gap * (len(widths) - 1)
	for _, w := range widths {
		total += w
	}
	for total > width {
		widest := 0
		for i, w := range widths {
			if w > widths[widest] {
				widest = i
			}
		}
		if widths[widest] <= least {
			break
		}
		widths[widest]--
		total--
	}
	return widths
}
