package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"github.com/gctl-dev/gctl/internal/testkit/tty"
)

// job starts the dashboard as a job of a shell and returns its process.
func job(t *testing.T, env []string, args string) (term *tty.Terminal, pid int) {
	t.Helper()
	term = tty.Start(t, tty.Options{Width: 100, Height: 24, Env: append(env, "PS1=READY ", "ENV=")}, "sh", "-i")
	term.WaitFor("READY")
	term.Type(gctl(t) + " dash " + args + "\n")
	term.WaitFor("1 of 2 down")
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", term.Process().Pid))
	if err != nil {
		t.Fatal(err)
	}
	if pid, err = strconv.Atoi(strings.TrimSpace(string(raw))); err != nil {
		t.Fatal(err)
	}
	return term, pid
}

// givenBack waits until the shell has its terminal, as it was.
func givenBack(t *testing.T, term *tty.Terminal) {
	t.Helper()
	term.WaitUntil("the terminal of the shell", func(s string) bool {
		return !term.AltScreen() && term.CursorVisible() && strings.Contains(s, "Stopped") && strings.HasSuffix(s, "READY")
	})
	// What the terminal has answered too late for the dashboard is for the shell.
	term.Type("\nstty -a | grep -o ' icanon'; echo said\n")
	term.WaitUntil("the mode of the shell", func(s string) bool { return strings.Contains(s, " icanon\nsaid") })
	for _, mode := range []ansi.DECMode{ansi.ModeBracketedPaste, ansi.ModeFocusEvent, ansi.ModeMouseButtonEvent, ansi.ModeMouseExtSgr} {
		if term.Mode(mode) {
			t.Errorf("mode %d is left on", mode)
		}
	}
	if n := term.Keyboard(); n != 0 {
		t.Errorf("the keyboard has flags %d", n)
	}
}

// shownAgain waits until the dashboard has the terminal, and it is used.
func shownAgain(term *tty.Terminal) {
	term.WaitUntil("the dashboard", func(s string) bool {
		return term.AltScreen() && strings.HasPrefix(s, "gctl shop") && strings.Contains(s, "1 of 2 down") && !strings.Contains(s, "READY")
	})
	term.Press("/")
	term.Type("cart")
	term.WaitGone("checkout")
	term.Press("esc")
	term.WaitFor("checkout")
}

// The shell gets its terminal while the dashboard is stopped, whoever has stopped it,
// and fg shows the whole dashboard again, whose keys work.
func TestDashSuspends(t *testing.T) {
	for name, stop := range map[string]func(*tty.Terminal, int){
		"by its key": func(term *tty.Terminal, _ int) { term.Press("ctrl+z") },
		"while something is typed": func(term *tty.Terminal, _ int) {
			term.Press("/")
			term.Press("ctrl+z")
		},
		"from outside": func(_ *tty.Terminal, pid int) { _ = syscall.Kill(pid, syscall.SIGTSTP) },
		"and the job is told": func(_ *tty.Terminal, pid int) {
			_ = syscall.Kill(-pid, syscall.SIGTSTP)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			term, pid := job(t, home(t), "")
			stop(term, pid)
			givenBack(t, term)
			term.Type("fg\n")
			if name == "while something is typed" {
				term.WaitUntil("the dashboard", func(string) bool { return term.AltScreen() })
				term.Press("esc")
			}
			shownAgain(term)
			term.Press("q")
			term.WaitUntil("the shell", func(s string) bool { return !term.AltScreen() && strings.HasSuffix(s, "READY") })
			term.Type("exit\n")
			term.WaitExit()
		})
	}
}

// Stopped without being asked, it is drawn anew behind whatever stood there.
func TestDashIsContinued(t *testing.T) {
	term, pid := job(t, home(t), "; stty sane; printf '\\033[?1049l\\033[?25hREADY '; read -r x; fg")
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	term.WaitUntil("the terminal of the shell", func(string) bool { return !term.AltScreen() })
	term.Press("enter")
	shownAgain(term)
}

// Suspended, it can be ended, and its window can be closed.
func TestDashEndsWhileItIsStopped(t *testing.T) {
	env := home(t)
	term, pid := job(t, env, "--record "+t.TempDir()+"/incident")
	term.WaitFor("REC")
	term.Press("ctrl+z")
	term.WaitUntil("the shell", func(s string) bool { return strings.Contains(s, "Stopped") && strings.HasSuffix(s, "READY") })
	term.Type("\nkill %1; fg\n")
	term.WaitUntil("its end", func(s string) bool {
		return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) && strings.HasSuffix(s, "READY") && !term.AltScreen()
	})
}

// Without a shell there is nothing to suspend to, which freezes nothing; another key
// can be bound.
func TestDashWithoutAShellGoesOn(t *testing.T) {
	env := home(t)
	appendTo(t, env, "dash: {keys: {suspend: [ctrl+x]}}\n")
	term := tty.Start(t, tty.Options{Width: 100, Height: 24, Env: env}, gctl(t), "dash")
	term.WaitFor("1 of 2 down")
	term.Press("ctrl+x")
	term.WaitFor("not suspended: no shell")
	shownAgain(term)
	term.Resize(100, 100)
	term.Press("?")
	term.WaitUntil("the help", func(s string) bool {
		return strings.Contains(s, "ctrl+x             suspend: give the terminal to the shell") && !strings.Contains(s, "ctrl+z")
	})
}

// appendTo appends to the configuration of a home.
func appendTo(t *testing.T, env []string, text string) {
	t.Helper()
	for _, v := range env {
		if dir, ok := strings.CutPrefix(v, "HOME="); ok && dir != os.Getenv("HOME") {
			f, err := os.OpenFile(filepath.Join(dir, ".config", "gctl", "config.yaml"), os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.WriteString(text); err != nil {
				t.Error(err)
			}
			f.Close()
		}
	}
}
