package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/internal/demo"
	"github.com/gctl-dev/gctl/internal/stack"
	"github.com/gctl-dev/gctl/internal/testkit/tty"
)

// demoHome is a home with a temporary folder of its own and the programs of a demo
// on PATH.
func demoHome(t *testing.T) (dir string, env []string) {
	t.Helper()
	dir = t.TempDir()
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"bin", "tmp"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"userd", "edged"} {
		if err := os.Symlink(own, filepath.Join(dir, "bin", name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir, tty.Env(
		"HOME="+dir, "XDG_CONFIG_HOME="+filepath.Join(dir, "config"), "XDG_STATE_HOME="+filepath.Join(dir, "state"), "XDG_CACHE_HOME="+filepath.Join(dir, "cache"),
		"TMPDIR="+filepath.Join(dir, "tmp"), "PATH="+filepath.Join(dir, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"),
		"PROMETHEUS_URL=", "GODEBUG="+os.Getenv("GODEBUG"), "GORACE=atexit_sleep_ms=0", // else each run ends a second late
	)
}

// operated is a demo with the real backends, and its operator's home.
type operated struct {
	dir string
	env []string
}

// operate starts a world with the real Consul, Prometheus and Jaeger, with users in
// its store and load on it.
func operate(t *testing.T) *operated {
	t.Helper()
	for _, name := range []string{"consul", "prometheus", "jaeger"} {
		stack.Need(t, name)
	}
	dir, env := demoHome(t)
	t.Setenv("TMPDIR", filepath.Join(dir, "tmp"))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	world, err := demo.Start(ctx, demo.Options{
		Userd: filepath.Join(dir, "bin", "userd"), Edged: filepath.Join(dir, "bin", "edged"),
		Config: filepath.Join(dir, "config", "gctl", "config.yaml"), Stack: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := world.Stop(); err != nil {
			t.Error(err)
		}
	})
	w := &operated{dir, env}
	w.run(t, "call", "ImportUsers", "--service", demo.Service, "-d", demo.Users)
	world.StartLoad(context.WithoutCancel(t.Context())) // until Stop
	return w
}

// onDemo runs a command on the demo and returns what it says.
func onDemo(t *testing.T, env []string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), gctl(t), append(args, "--context", demo.Context)...)
	cmd.Env = env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// run runs a command that must succeed.
func (w *operated) run(t *testing.T, args ...string) {
	t.Helper()
	if said, err := onDemo(t, w.env, args...); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, said)
	}
}

// awaitOnDemo runs a command until it says a text, whatever it says before.
func awaitOnDemo(t *testing.T, env []string, text string, args ...string) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		said, _ := onDemo(t, env, args...)
		if strings.Contains(said, text) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%v never says %q:\n%s", args, text, said)
		}
	}
}

// dash opens the dashboard at a place.
func (w *operated) dash(t *testing.T, place string) *tty.Terminal {
	t.Helper()
	return tty.Start(t, tty.Options{Width: 120, Height: 40, Env: w.env}, gctl(t), "dash", "--context", demo.Context, "--window", "5m", "--screen", place)
}

// quit ends the dashboard as a user does.
func quit(t *testing.T, term *tty.Terminal) {
	t.Helper()
	term.Press("ctrl+c")
	if code := term.WaitExit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if term.AltScreen() || !term.CursorVisible() {
		t.Error("the terminal was not given back")
	}
}

// What an engineer does in the dashboard, over real services and backends.
func TestDashOverTheDemo(t *testing.T) {
	w := operate(t)
	t.Run("from a failed call to its instance", w.followFailure)
	t.Run("invoke a method", w.invokeMethod)
	t.Run("force a breaker open", w.forceBreaker)
}

