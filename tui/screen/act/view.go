package act

import (
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/gctl-dev/gctl/internal/term"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/theme"
	"github.com/gctl-dev/gctl/tui/widget"
)

// View implements screen.Screen.
func (s *Screen) View(look *screen.Look) []string {
	if s.state == choosing {
		return s.menu(look)
	}
	p := &painter{look: look}
	c := &s.o.Choices[s.at]
	for i, args := range c.Commands {
		if i == 3 {
			p.put(look.Theme.Dim, "and as many more as are marked")
			break
		}
		p.put(look.Theme.Accent, "gctl "+screen.Line(s.args(args)...))
	}
	p.put("", "")
	question := s.question()
	body := s.wrapped(look)
	room := look.Height - len(p.lines) - len(question) - 1
	s.top = max(0, min(s.top, len(body)-room))
	for i := s.top; i < len(body) && i < s.top+room; i++ {
		p.put(s.style(look.Theme, body[i]), body[i])
	}
	if len(question) > 0 {
		p.put("", "")
		for i, q := range question {
			style := look.Theme.Strong
			if i > 0 {
				style = look.Theme.Bad
			}
			p.put(style, q)
		}
	}
	return widget.Fill(p.lines, look.Height, look.Width)
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

// wrapped is what the commands have said, in lines that fit.
func (s *Screen) wrapped(look *screen.Look) []string {
	if s.state == previewing {
		return []string{"asking what it would do " + look.Theme.Glyphs.More}
	}
	if s.state == doing {
		return []string{"doing it " + look.Theme.Glyphs.More}
	}
	var out []string
	for _, line := range s.output {
		out = append(out, strings.Split(ansi.Hardwrap(term.CleanLine(line), max(1, look.Width-2), true), "\n")...)
	}
	return out
}

// question is what is asked now, and what was wrong with the answer.
func (s *Screen) question() []string {
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
		switch {
		case s.o.Choices[s.at].Reads:
		case s.code == 0:
			q = "done; esc goes back"
		default:
			q = "it was not done; esc goes back"
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

func (p *painter) put(s theme.Style, text string) {
	l := &widget.Line{}
	l.Pad(1)
	l.Cell(s, text, p.look.Width-1, p.look.Theme.Glyphs.More)
	p.lines = append(p.lines, l.Fit(p.look.Width))
}
