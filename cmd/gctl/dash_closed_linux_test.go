package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gctl-dev/gctl/internal/state/recording"
	"github.com/gctl-dev/gctl/internal/testkit/tty"
)

// However the window goes, the dashboard ends at once and in order: what it has
// recorded is whole.
func TestDashEndsWithItsWindow(t *testing.T) {
	for name, c := range map[string]struct {
		ignored bool // hang-ups are, as by nohup
		end     func(*tty.Terminal)
	}{
		"the window is closed":               {end: (*tty.Terminal).Hangup},
		"the shell hangs up":                 {end: func(term *tty.Terminal) { term.Signal(syscall.SIGHUP) }},
		"both":                               {end: func(term *tty.Terminal) { term.Signal(syscall.SIGHUP); term.Hangup() }},
		"the window is closed in quiet":      {ignored: true, end: (*tty.Terminal).Hangup},
		"a frozen window is hung up":         {end: frozen(t, syscall.SIGHUP)},
		"it is ended while it cannot write":  {end: frozen(t, syscall.SIGTERM)},
		"a frozen window is closed in quiet": {ignored: true, end: func(term *tty.Terminal) { frozen(t, syscall.SIGHUP)(term); term.Hangup() }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env, dir := home(t), filepath.Join(t.TempDir(), "incident")
			command := []string{"sh", "-c", `exec "$0" dash --record "$1"`, gctl(t), dir}
			if c.ignored {
				command[2] = "trap '' HUP; " + command[2]
			}
			term := tty.Start(t, tty.Options{Width: 120, Height: 30, Env: env}, command[0], command[1:]...)
			term.WaitFor("REC")
			term.WaitFor("1 of 2 down")
			began := time.Now()
			c.end(term)
			status := term.WaitProcess()
			if took := time.Since(began); took > 10*time.Second { // a loaded machine included
				t.Errorf("it took %s", took)
			}
			if status.Signaled() {
				t.Errorf("it was killed: %v", status.Signal())
			}
			whole(t, dir)
			cmd := exec.CommandContext(t.Context(), gctl(t), "dash", "--replay", dir, "--snapshot", "-o", "text")
			cmd.Env = env
			if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "1 of 2 down") {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

// frozen stops the terminal, lets the program write until it cannot, and signals.
func frozen(t *testing.T, sig syscall.Signal) func(*tty.Terminal) {
	return func(term *tty.Terminal) {
		t.Helper()
		fd, err := unix.Open(fmt.Sprintf("/proc/%d/fd/1", term.Process().Pid), unix.O_WRONLY|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		term.Freeze()
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for full := 0; full < 20; <-tick.C { // the last bytes of room are not told
			w, _ := term.Size()
			term.Resize(241-w, 30) // a whole frame each time
			one := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
			if n, err := unix.Poll(one, 0); err == nil && n == 0 {
				full++
			}
		}
		if err := unix.Close(fd); err != nil {
			t.Error(err)
		}
		term.Signal(sig)
	}
}

// whole checks that nothing was torn off a recording.
func whole(t *testing.T, dir string) {
	t.Helper()
	r, err := recording.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	snap, torn, err := r.At(t.Context(), time.Now())
	if err != nil || len(torn) > 0 || len(snap.Services()) != 2 {
		t.Errorf("%v, torn off: %v, %d services", err, torn, len(snap.Services()))
	}
}
