package output

import (
	"strconv"
	"time"

	"github.com/charmbracelet/x/ansi"
)

// Style is what a cell means; a terminal shows it as colour beside the word.
type Style int

// The styles.
const (
	Plain Style = iota
	Good
	Caution
	Bad
	Faint
)

// Cell is one field of a table.
type Cell struct {
	Text  string
	Style Style
	Time  time.Time // instead of Text: shown relative on a terminal
}

// Text returns a plain cell.
func Text(s string) Cell { return Cell{Text: s} }

// Int returns a cell with a number.
func Int(n int) Cell { return Cell{Text: strconv.Itoa(n)} }

// Count returns a cell with a number that has the style where it is not zero.
func Count(n int, style Style) Cell {
	if n == 0 {
		style = Faint
	}
	return Cell{Text: strconv.Itoa(n), Style: style}
}

// Time returns a cell with a point in time; the zero time is an empty cell.
func Time(t time.Time) Cell { return Cell{Time: t} }

// render returns the cell's text without its style. An empty cell is a dash,
// so that a line has the same number of fields as the header.
func (p *Printer) render(c Cell) string {
	text := p.line(c.Text)
	if !c.Time.IsZero() {
		if p.opts.TTY && p.opts.Now != nil {
			text = ago(p.opts.Now().Sub(c.Time))
		} else {
			text = c.Time.UTC().Format(time.RFC3339)
		}
	}
	if text == "" {
		return "-"
	}
	return text
}

// ago says how long ago something was, in the largest unit that fits.
func ago(d time.Duration) string {
	switch {
	case d < 0:
		return "in " + span(-d)
	case d < time.Second:
		return "now"
	default:
		return span(d) + " ago"
	}
}

func span(d time.Duration) string {
	for _, u := range []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}} {
		if d >= u.size {
			return strconv.FormatInt(int64(d/u.size), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(d/time.Second), 10) + "s"
}

// Show returns a cell as it stands in a table, for lines that are printed one by
// one.
func (p *Printer) Show(c Cell) string { return p.paint(p.render(c), c.Style) }

// paint colours text where colour is wanted.
func (p *Printer) paint(text string, style Style) string {
	if !p.opts.Color {
		return text
	}
	switch style {
	case Good:
		return ansi.NewStyle().ForegroundColor(ansi.Green).Styled(text)
	case Caution:
		return ansi.NewStyle().ForegroundColor(ansi.Yellow).Styled(text)
	case Bad:
		return ansi.NewStyle().ForegroundColor(ansi.Red).Bold().Styled(text)
	case Faint:
		return ansi.NewStyle().Faint().Styled(text)
	default:
		return text
	}
}
