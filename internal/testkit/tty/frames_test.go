package tty

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// frame returns picture n of a program that draws all kinds of text. Some
// pictures are the one before, scrolled, so that the renderer scrolls too.
func frame(n, width, height int) string {
	lines := []string{fmt.Sprintf("frame %d", n)}
	random := rand.New(rand.NewPCG(uint64(n/4), 0))
	for range height + 8 {
		line := []string{strings.Repeat(" ", random.IntN(10))}
		for random.IntN(8) > 0 {
			line = append(line, words[random.IntN(len(words))])
		}
		lines = append(lines, ansi.Truncate(strings.Join(line, ""), width, ""))
	}
	lines = append(lines[:1], lines[1+n%4*2:]...)
	return strings.Join(lines[:height], "\n")
}

// shown is what a terminal shows of a picture.
func shown(picture string) string {
	lines := strings.Split(ansi.Strip(picture), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

var words = []string{"a", "word", "  ", "1,234", "–", "▁▂▃▅▇█", "⡠⠤⠒⠉", "✓", "│", "─────", "──────────────────", "aaaaaaaaaaaaaaaaaaaaaaaa",
	"\x1b[31mred\x1b[m", "\x1b[48;5;17m          \x1b[m", "\x1b[1;38;2;1;2;3mbold\x1b[m", "\x1b[7mreverse\x1b[m", "\x1b[4munder\x1b[m"}

type frames struct {
	width, height, n int
}

func (f *frames) Init() tea.Cmd { return nil }

func (f *frames) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		f.width, f.height = msg.Width, msg.Height
	case tea.KeyPressMsg:
		f.n++
	}
	return f, nil
}

func (f *frames) View() tea.View {
	if f.width == 0 {
		return tea.NewView("")
	}
	v := tea.NewView(frame(f.n, f.width, f.height))
	v.AltScreen = true
	return v
}

func framesMain() {
	if _, err := tea.NewProgram(&frames{}).Run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
