package tty

import (
	"fmt"
	"maps"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"golang.org/x/sys/unix"
)

// sh runs a shell script on a terminal.
func sh(t testing.TB, o Options, script string) *Terminal {
	t.Helper()
	return Start(t, o, "sh", "-c", script)
}

func startTea(t testing.TB, o Options) *Terminal {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	o.Env = append(Env("TTY_PROGRAM=tea"), o.Env...)
	term := Start(t, o, self)
	term.WaitFor("background dark")
	return term
}

func TestAProgramHasATerminal(t *testing.T) {
	dir := t.TempDir()
	term := sh(t, Options{Width: 50, Height: 7, Env: Env("SAY=hello"), Dir: dir},
		`stty size; tty; ps -o tty= -p $$ >/dev/null </dev/tty && echo controls; echo $SAY $TERM; pwd; exit 3`)
	if code := term.WaitExit(); code != 3 {
		t.Errorf("exit code %d", code)
	}
	lines := strings.Split(term.Text(), "\n")
	if len(lines) != 5 || lines[0] != "7 50" || !strings.HasPrefix(lines[1], "/dev/pts/") ||
		lines[2] != "controls" || lines[3] != "hello xterm-256color" || lines[4] != dir {
		t.Errorf("%q", lines)
	}
}

func TestASignalEndsAProgram(t *testing.T) {
	term := sh(t, Options{}, `echo ready; read -r x`)
	term.WaitFor("ready")
	term.Signal(syscall.SIGTERM)
	if code := term.WaitExit(); code != 128+15 {
		t.Errorf("exit code %d", code)
	}
}

func TestTheWindowIsClosed(t *testing.T) {
	term := sh(t, Options{}, `trap 'exit 7' HUP; echo ready; while :; do read -r x || sleep 0.01; done`)
	term.WaitFor("ready")
	term.Hangup()
	if code := term.WaitExit(); code != 7 {
		t.Errorf("exit code %d", code)
	}
}

func TestTheTerminalAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		o           Options
		ask, answer string
	}{
		"device attributes":   {ask: "\x1b[c", answer: "\x1b[?62;1;6;22c"},
		"cursor":              {ask: "ab\x1b[6n", answer: "\x1b[1;3R"},
		"dark":                {ask: "\x1b]11;?\a", answer: "\x1b]11;rgb:1616/1818/1d1d\a"},
		"light":               {o: Options{Theme: Light}, ask: "\x1b]11;?\x1b\\", answer: "\x1b]11;rgb:ffff/ffff/ffff\a"},
		"updates":             {ask: "\x1b[?2026$p", answer: "\x1b[?2026;2$y"},
		"in an update":        {ask: "\x1b[?2026h\x1b[?2026$p\x1b[?2026l", answer: "\x1b[?2026;1$y"},
		"updates of old":      {o: Options{Old: true}, ask: "\x1b[?2026$p", answer: "\x1b[?2026;0$y"},
		"clusters":            {ask: "\x1b[?2027$p", answer: "\x1b[?2027;2$y"},
		"focus":               {ask: "\x1b[?1004$p", answer: "\x1b[?1004;2$y"},
		"focus set":           {ask: "\x1b[?1004h\x1b[?1004$p", answer: "\x1b[?1004;1$y"},
		"unknown mode":        {ask: "\x1b[?4711$p", answer: "\x1b[?4711;0$y"},
		"small":               {o: Options{Width: 40}, ask: "\x1b[18t", answer: "\x1b[8;24;40t"},
		"size":                {ask: "\x1b[18t", answer: "\x1b[8;24;80t"},
		"keys":                {ask: "\x1b[?u", answer: "\x1b[?0u"},
		"keys pushed":         {ask: "\x1b[>5u\x1b[>1u\x1b[=2;2u\x1b[?u", answer: "\x1b[?3u"},
		"keys popped":         {ask: "\x1b[=9u\x1b[>1u\x1b[>2u\x1b[<2u\x1b[=1;3u\x1b[?u", answer: "\x1b[?8u"},
		"keys popped all":     {ask: "\x1b[>1u\x1b[<9u\x1b[<u\x1b[?u", answer: "\x1b[?0u"},
		"keys of each screen": {ask: "\x1b[>1u\x1b[?1049h\x1b[?u\x1b[?1049l", answer: "\x1b[?0u"},
		"keys of old":         {o: Options{Old: true}, ask: "\x1b[>1u\x1b[?u", answer: ""},
		"clipboard":           {ask: "\x1b]52;c;?\a", answer: ""},
		"version, capability": {ask: "\x1b[>q\x1bP+q524742\x1b\\", answer: ""},
	} {
		t.Run(name, func(t *testing.T) {
			// The fence at the end is answered in any case.
			term := Start(t, c.o, "bash", "-c", `stty raw -echo; printf '%s\033[5n' "$0"; IFS= read -r -d n x; stty sane; printf '\n%q\n' "$x"`, c.ask)
			term.WaitExit()
			want := strings.NewReplacer("\x1b", `\E`, "\a", `\a`).Replace(c.answer) + `\E[0`
			if !strings.Contains(term.Text(), "$'"+want+"'") {
				t.Errorf("want %s:\n%s", want, term.Text())
			}
		})
	}
}

