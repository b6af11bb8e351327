// Package theme says how the dashboard looks: its colours and its glyphs.
//
// What a colour says is always said by a glyph and a word too, so a theme can be
// any, also one without colours.
package theme

import (
	"fmt"
	"slices"
	"strings"
)

// Style is a way to show text: the control sequence before it. What follows the
// text is always Reset. The zero Style is plain text.
type Style string

// Reset ends a style.
const Reset = "\x1b[m"

// Theme is the styles by what they are for.
type Theme struct {
	Name string

	Text   Style
	Dim    Style // what is there when it is looked for: units, ages, borders
	Strong Style
	Title  Style // the name of the place
	Head   Style // titles of columns
	Accent Style // what can be acted upon: keys, the prompt

	Good, Warn, Bad Style // always beside a glyph and a word
	Unknown         Style // not known is none of the three

	Selected Style // the row under the cursor, without colours of its own
	Marked   Style // rows that are marked
	Cursor   Style // the time cursor
	Bar      Style // the header and the footer
	Badge    Style // READ-ONLY, REPLAY, PAST
	Match    Style // what a filter has found
	Series   []Style

	Glyphs *Glyphs
}

// Glyphs are the signs. Every one of them is one cell wide.
type Glyphs struct {
	Good, Warn, Bad, Unknown string
	Crumb                    string // between the names of places
	Selected, Mark           string
	Up, Down                 string // order of a sorted column
	None                     string // there is nothing
	Missing                  string // a value that is not known
	More                     string // text was cut
	Spark                    []string
	Braille                  bool // else charts are drawn with ASCII
	Horizontal, Vertical     string
	Corners                  [4]string // top left, top right, bottom left, bottom right
	Cursor                   string    // the time cursor in a chart
	Bar, BarCritical         string    // of a span in a waterfall
	Branch, Last, Pipe       string    // of a tree, two cells wide
	Open, Closed             string    // what can be unfolded
	Dot                      string
	Times, Arrow             string
}

// Unicode are the usual glyphs.
func Unicode() *Glyphs {
	return &Glyphs{
		Good: "✓", Warn: "!", Bad: "✗", Unknown: "?", Crumb: "▸", Selected: "▌", Mark: "●", Up: "↑", Down: "↓",
		None: "–", Missing: "·", More: "…", Spark: []string{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}, Braille: true,
		Horizontal: "─", Vertical: "│", Corners: [4]string{"╭", "╮", "╰", "╯"}, Cursor: "┃",
		Bar: "▄", BarCritical: "█", Branch: "├ ", Last: "└ ", Pipe: "│ ", Open: "▾", Closed: "▸", Dot: "·", Times: "×", Arrow: "→",
	}
}

// ASCII are glyphs for a terminal without Unicode.
func ASCII() *Glyphs {
	return &Glyphs{
		Good: "+", Warn: "!", Bad: "x", Unknown: "?", Crumb: ">", Selected: ">", Mark: "*", Up: "^", Down: "v",
		None: "-", Missing: ".", More: "~", Spark: []string{"_", ".", ":", "-", "=", "+", "*", "#"},
		Horizontal: "-", Vertical: "|", Corners: [4]string{"+", "+", "+", "+"}, Cursor: "|",
		Bar: "-", BarCritical: "=", Branch: "|-", Last: "`-", Pipe: "| ", Open: "v", Closed: ">", Dot: ".", Times: "x", Arrow: ">",
	}
}

// Names are the names of the themes.
func Names() []string { return []string{"auto", "dark", "light", "high-contrast", "16", "none"} }

// Auto is the theme that follows the background of the terminal.
const Auto = "auto"

// New returns a theme by its name; dark tells for Auto how the background is.
func New(name string, dark bool, glyphs *Glyphs) (*Theme, error) {
	if name == "" || name == Auto {
		name = "light"
		if dark {
			name = "dark"
		}
	}
	p, ok := palettes()[name]
	if !ok {
		return nil, fmt.Errorf("no theme %q; there are %s", name, strings.Join(Names(), ", "))
	}
	t := p.theme()
	t.Name, t.Glyphs = name, glyphs
	return t, nil
}

