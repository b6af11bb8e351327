package main

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/internal/testkit/tty"
)

// heal takes the broken instance out of the catalog of a home.
func heal(t *testing.T, env []string) {
	t.Helper()
	var dir string
	for _, e := range env {
		if value, ok := strings.CutPrefix(e, "HOME="); ok {
			dir = value
		}
	}
	path := filepath.Join(dir, "fleet.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text = regexp.MustCompile(`(?m)^.*checkout-2.*\n`).ReplaceAll(text, nil)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// In a pipe the fleet and its changes are lines with the time of each, until ctrl-c.
func TestDashPlainInAPipe(t *testing.T) {
	env := home(t)
	cmd := exec.CommandContext(t.Context(), gctl(t), "dash", "--plain")
	cmd.Env = env
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	until := func(text string) {
		t.Helper()
		for lines.Scan() {
			at, _, _ := strings.Cut(lines.Text(), "  ")
			if _, err := time.Parse(time.RFC3339, at); err != nil || strings.Contains(lines.Text(), "\x1b") {
				t.Errorf("%q: %v", lines.Text(), err)
			}
			if strings.Contains(lines.Text(), text) {
				return
			}
		}
		t.Fatalf("%q was never told", text)
	}
	until("gctl shop: asking ")
	until("checkout is bad: 1 of 2 down")
	heal(t, env)
	until("checkout checkout-2 was removed")
	until("checkout is better: ok, was bad")
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() { // to its end
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 130 {
		t.Errorf("it ends with %v", err)
	}
}

// On a terminal the same lines stand one below the other: nothing is drawn over.
func TestDashPlainOnATerminal(t *testing.T) {
	env := home(t)
	term := tty.Start(t, tty.Options{Width: 120, Height: 40, Env: env}, gctl(t), "dash", "--plain", "--screen", "service/checkout")
	term.WaitFor("checkout is bad: 1 of 2 down, 1 of 2 serve")
	term.WaitFor("checkout-2 at ")
	heal(t, env)
	term.WaitFor("checkout is better: ok, was bad")
	if text := term.Text(); !strings.Contains(text, "gctl shop: asking ") || strings.Contains(text, "cart") || term.AltScreen() || !term.CursorVisible() {
		t.Errorf("alternate screen %v, cursor %v:\n%s", term.AltScreen(), term.CursorVisible(), text)
	}
	for line := range strings.SplitSeq(strings.TrimSpace(term.Text()), "\n") {
		if len(line) < 8 {
			t.Errorf("no time: %q", line)
		} else if _, err := time.Parse(time.TimeOnly, line[:8]); err != nil {
			t.Errorf("%q: %v", line, err)
		}
	}
	term.Press("ctrl+c")
	if code := term.WaitExit(); code != 130 {
		t.Errorf("exit code %d", code)
	}
}

// Where one is can be kept under a digit; the next dashboard opens it.
func TestDashKeepsViews(t *testing.T) {
	env := home(t)
	term := tty.Start(t, tty.Options{Width: 120, Height: 30, Env: env}, gctl(t), "dash", "--screen", "service/checkout", "--window", "15m")
	term.WaitFor("not serving")
	term.Press(":")
	term.Type("save 4")
	term.Press("enter")
	term.WaitFor("4 is now service/checkout")
	term.WaitFor("4:[service/checkout]")
	term.Press("q")
	term.WaitExit()
	term = tty.Start(t, tty.Options{Width: 120, Height: 30, Env: env}, gctl(t), "dash")
	term.WaitFor("1 of 2 down")
	term.Press("4")
	term.WaitFor("service ▸ checkout")
	term.WaitFor("last 15m")
	term.Press("q")
	term.WaitExit()
}