func TestBubbleTeaHearsTheUser(t *testing.T) {
	t.Run("new", func(t *testing.T) { hearsTheUser(t, Options{Width: 40, Height: 30}, "esc", "j") })
	t.Run("old", func(t *testing.T) { hearsTheUser(t, Options{Width: 40, Height: 30, Old: true}) })
}

func hearsTheUser(t *testing.T, o Options, more ...string) {
	t.Helper()
	term := startTea(t, o)
	before := term.Modes()
	if !term.AltScreen() || term.CursorVisible() || term.Title() != "heard; all of it" {
		t.Errorf("%s", term.picture())
	}
	keys := append([]string{"a", "G", "enter", "tab", "shift+tab", "space", "up", "left", "home", "pgdown", "delete",
		"backspace", "ctrl+d", "ctrl+left", "alt+x", "f1", "f3", "f12", "/"}, append(more, "ü")...)
	term.WaitUntil("the keyboard is set", func(string) bool { return o.Old || term.Keyboard() == 1 })
	term.Press(keys...)
	term.WaitFor("key " + keys[len(keys)-1])
	term.Press("esc")
	term.WaitFor("key esc")
	for _, key := range keys {
		if !strings.Contains(term.Text(), "\nkey "+key) {
			t.Errorf("%s did not arrive:\n%s", key, term.Text())
		}
	}
	for _, size := range [][2]int{{1, 1}, {200, 2}, {9, 90}, {60, 40}} {
		term.Resize(size[0], size[1])
		term.WaitUntil("the new size is shown", func(screen string) bool {
			w, h := term.Size()
			want := fmt.Sprintf("size %dx%d", size[0], size[1])
			return w == size[0] && h == size[1] && strings.HasPrefix(screen, want[:min(w, len(want))])
		})
	}
	term.WaitFor("size 60x40")
	term.Paste("two\nlines\x1b[201~")
	term.WaitFor(`paste "two\rlines [201~"`)
	term.Blur()
	term.WaitFor("blur")
	term.Focus()
	term.WaitFor("focus")
	term.Click(ansi.MouseLeft, 3, 5)
	term.WaitFor("click left 3,5")
	term.Click(ansi.MouseWheelDown, 3, 5)
	term.WaitFor("wheel wheeldown")
	term.Press("c")
	term.WaitUntil("the clipboard is filled", func(string) bool { return term.Clipboard() == "copied; with care" })
	if !maps.Equal(before, term.Modes()) {
		t.Errorf("the modes have changed: %v, %v", before, term.Modes())
	}
	term.Type("zq")
	if code := term.WaitExit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if term.AltScreen() || !term.CursorVisible() || term.Text() != "good bye" || term.Title() != "" || len(term.Modes()) != 2 || term.Keyboard() != 0 {
		t.Errorf("not left as found: %v\n%s", term.Modes(), term.picture())
	}
}

func TestBubbleTeaIsToldWhatTheTerminalKnows(t *testing.T) {
	for name, c := range map[string]struct {
		o    Options
		want []string
	}{
		"new": {Options{}, []string{"background dark true", "mode 2026 is 2", "mode 2027 is 2"}},
		"old": {Options{Old: true, Theme: Light}, []string{"background dark false", "mode 2026 is 0", "mode 2027 is 0"}},
	} {
		t.Run(name, func(t *testing.T) {
			term := startTea(t, c.o)
			for _, want := range c.want {
				term.WaitFor(want)
			}
		})
	}
}

