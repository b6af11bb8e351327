package main

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gctl-dev/gctl/internal/testkit/tty"
)

// on is an environment with other variables for the terminal.
func on(env []string, more ...string) []string {
	env = slices.DeleteFunc(slices.Clone(env), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return slices.ContainsFunc(more, func(m string) bool { return strings.HasPrefix(m, name+"=") }) || name == "COLORTERM"
	})
	return append(env, more...)
}

// Every screen is readable on a poor terminal: without a colour where it has none,
// with nothing but ASCII where its locale has no more, and how things stand is said
// by words and signs.
func TestDashOnPoorTerminals(t *testing.T) {
	for name, c := range map[string]struct {
		env         []string
		args        []string
		plain, only bool // no colour; only ASCII
	}{
		"dumb":             {env: []string{"TERM=dumb"}, plain: true},
		"vt100":            {env: []string{"TERM=vt100"}, plain: true},
		"no colour":        {env: []string{"TERM=xterm-256color", "NO_COLOR=1"}, plain: true},
		"C":                {env: []string{"TERM=xterm-256color", "LANG=C"}, only: true},
		"Latin":            {env: []string{"TERM=xterm", "LANG=C.UTF-8", "LC_CTYPE=de_DE.ISO-8859-1"}, only: true},
		"a flag":           {env: []string{"TERM=vt100", "LANG=C"}, args: []string{"--ascii"}, plain: true, only: true},
		"a flag in colour": {env: []string{"TERM=xterm-256color"}, args: []string{"--ascii"}, only: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			term := tty.Start(t, tty.Options{Width: 120, Height: 40, Env: on(home(t), c.env...), Old: true}, gctl(t), append([]string{"dash"}, c.args...)...)
			look := func(where string) {
				t.Helper()
				term.WaitFor(where)
				if x, y, what := unfit(term, c.plain, c.only); what != "" {
					t.Errorf("%s: at %d,%d: %s\n%s", where, x, y, what, term.Text())
				}
			}
			bad, good := "✗", "✓"
			if c.only {
				bad, good = "x", "+"
			}
			term.WaitFor(bad + " checkout")
			look("1 of 2 down")
			look(good + " cart")
			look("file " + good)
			term.Press("enter")
			look("not serving")
			term.Press("e")
			look("evidence")
			term.Press("left", "[", "[")
			for _, place := range []string{"breakers", "events", "traces", "why checkout"} {
				term.Press(":")
				term.Type(place)
				term.Press("enter")
				name, _, _ := strings.Cut(place, " ")
				look(name)
			}
			term.Press("?")
			look("On this screen:")
			term.Press("q")
			term.WaitExit()
		})
	}
}

// unfit is the first cell that a terminal cannot show.
func unfit(term *tty.Terminal, plain, only bool) (x, y int, what string) {
	w, h := term.Size()
	for y := range h {
		for x := range w {
			switch c := term.Cell(x, y); {
			case plain && (c.Foreground != nil || c.Background != nil):
				return x, y, "a colour"
			case only && strings.ContainsFunc(c.Text, func(r rune) bool { return r > 0x7e }):
				return x, y, c.Text
			}
		}
	}
	return 0, 0, ""
}

// A storm of sizes while keys come ends in the right frame.
func TestDashOutlivesAStormOfSizes(t *testing.T) {
	t.Parallel()
	env := home(t)
	term := tty.Start(t, tty.Options{Width: 80, Height: 24, Env: env}, gctl(t), "dash")
	term.WaitFor("1 of 2 down")
	random := rand.New(rand.NewPCG(1, 2))
	sizes := [][2]int{{1, 1}, {300, 100}, {1, 100}, {300, 1}, {2, 2}, {59, 15}}
	for i := range 500 {
		size := [2]int{1 + random.IntN(300), 1 + random.IntN(100)}
		if i < len(sizes) {
			size = sizes[i]
		}
		term.Resize(size[0], size[1])
		term.Press([]string{"j", "k", "tab", "enter", "G", "g", "?", "b", "t", "v", "/", "esc", ","}[random.IntN(13)])
	}
	term.Resize(100, 30)
	other := tty.Start(t, tty.Options{Width: 100, Height: 30, Env: env}, gctl(t), "dash")
	other.WaitFor("1 of 2 down")
	term.Press("esc", "esc", "0", ":")
	term.Type("services")
	term.Press("enter", "0")
	body := func(s string) string { _, s, _ = strings.Cut(s, "\n"); return s }
	term.WaitUntil("the frame of one that was never resized", func(s string) bool {
		if !strings.HasPrefix(s, "gctl shop ▸ services   LIVE") {
			return false
		}
		return body(s) == body(other.Text())
	})
	term.Press("q")
	if code := term.WaitExit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