// followFailure goes from a service in trouble to its traces, to one with an error,
// to the span that failed, and to the instance that it ran on.
func (w *operated) followFailure(t *testing.T) {
	w.run(t, "fault", "status", "user-3", "RESOURCE_EXHAUSTED", "--method", "GetUser", "--ttl", "5m", "--yes", "--reason", "a test")
	defer w.run(t, "fault", "end", "user-3", "--yes", "--reason", "a test")
	awaitOnDemo(t, w.env, "GetUser", "traces", demo.Edge, "--errors")
	term := w.dash(t, "service/edge")
	term.WaitFor("edge-1")
	term.Press("t")
	term.WaitFor("traces ▸ edge")
	term.WaitFor("✗ 1")
	term.Press("/")
	term.Type("errors>0")
	term.Press("enter")
	term.WaitUntil("only traces with errors", func(s string) bool { return strings.Contains(s, "/errors>0") && !strings.Contains(s, "   4       –") })
	term.Press("down", "down", "down", "enter") // of the newest not all may be there yet
	term.WaitFor("gctl demo ▸ trace ▸ ")
	term.WaitFor("✗ error edge → user.v1.UserService/GetUser")
	term.Press("down")
	term.WaitFor("injected on purpose by the fault")
	term.Press("down")
	term.WaitFor("service.instance.id = user-3")
	term.Press("right")
	term.WaitFor("service ▸ user")
	term.WaitFor("[instances]")
	term.Press("enter")
	term.WaitFor("user-3:")
	term.WaitFor("service   user")
	term.Press("esc", "esc")
	term.WaitFor("gctl demo ▸ trace ▸ ")
	quit(t, term)
}

// invokeMethod fills in the form of a method, sends it and finds it in the history.
func (w *operated) invokeMethod(t *testing.T) {
	term := w.dash(t, "service/user")
	term.WaitFor("user-6")
	term.Press("tab", "x")
	term.WaitFor("invoke ▸ user")
	term.WaitFor("UpdateUser")
	term.Press("/")
	term.Type("GetUser !Batch")
	term.WaitFor("1/14 methods")
	term.Press("enter", "enter")
	term.WaitFor("FORM user.v1.GetUserRequest")
	term.Press("enter")
	term.WaitFor("take, send")
	term.Type("u-1")
	term.Press("enter")
	term.WaitFor(`"id": "u-1"`)
	term.Press("ctrl+s")
	term.WaitFor("✓ OK")
	term.WaitFor(`"displayName": "Ada Lovelace"`)
	term.Press("H")
	term.WaitFor("the requests that were made")
	term.WaitFor(`{"id":"u-1"}`)
	quit(t, term)
	if text, err := os.ReadFile(filepath.Join(w.dir, "state", "gctl", "calls.jsonl")); err != nil || !strings.Contains(string(text), "GetUser") {
		t.Errorf("the journal of calls: %v: %s", err, text)
	}
}

// forceBreaker forces a breaker open for seconds, sees it open, and sees it revert by
// itself.
func (w *operated) forceBreaker(t *testing.T) {
	term := w.dash(t, "breakers")
	term.WaitFor("user/write")
	term.Press("/")
	term.Type("write")
	term.Press("enter")
	term.WaitFor("1/2 breakers")
	term.Press("a")
	term.WaitFor("force user/write open")
	term.WaitFor("enter choose") // from then on it hears keys
	term.Press("enter")
	term.WaitFor("hold for: 15m_")
	term.Press("ctrl+u")
	term.Type("8s")
	term.WaitFor("hold for: 8s_")
	term.Press("enter")
	term.WaitFor("reason, for the log")
	term.Type("a drill")
	term.Press("enter")
	term.WaitFor("their calls to user fail at once as long as that holds")
	term.WaitFor("type y and enter to do it")
	term.WaitFor("reason: a drill")
	term.WaitFor("enter go on")
	term.Type("y")
	term.Press("enter")
	term.WaitFor("done; esc goes back")
	term.Press("esc")
	term.WaitFor("FORCED OPEN")
	term.WaitFor("1 open")
	term.WaitGone("FORCED OPEN")
	term.WaitFor("✓ closed")
	quit(t, term)
	awaitOnDemo(t, w.env, "expired", "actions")
}
