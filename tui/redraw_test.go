package tui

import (
	"fmt"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/internal/testkit/tty"
	"github.com/gctl-dev/gctl/tui/widget"
)

// pictures is a program that shows one of its pictures.
type pictures struct {
	at  int
	all []string
}

func (p *pictures) Init() tea.Cmd { return nil }

func (p *pictures) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	if n, ok := msg.(int); ok {
		p.at = n
	}
	return p, nil
}

func (p *pictures) View() tea.View {
	v := tea.NewView(p.picture(p.at))
	v.AltScreen = true
	return v
}

func (p *pictures) picture(n int) string { return fmt.Sprintf("picture %02d\n%s", n, p.all[n]) }

// What was drawn before does not change how a text is drawn: no accent and no half of
// a wide character is lost where only a part of a line changes, which is all that
// Bubble Tea draws.
func TestRedrawn(t *testing.T) {
	texts := []string{
		"", "cafe ab", "cafe\u0301 ab", "e\u0301e\u0301e\u0301", "a\u0308\u0323b", "Z\u0351\u036balgo", "x한국어y", "\u1112\u1161\u11ab국",
		"👍🏽 ok", "👨‍👩‍👧 family", "❤\ufe0f heart", "1\ufe0f\u20e3 one", "so\u00adft\ufeff",
	}
	p := &pictures{}
	for _, text := range texts {
		l := &widget.Line{}
		l.Put("", text)
		l.Put("", "|")
		p.all = append(p.all, l.Fit(24))
	}
	fresh := make([]string, len(texts))
	for n := range texts {
		s := tty.NewScreen(t, 24, 2)
		fmt.Fprint(s, p.picture(n))
		fresh[n] = s.Text()
	}
	for n, want := range map[int]string{2: "café ab|", 3: "ééé|", 5: "Zalgo|", 10: "❤ heart|", 11: "1 one|", 12: "soft|"} {
		if !strings.HasSuffix(fresh[n], "\n"+want) {
			t.Errorf("%q is %q, want %q", texts[n], fresh[n], want)
		}
	}
	s := tty.NewScreen(t, 24, 2)
	run := tea.NewProgram(p, tea.WithInput(nil), tea.WithOutput(s), tea.WithWindowSize(24, 2), tea.WithFPS(120), tea.WithEnvironment([]string{"TERM=xterm-256color", "TTY_FORCE=1"}))
	ended := make(chan error)
	go func() {
		_, err := run.Run()
		ended <- err
	}()
	show := func(n int) {
		run.Send(n)
		s.WaitFor(fmt.Sprintf("picture %02d\n", n))
	}
	for from := range texts {
		for to := range from {
			for _, pair := range [][2]int{{from, to}, {to, from}} {
				show(pair[0])
				show(pair[1])
				if got := s.Text(); got != fresh[pair[1]] {
					t.Errorf("after %q: %q", texts[pair[0]], got)
				}
			}
		}
	}
	run.Quit()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}