// palette is a theme's colours as parameters of SGR (ECMA-48 8.3.117), "" for none.
type palette struct {
	dim, accent, good, warn, bad, unknown, head string
	title, selected, bar, badge, cursor, mark   string
	series                                      []string
}

func rgb(hex uint32) string {
	return fmt.Sprintf("38;2;%d;%d;%d", hex>>16, hex>>8&0xff, hex&0xff)
}

func back(hex uint32) string {
	return fmt.Sprintf("48;2;%d;%d;%d", hex>>16, hex>>8&0xff, hex&0xff)
}

func palettes() map[string]palette {
	return map[string]palette{
		"dark": {
			dim: rgb(0x7d8590), accent: rgb(0x6cb6ff), good: rgb(0x57ab5a), warn: rgb(0xe3b341), bad: "1;" + rgb(0xff6b63),
			unknown: rgb(0xb083f0), head: rgb(0x9aa4b2), title: "1;" + rgb(0xffffff), selected: back(0x2d3f5c) + ";1",
			bar: rgb(0xadbac7), badge: "1;" + rgb(0x1c2128) + ";" + back(0xe3b341), cursor: "1;" + rgb(0xffd866), mark: rgb(0xffd866),
			series: []string{rgb(0x6cb6ff), rgb(0xff8e72), rgb(0x8ddb8c), rgb(0xdcbdfb)},
		},
		"light": {
			dim: rgb(0x656d76), accent: rgb(0x0550ae), good: rgb(0x116329), warn: rgb(0x7d4e00), bad: "1;" + rgb(0xa40e26),
			unknown: rgb(0x6639ba), head: rgb(0x57606a), title: "1;" + rgb(0x1f2328), selected: back(0xcfe3ff) + ";1",
			bar: rgb(0x424a53), badge: "1;" + rgb(0xffffff) + ";" + back(0x9a6700), cursor: "1;" + rgb(0x953800), mark: rgb(0x953800),
			series: []string{rgb(0x0550ae), rgb(0xa04100), rgb(0x116329), rgb(0x6639ba)},
		},
		"high-contrast": {
			dim: "97", accent: "1;96", good: "1;92", warn: "1;93", bad: "1;97;41", unknown: "1;95", head: "1;4;97",
			title: "1;97", selected: "7;1", bar: "1;97", badge: "1;30;103", cursor: "1;93", mark: "1;93",
			series: []string{"1;96", "1;93", "1;92", "1;95"},
		},
		"16": {
			dim: "90", accent: "36", good: "32", warn: "33", bad: "1;31", unknown: "35", head: "90", title: "1",
			selected: "7", bar: "", badge: "30;43", cursor: "1;33", mark: "33", series: []string{"36", "33", "32", "35"},
		},
		"none": {head: "1", title: "1", selected: "7", badge: "7", cursor: "1", bad: "1", mark: "1", accent: "4", series: []string{"", "", "", ""}},
	}
}

func (p palette) theme() *Theme {
	t := &Theme{
		Dim: sgr(p.dim), Strong: sgr("1"), Title: sgr(p.title), Head: sgr(p.head), Accent: sgr(p.accent),
		Good: sgr(p.good), Warn: sgr(p.warn), Bad: sgr(p.bad), Unknown: sgr(p.unknown), Selected: sgr(p.selected),
		Marked: sgr(p.mark), Cursor: sgr(p.cursor), Bar: sgr(p.bar), Badge: sgr(p.badge), Match: sgr("4"),
	}
	for _, s := range p.series {
		t.Series = append(t.Series, sgr(s))
	}
	return t
}

func sgr(params string) Style {
	if params == "" {
		return ""
	}
	return Style("\x1b[" + params + "m")
}

// Known tells whether there is a theme of that name.
func Known(name string) bool { return slices.Contains(Names(), name) }
