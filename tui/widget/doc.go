package widget

import (
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/gctl-dev/gctl/internal/term"
	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/theme"
)

// Part is a piece of a paragraph in one style, chosen when it is drawn.
type Part struct {
	Style func(t *theme.Theme) theme.Style // nil: plain
	Text  string
}

// Paragraph is a piece of a document. What does not fit into a line goes on in the
// next, so that nothing is cut.
type Paragraph struct {
	Parts  []Part
	Indent int
	Stop   bool // the cursor stops here
	Data   any  // whatever the screen wants to know of it
}

// Doc shows paragraphs that are read and acted upon one by one.
type Doc struct {
	list   []Paragraph
	at     int // the paragraph under the cursor
	top    int // the first line on the screen
	height int

	width int
	theme *theme.Theme
	lines []docLine
}

type docLine struct {
	paragraph int
	text      string
}

// Set shows paragraphs; the cursor stays where it is.
func (d *Doc) Set(list []Paragraph) {
	d.list, d.lines = list, nil
	d.at = max(0, min(d.at, len(list)-1))
	d.settle(1)
}

// settle brings the cursor to a paragraph where it may stop, in a direction.
func (d *Doc) settle(step int) {
	for i := d.at; i >= 0 && i < len(d.list); i += step {
		if d.list[i].Stop {
			d.at = i
			return
		}
	}
	for i := d.at; i >= 0 && i < len(d.list); i -= step {
		if d.list[i].Stop {
			d.at = i
			return
		}
	}
}

// Selected is the paragraph under the cursor, nil if there is none.
func (d *Doc) Selected() *Paragraph {
	if d.at >= len(d.list) {
		return nil
	}
	return &d.list[d.at]
}

// Do moves the cursor and tells whether the action was one of those.
func (d *Doc) Do(a key.Action) bool {
	switch a {
	case key.Up:
		d.step(-1, 1)
	case key.Down:
		d.step(1, 1)
	case key.HalfUp, key.PageUp:
		d.step(-1, max(1, d.height/2))
	case key.HalfDown, key.PageDown:
		d.step(1, max(1, d.height/2))
	case key.Top:
		d.at, d.top = 0, 0
		d.settle(1)
	case key.Bottom:
		d.at = max(0, len(d.list)-1)
		d.settle(-1)
	default:
		return false
	}
	return true
}

// step goes n stops on; where there is none, the text scrolls.
func (d *Doc) step(way, n int) {
	moved := false
	for i := d.at + way; i >= 0 && i < len(d.list) && n > 0; i += way {
		if d.list[i].Stop {
			d.at, moved = i, true
			n--
		}
	}
	if !moved {
		d.top += way
	}
}

// View draws h lines of w cells.
func (d *Doc) View(w, h int, t *theme.Theme) []string {
	if d.lines == nil || d.width != w || d.theme != t {
		d.lay(w, t)
	}
	d.height = h
	first, last := d.span()
	if last >= d.top+h {
		d.top = last - h + 1
	}
	if first < d.top {
		d.top = first
	}
	d.top = max(0, min(d.top, len(d.lines)-h))
	var out []string
	for i := d.top; i < len(d.lines) && len(out) < h; i++ {
		line := d.lines[i]
		if line.paragraph == d.at && d.list[d.at].Stop {
			l := &Line{}
			l.Put(t.Accent, t.Glyphs.Selected)
			rest := Cut(withoutFirst(line.text), w-1)
			l.Append(rest, ansi.StringWidth(rest)) // a wide character may not fit
			out = append(out, l.Fit(w))
			continue
		}
		out = append(out, line.text)
	}
	return Fill(out, h, w)
}

// withoutFirst is a drawn line without its first cell, which is blank.
func withoutFirst(drawn string) string { return ansi.TruncateLeft(drawn, 1, "") }

// span is which lines the paragraph under the cursor has.
func (d *Doc) span() (first, last int) {
	first = -1
	for i := range d.lines {
		if d.lines[i].paragraph == d.at {
			if first < 0 {
				first = i
			}
			last = i
		}
	}
	return max(0, first), last
}

// lay breaks the paragraphs into lines.
func (d *Doc) lay(w int, t *theme.Theme) {
	d.width, d.theme, d.lines = w, t, []docLine{}
	for i := range d.list {
		for _, text := range d.list[i].lines(w, t) {
			d.lines = append(d.lines, docLine{i, text})
		}
	}
}

// lines breaks a paragraph at blanks.
func (p *Paragraph) lines(w int, t *theme.Theme) []string {
	var out []string
	l := &Line{}
	indent := min(p.Indent+1, max(0, w-10))
	l.Pad(indent)
	empty := true
	for _, part := range p.Parts {
		style := t.Text
		if part.Style != nil {
			style = part.Style(t)
		}
		for word := range strings.FieldsSeq(term.CleanLine(part.Text)) {
			word, need := printable(word)
			if !empty && l.Width()+1+need > w {
				out = append(out, l.Fit(w))
				l = &Line{}
				l.Pad(min(indent+2, max(0, w-10)))
				empty = true
			}
			if !empty {
				l.Put(style, " ")
			}
			empty = false
			for l.Width()+need > w { // a word that is longer than a line
				head, cells := fit(word, w-l.Width())
				if head == "" && l.Width() == 0 { // a line has no room for one character
					word = ""
					break
				}
				l.Put(style, head)
				out = append(out, l.Fit(w))
				l = &Line{}
				word, need = word[len(head):], need-cells
			}
			l.Put(style, word)
		}
	}
	return append(out, l.Fit(w))
}

// fit is the beginning of a printable text that fits into a room, and how many cells
// it takes.
func fit(text string, room int) (head string, cells int) {
	n := 0
	for n < len(text) {
		cluster, w := ansi.FirstGraphemeCluster(text[n:], ansi.GraphemeWidth)
		if cells+w > room {
			break
		}
		n, cells = n+len(cluster), cells+w
	}
	return text[:n], cells
}