func TestATornFrameIsNeverSeen(t *testing.T) {
	// 3,000 bytes a frame, so that reads end anywhere within.
	term := sh(t, Options{Width: 60, Height: 50}, `
		i=100
		while [ $i -lt 300 ]; do
			printf '\033[?2026h\033[H'
			l=0
			while [ $l -lt 49 ]; do printf '%d %50d\r\n' $i $l; l=$((l+1)); done
			printf '\033[?2026l'
			i=$((i+1))
		done`)
	frames := map[string]bool{}
	term.WaitUntil("the last frame", func(screen string) bool {
		lines := strings.Split(screen, "\n")
		frames[lines[0]] = true
		for _, line := range lines {
			if screen != "" && (len(lines) != 49 || !strings.HasPrefix(line, lines[0][:3])) {
				t.Fatalf("torn:\n%s", screen)
			}
		}
		return strings.HasPrefix(lines[0], "299")
	})
	if len(frames) < 2 {
		t.Error("only the last frame was looked at")
	}
}

func TestAProgramThatDoesNotReadBlocksNothing(t *testing.T) {
	term := sh(t, Options{}, `stty raw -echo; i=0; while [ $i -lt 3000 ]; do printf '\033[6n\033[c'; i=$((i+1)); done; printf done; read -r x`)
	term.Paste(strings.Repeat("x", 1<<20))
	term.WaitFor("done")
}

func TestUsage(t *testing.T) {
	term := sh(t, Options{}, `i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; echo worked; read -r x; echo more; read -r x`)
	term.WaitFor("worked")
	cpu, rss := term.Usage()
	if cpu < 1e6 || rss < 100<<10 || rss > 1<<30 {
		t.Errorf("%s, %d bytes", cpu, rss)
	}
	term.Press("enter")
	term.WaitFor("more")
	if later, _ := term.Usage(); later < cpu {
		t.Errorf("%s, then %s", cpu, later)
	}
	if pid := term.Process().Pid; pid <= 0 {
		t.Error(pid)
	}
}

func TestBytes(t *testing.T) {
	term := sh(t, Options{}, `stty -echo; printf 12345; read -r x; printf 678`)
	term.WaitFor("12345")
	before := term.Bytes()
	term.Press("enter")
	term.WaitExit()
	if before != 5 || term.Bytes() != 8 {
		t.Errorf("%d, %d", before, term.Bytes())
	}
}

func TestFailuresShowTheScreen(t *testing.T) {
	for name, c := range map[string]struct {
		test func(t testing.TB)
		want []string
	}{
		"ended": {func(t testing.TB) { sh(t, Options{}, "echo shown; exit 4").WaitFor("never") },
			[]string{`sh ended with code 4 before "never" appears`, "\nshown\n", "80x24"}},
		"unknown key":  {func(t testing.TB) { sh(t, Options{}, "read -r x").Press("hyper+x") }, []string{`no key is named "hyper+x"`}},
		"no such file": {func(t testing.TB) { Start(t, Options{}, "./no-such-program") }, []string{"no-such-program"}},
		"signal too late": {func(t testing.TB) {
			term := sh(t, Options{}, "true")
			term.WaitExit()
			term.Signal(syscall.SIGTERM)
		}, []string{"already finished"}},
	} {
		t.Run(name, func(t *testing.T) {
			said := fails(t, c.test)
			for _, want := range c.want {
				if !strings.Contains(said, want) {
					t.Errorf("%q is missing:\n%s", want, said)
				}
			}
		})
	}
}

func TestWhatHoldsTheTerminalIsKilled(t *testing.T) {
	var started int
	t.Run("a test", func(t *testing.T) {
		term := sh(t, Options{}, `trap '' HUP TERM; sleep 1000 & echo pid $!.; wait`)
		term.WaitFor(".")
		var pid int
		if _, err := fmt.Sscanf(term.Text(), "pid %d.", &pid); err != nil {
			t.Fatal(err)
		}
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			t.Fatal(err)
		}
		started = fd
	})
	defer unix.Close(started)
	ended := []unix.PollFd{{Fd: int32(started), Events: unix.POLLIN}}
	if n, err := unix.Poll(ended, int(patience.Milliseconds())); n != 1 || err != nil {
		t.Errorf("it lives: %v", err)
	}
}
