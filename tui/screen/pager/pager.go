// Package pager is a page of text: help, evidence, a description, a document.
package pager

import (
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/widget"
)

// Name is the screen's name.
const Name = "text"

// Screen is the screen.
type Screen struct {
	title  string
	lines  []string // all
	shown  []int    // those that have the words of the filter
	filter string
	top    int
	cursor int
	left   int // cells scrolled to the right
	widest int // cells of the longest line; 0: not measured yet
	height int
	cut    bool // some line, as drawn last, goes on to the right
}

// New returns the page of a text. Its lines may be anybody's.
func New(title string, lines []string) *Screen {
	s := &Screen{title: title, lines: lines}
	s.find()
	return s
}

// Place implements screen.Screen.
func (s *Screen) Place() screen.Place { return screen.Place{Screen: s.title} }

// Update implements screen.Screen.
func (s *Screen) Update(msg tea.Msg, _ *screen.Look) tea.Cmd {
	switch msg := msg.(type) {
	case screen.Act:
		s.act(msg.Action)
	case screen.Click:
		s.move(s.top + msg.Y)
	}
	return nil
}

const sideways = 8

func (s *Screen) act(a key.Action) {
	switch a {
	case key.Up:
		s.move(s.cursor - 1)
	case key.Down:
		s.move(s.cursor + 1)
	case key.HalfUp:
		s.move(s.cursor - (s.height+1)/2)
	case key.HalfDown:
		s.move(s.cursor + (s.height+1)/2)
	case key.PageUp:
		s.move(s.cursor - s.height)
	case key.PageDown:
		s.move(s.cursor + s.height)
	case key.Top:
		s.move(0)
	case key.Bottom:
		s.move(len(s.shown) - 1)
	case key.Left:
		s.left = max(0, s.left-sideways)
	case key.Right:
		s.left += sideways // View knows where the end is
		if s.widest == 0 {
			for _, line := range s.lines {
				s.widest = max(s.widest, widget.Width(line))
			}
		}
	}
}

func (s *Screen) move(to int) { s.cursor = max(0, min(to, len(s.shown)-1)) }

func (s *Screen) find() {
	s.shown = s.shown[:0]
	words := strings.Fields(strings.ToLower(s.filter))
	for i, line := range s.lines {
		low := strings.ToLower(line)
		if !slices.ContainsFunc(words, func(w string) bool { return !holds(low, w) }) {
			s.shown = append(s.shown, i)
		}
	}
	s.move(s.cursor)
}

// holds tells whether a line passes a word of a filter: that it has it or, after a !,
// that it does not.
func holds(line, word string) bool {
	without, inverted := strings.CutPrefix(word, "!")
	if !inverted {
		return strings.Contains(line, word)
	}
	return without == "" || !strings.Contains(line, without)
}

// Filter implements screen.Filtered.
func (s *Screen) Filter() string { return s.filter }

// SetFilter implements screen.Filtered.
func (s *Screen) SetFilter(text string, _ *screen.Look) tea.Cmd {
	s.filter = text
	s.find()
	return nil
}

// View implements screen.Screen.
func (s *Screen) View(look *screen.Look) []string {
	s.height = max(1, look.Height)
	s.left = max(0, min(s.left, s.widest-look.Width+1))
	s.top = max(0, min(s.top, s.cursor, len(s.shown)-s.height), s.cursor-s.height+1)
	lines := make([]string, 0, look.Height)
	l := &widget.Line{}
	s.cut = false
	for i := s.top; i < len(s.shown) && len(lines) < look.Height; i++ {
		base := look.Theme.Text
		if i == s.cursor {
			base = look.Theme.Selected
		}
		l.Reset(base)
		l.Pad(1)
		text := s.lines[s.shown[i]]
		if s.left > 0 {
			text = widget.From(text, s.left)
		}
		style := look.Theme.Text
		if text != "" && text[0] != ' ' && strings.HasSuffix(text, ":") {
			style = look.Theme.Title
		}
		s.cut = s.cut || widget.Width(text) > look.Width-1
		l.Cell(style, text, look.Width-1, look.Theme.Glyphs.More)
		lines = append(lines, l.Fit(look.Width))
	}
	lines = widget.Fill(lines, look.Height, look.Width)
	if len(s.shown) == 0 && len(s.lines) > 0 {
		return screen.Message(look, lines, look.Theme.Warn, fmt.Sprintf("0 of %d lines match %q.", len(s.lines), s.filter), screen.Unfilter(look))
	}
	return lines
}

// Status implements screen.Screen.
func (s *Screen) Status(look *screen.Look, l *widget.Line) {
	l.Put(look.Theme.Dim, fmt.Sprintf("line %d of %d", min(s.cursor+1, len(s.shown)), len(s.shown)))
}

// Hints implements screen.Screen.
func (s *Screen) Hints() []screen.Hint {
	hints := []screen.Hint{{Action: key.Copy, Does: "copy the line"}, {Action: key.Filter, Does: "find"}, {Action: key.Back, Does: "back"}}
	if s.cut {
		hints = append([]screen.Hint{{Action: key.Right, Does: "rest of the lines"}}, hints...)
	}
	return hints
}

// Copied implements screen.Copied: the line under the cursor.
func (s *Screen) Copied(*screen.Look) (what, text string) {
	if s.cursor >= len(s.shown) {
		return "", ""
	}
	return "the line", strings.TrimSpace(s.lines[s.shown[s.cursor]])
}
