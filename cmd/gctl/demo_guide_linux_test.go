package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/gctl-dev/gctl/internal/testkit/tty"
)

// startDemo starts a demo with its dashboard.
func startDemo(t *testing.T, env []string, w, h int) *tty.Terminal {
	t.Helper()
	term := tty.Start(t, tty.Options{Width: w, Height: h, Env: env}, gctl(t), "demo", "--dash")
	term.WaitFor("gctl demo ▸ services")
	term.WaitFor("user")
	return term
}

// expectNoDemo checks that a world has left nothing behind.
func expectNoDemo(t *testing.T, dir string) {
	t.Helper()
	if left, err := os.ReadDir(filepath.Join(dir, "tmp")); err != nil || len(left) > 0 {
		t.Errorf("left in the temporary folder: %v, %v", left, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "config", "gctl", "config.yaml")); err == nil {
		t.Error("the configuration is left")
	}
}

// A new user starts the demo: the dashboard opens over it, with something to be
// found, and a guide that goes on as he does what it says. It is closed for good
// where he wants that, and comes back where he asks for it. With the dashboard the
// demo ends.
func TestDemoGuide(t *testing.T) {
	dir, env := demoHome(t)
	term := startDemo(t, env, 100, 30)
	term.WaitFor("GUIDE 1/8  Services, worst first: user-3 refuses calls, on purpose.")
	if said, err := onDemo(t, env, "fault", "list", "user"); err != nil || !strings.Contains(said, "to be found") || !strings.Contains(said, "ResourceExhausted") {
		t.Errorf("the trouble is none: %v: %s", err, said)
	}
	term.WaitUntil("the trouble", func(s string) bool { return regexp.MustCompile(`[!✗] user +6/6 ok.* errors`).MatchString(s) })
	term.Press("/")
	term.Type("user")
	term.Press("enter")
	term.WaitFor("1/2")
	term.Press("enter")
	term.WaitFor("GUIDE 2/8")
	term.Press(",")
	term.WaitFor("GUIDE 3/8")
	term.WaitFor(" ago ")
	term.Press("0")
	term.WaitFor("GUIDE 4/8")
	term.WaitFor("LIVE")
	term.Press("e")
	term.WaitFor("GUIDE 5/8")
	term.WaitFor("esc, then w asks why")
	term.Press("esc", "w")
	term.WaitFor("GUIDE 6/8")
	term.WaitFor("why ▸ user")
	term.Press("esc", "x")
	term.WaitFor("GUIDE 7/8")
	term.Press("N")
	term.WaitFor("GUIDE 8/8")
	term.Resize(60, 16)
	term.WaitUntil("one line of the guide", func(s string) bool { return strings.Contains(s, "GUIDE 8/8  : opens the command line") })
	term.Press("D")
	term.WaitGone("GUIDE")
	term.WaitFor(":guide brings the guide back")
	term.Press("q")
	if code := term.WaitExit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if text := term.Text(); term.AltScreen() || !strings.Contains(text, "the demo ends") {
		t.Errorf("the end does not say what ends:\n%s", text)
	}
	expectNoDemo(t, dir)
	if info, err := os.Stat(filepath.Join(dir, "state", "gctl", "guide-seen")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}

	term = startDemo(t, env, 100, 30)
	term.WaitFor("errors")
	if strings.Contains(term.Text(), "GUIDE") {
		t.Errorf("the guide is there again:\n%s", term.Text())
	}
	term.Press(":")
	term.Type("guide\n")
	term.WaitFor("GUIDE 1/8")
	quit(t, term)
	expectNoDemo(t, dir)
}

// An instance that is killed is seen on the screen, where nothing is written over,
// and told when that is closed.
func TestDemoDashTellsOfWhatEnded(t *testing.T) {
	dir, env := demoHome(t)
	term := startDemo(t, env, 100, 30)
	term.WaitFor("6/6 ok")
	logs, err := filepath.Glob(filepath.Join(dir, "tmp", "gctl-demo-*", "user-2.log"))
	if err != nil || len(logs) != 1 {
		t.Fatal(logs, err)
	}
	text, err := os.ReadFile(logs[0])
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(regexp.MustCompile(`"process.pid":(\d+)`).FindStringSubmatch(string(text))[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	term.WaitFor("5/6 down")
	if strings.Contains(term.Text(), "killed") {
		t.Errorf("it is told over the screen:\n%s", term.Text())
	}
	quit(t, term)
	if !strings.Contains(term.Text(), "user-2 (process "+strconv.Itoa(pid)+") ended: signal: killed") {
		t.Errorf("it is not told:\n%s", term.Text())
	}
	expectNoDemo(t, dir)
}

// A signal ends it all in order, and so does a window that is closed.
func TestDemoDashEndsBySignals(t *testing.T) {
	dir, env := demoHome(t)
	term := startDemo(t, env, 80, 24)
	term.Signal(syscall.SIGTERM)
	if code := term.WaitExit(); code != 0 || term.AltScreen() {
		t.Errorf("exit code %d", code)
	}
	expectNoDemo(t, dir)
	term = startDemo(t, env, 80, 24)
	term.Signal(syscall.SIGHUP) // the kernel's, which comes only when nothing reads the other end any more
	term.Hangup()
	term.WaitExit()
	expectNoDemo(t, dir)
}
