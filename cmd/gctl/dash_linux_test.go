package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/gctl-dev/gctl/internal/testkit/tty"
)

// healthServer serves gRPC health, and says that it serves or not.
func healthServer(t *testing.T, serves bool) (addr string) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, h := grpc.NewServer(), health.NewServer()
	healthpb.RegisterHealthServer(s, h)
	if !serves {
		h.SetServingStatus("", healthpb.HealthCheckResponse_NOT_SERVING)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(l) // ends with Stop
	}()
	t.Cleanup(func() {
		s.Stop()
		<-done
	})
	return l.Addr().String()
}

// home is a home with a context of a small fleet: checkout has two instances, one
// of which does not serve, and cart has one that does.
func home(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	fleet := fmt.Sprintf(`services:
  checkout:
    instances:
      - {id: checkout-1, address: %q}
      - {id: checkout-2, address: %q}
  cart:
    instances:
      - {id: cart-1, address: %q}
`, healthServer(t, true), healthServer(t, false), healthServer(t, true))
	path := filepath.Join(dir, "fleet.yaml")
	config := "current: shop\ncontexts:\n  shop: {catalog: 'file://" + path + "'}\n  other: {catalog: 'consul://127.0.0.1:1'}\n"
	if err := os.MkdirAll(filepath.Join(dir, ".config", "gctl"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{path: fleet, filepath.Join(dir, ".config", "gctl", "config.yaml"): config} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return tty.Env("HOME="+dir, "XDG_STATE_HOME="+dir, "XDG_CACHE_HOME="+dir, "PROMETHEUS_URL=", "GODEBUG="+os.Getenv("GODEBUG"))
}

func gctl(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("gctl") // testscript has put it there
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// An engineer finds the broken instance: gctl alone shows the service in trouble
// first, enter shows its instances, and from there it goes back and out.
func TestDashFindsTheBrokenInstance(t *testing.T) {
	term := tty.Start(t, tty.Options{Width: 120, Height: 40, Env: home(t)}, gctl(t))
	term.WaitFor("1 of 2 down")
	if text := term.Text(); strings.Index(text, "checkout") > strings.Index(text, "cart") {
		t.Errorf("the service in trouble is not the first:\n%s", text)
	}
	term.Press("enter")
	term.WaitFor("service ▸ checkout")
	term.WaitFor("not serving")
	term.Press("tab", "enter")
	term.WaitFor("gRPC      not serving")
	term.Press("esc", "esc")
	term.WaitFor("gctl shop ▸ services")
	term.Press("/")
	term.Type("cart")
	term.WaitFor("1/2")
	term.WaitGone("checkout")
	term.Press("esc")
	term.WaitFor("checkout")
	term.Press("?")
	term.WaitFor("On this screen:")
	term.Press("esc")
	term.WaitFor("2/2")
	term.Resize(60, 16)
	term.WaitUntil("the narrow screen", func(s string) bool { return strings.Contains(s, "SERVICE") && !strings.Contains(s, "WHY") })
	term.Press("q")
	if code := term.WaitExit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if term.AltScreen() || !term.CursorVisible() {
		t.Error("the terminal was not given back")
	}
}

// Another context is another fleet; one that is down says so and what to do.
func TestDashSwitchesContexts(t *testing.T) {
	term := tty.Start(t, tty.Options{Width: 100, Height: 24, Env: home(t)}, gctl(t), "dash")
	term.WaitFor("1 of 2 down")
	term.Press(":")
	term.Type("ctx other")
	term.Press("enter")
	term.WaitFor("gctl other ▸ services")
	term.WaitFor("No catalog:")
	term.WaitFor("gctl doctor")
	term.Press("ctrl+c")
	if code := term.WaitExit(); code != 0 && code != 130 {
		t.Errorf("exit code %d", code)
	}
}

// SIGTERM gives the terminal back, and so does a terminal that is closed.
func TestDashEndsBySignals(t *testing.T) {
	term := tty.Start(t, tty.Options{Width: 80, Height: 24, Env: home(t)}, gctl(t), "dash")
	term.WaitFor("1 of 2 down")
	term.Signal(syscall.SIGTERM)
	if code := term.WaitExit(); code != 130 {
		t.Errorf("exit code %d", code)
	}
	if term.AltScreen() {
		t.Error("the terminal was not given back")
	}
	term = tty.Start(t, tty.Options{Width: 80, Height: 24, Env: home(t)}, gctl(t), "dash")
	term.WaitFor("1 of 2 down")
	term.Signal(syscall.SIGHUP) // the kernel's, which comes only when nothing reads the other end any more
	term.Hangup()
	term.WaitExit()
}

// In a pipe there is no dashboard; the error says what answers there.
func TestDashWithoutATerminalSaysWhatToDo(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), gctl(t), "dash")
	cmd.Env = home(t)
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "the dashboard needs a terminal") || !strings.Contains(string(out), "hint:") {
		t.Errorf("%v: %s", err, out)
	}
}

// An incident is recorded, looked at again without anybody to ask, and written down.
func TestDashRecordsReplaysAndExports(t *testing.T) {
	env, dir := home(t), t.TempDir()
	term := tty.Start(t, tty.Options{Width: 120, Height: 30, Env: env, Dir: dir}, gctl(t), "dash", "--record", "incident")
	term.WaitFor("REC")
	term.WaitFor("1 of 2 down")
	term.Press("R")
	term.WaitFor("recorded to incident")
	term.Press("E")
	term.WaitFor("exported to ")
	term.Press("q")
	if code := term.WaitExit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	pages, err := filepath.Glob(filepath.Join(dir, "gctl-incident-*", "incident.md"))
	if err != nil || len(pages) != 1 {
		t.Fatalf("%v %v", pages, err)
	}
	if text, err := os.ReadFile(pages[0]); err != nil || !strings.Contains(string(text), "checkout-2") {
		t.Errorf("%v: %s", err, text)
	}
	term = tty.Start(t, tty.Options{Width: 120, Height: 30, Env: env, Dir: dir}, gctl(t), "dash", "--replay", "incident")
	term.WaitFor("REPLAY")
	term.WaitFor("1 of 2 down")
	term.Press("enter")
	term.WaitFor("not serving")
	term.Press("ctrl+c")
	term.WaitExit()
	cmd := exec.CommandContext(t.Context(), gctl(t), "dash", "--replay", "nowhere", "--snapshot")
	cmd.Env = env
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "hint:") {
		t.Errorf("%v: %s", err, out)
	}
}
