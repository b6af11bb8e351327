package act

import (
	"fmt"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/gctl-dev/gctl/internal/term"
	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/theme"
	"github.com/gctl-dev/gctl/tui/widget"
)

// View implements screen.Screen.
func (s *Screen) View(look *screen.Look) []string {
	if s.state == choosing {
		return s.menu(look)
	}
	t := look.Theme
	c := &s.o.Choices[s.at]
	var head, foot []styled
	for i, args := range c.Commands {
		if i == 3 {
			head = append(head, wrap(look, t.Dim, fmt.Sprintf("and %d more", len(c.Commands)-i))...)
			break
		}
		head = append(head, wrap(look, t.Accent, "gctl "+screen.Line(s.args(args)...))...)
	}
	for i, q := range s.question(look) {
		style := t.Strong
		if i > 0 {
			style = t.Bad
		}
		foot = append(foot, wrap(look, style, q)...)
	}
	var body []styled
	for i, line := range s.said(look) {
		if i == s.start && s.state == done {
			s.top, s.start = len(body), -1
		}
		body = append(body, wrap(look, s.style(t, line), line)...)
	}
	p := &painter{look: look}
	// What is asked is seen at any size, then what it is about.
	room := max(0, look.Height-len(foot)-2)
	p.put(head[:min(len(head), room)]...)
	if len(foot) < look.Height {
		p.put(styled{})
	}
	room = max(0, look.Height-len(p.lines)-len(foot)-1)
	s.top = max(0, min(s.top, len(body)-room))
	p.put(body[s.top:min(len(body), s.top+room)]...)
	if len(foot) > 0 {
		if len(p.lines)+len(foot) < look.Height {
			p.put(styled{})
		}
		p.put(foot...)
	}
	return widget.Fill(p.lines, look.Height, look.Width)
}

// styled is a line of text.
type styled struct {
	style theme.Style
	text  string
}

// wrap breaks a text into lines that fit.
func wrap(look *screen.Look, s theme.Style, text string) []styled {
	var lines []styled
	for line := range strings.SplitSeq(ansi.Wrap(term.CleanLine(text), max(1, look.Width-2), ""), "\n") {
		lines = append(lines, styled{s, line})
	}
	return lines
}

func (s *Screen) style(t *theme.Theme, text string) theme.Style {
	switch {
	case strings.HasPrefix(text, "error:"):
		return t.Bad
	case strings.HasPrefix(text, "hint:"):
		return t.Accent
	default:
		return t.Text
	}
}

// said is what the commands have said.
func (s *Screen) said(look *screen.Look) []string {
	switch s.state {
	case previewing:
		return []string{"asking what it would do " + look.Theme.Glyphs.More}
	case doing:
		return []string{"doing it " + look.Theme.Glyphs.More}
	case choosing, typingTTL, typingReason, confirming, done:
	}
	return s.output
}

// question is what is asked now, and what was wrong with the answer.
func (s *Screen) question(look *screen.Look) []string {
	var q string
	switch s.state {
	case typingTTL:
		q = "hold for: " + s.input.Value() + "_"
	case typingReason:
		q = "reason, for the log and for who looks next (may be empty): " + s.input.Value() + "_"
	case confirming:
		q = "type y and enter to do it, esc to leave: " + s.input.Value() + "_"
		if s.o.Name != "" {
			q = "protected: type " + s.o.Name + " and enter to do it, esc to leave: " + s.input.Value() + "_"
		}
	case done:
		if !s.o.Choices[s.at].Reads {
			q = strings.TrimSuffix(s.verdict()+"; "+screen.Does(look, key.Back, "goes back"), "; ")
		}
	case choosing, previewing, doing:
	}
	if q == "" {
		return nil
	}
	list := []string{q}
	if s.problem != "" {
		list = append(list, s.problem)
	}
	return list
}

func (s *Screen) menu(look *screen.Look) []string {
	t := look.Theme
	p := &painter{look: look}
	if len(s.o.Choices) == 0 {
		return screen.Message(look, widget.Fill(nil, look.Height, look.Width), t.Warn, "There is nothing to be done here.", "Put the cursor on an instance or a breaker, or mark several by space")
	}
	top := max(0, s.at-look.Height+1)
	for i := top; i < len(s.o.Choices) && len(p.lines) < look.Height; i++ {
		base := t.Text
		if i == s.at {
			base = t.Selected
		}
		l := &widget.Line{}
		l.Reset(base)
		l.Pad(1)
		l.Cell(t.Text, s.o.Choices[i].Title, min(36, look.Width-1), t.Glyphs.More)
		l.Pad(l.Width() + 1)
		if len(s.o.Choices[i].Commands) > 0 {
			l.Cell(t.Dim, "gctl "+screen.Line(s.o.Choices[i].Commands[0]...), look.Width-l.Width(), t.Glyphs.More)
		}
		p.lines = append(p.lines, l.Fit(look.Width))
	}
	return widget.Fill(p.lines, look.Height, look.Width)
}

// painter writes lines of text.
type painter struct {
	look  *screen.Look
	lines []string
}

func (p *painter) put(lines ...styled) {
	for _, line := range lines {
		l := &widget.Line{}
		l.Pad(1)
		l.Cell(line.style, line.text, p.look.Width-1, p.look.Theme.Glyphs.More)
		p.lines = append(p.lines, l.Fit(p.look.Width))
	}
}
