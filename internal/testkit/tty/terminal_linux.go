package tty

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
)

// Options of a Terminal.
type Options struct {
	Width, Height int      // in cells; 80 and 24 if 0
	Env           []string // the whole environment of the program; Env() if nil
	Dir           string   // its working directory; the test's if empty
	Theme         Theme    // Dark if zero
	Old           bool     // knows no synchronized updates, grapheme clusters, nor kitty's keys, as xterm
}

// Env returns an environment for programs on a Terminal: what they need of the
// test's own, the colours of a modern terminal, and what else is given as
// NAME=VALUE.
func Env(more ...string) []string {
	env := []string{"TERM=xterm-256color", "COLORTERM=truecolor", "LANG=C.UTF-8"}
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "GOCOVERDIR"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return append(env, more...)
}

// Terminal is a terminal with a program on it.
type Terminal struct {
	*Screen

	file  *os.File
	cmd   *exec.Cmd
	out   outbox
	read  chan struct{} // closed when no more output comes
	shown sync.Mutex    // held while the terminal is frozen
	gone  chan struct{} // closed when the program has ended
	done  chan struct{} // closed when all that it wrote is on the screen too
}

// Start starts a program with a new terminal as its three streams and its
// controlling terminal. At the end of the test it is killed, with all that it
// started on the terminal. If the test has failed until then, the last screen is
// logged.
func Start(t testing.TB, options Options, name string, args ...string) *Terminal {
	t.Helper()
	options.Width, options.Height = cmp.Or(options.Width, 80), cmp.Or(options.Height, 24)
	if options.Theme.Background == nil {
		options.Theme = Dark
	}
	if options.Env == nil {
		options.Env = Env()
	}
	file, program, err := OpenPTY(options.Width, options.Height)
	if err != nil {
		t.Fatal(err)
	}
	term := &Terminal{file: file, read: make(chan struct{}), gone: make(chan struct{}), done: make(chan struct{})}
	term.out.init()
	term.Screen = newScreen(t, options.Width, options.Height, options.Theme, options.Old, func(answer []byte) { term.out.put(answer, 0) })
	term.cmd = exec.Command(name, args...) //nolint:noctx // it lives until the end of the test, whose context ends before its cleanup
	term.cmd.Stdin, term.cmd.Stdout, term.cmd.Stderr = program, program, program
	term.cmd.Env, term.cmd.Dir = options.Env, options.Dir
	term.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	// What is ignored here, as under nohup, the program would ignore too; what is
	// heard, it gets as usual.
	heard := make(chan os.Signal, 1)
	signal.Notify(heard, syscall.SIGHUP, syscall.SIGINT)
	err = term.cmd.Start()
	signal.Stop(heard)
	program.Close()
	if err != nil {
		file.Close()
		t.Fatal(err)
	}
	go term.show()
	go term.await()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		term.out.send(file)
	}()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the last screen: %s", term.picture())
		}
		_ = syscall.Kill(-term.cmd.Process.Pid, syscall.SIGKILL)
		term.out.close()
		select {
		case <-term.read: // all are gone
		case <-time.After(time.Second):
		}
		file.Close() // a hangup for what has left the group
		<-term.done
		<-term.read
		<-sent
	})
	return term
}

// show puts the program's output on the screen until it ends.
func (t *Terminal) show() {
	defer close(t.read)
	chunk := make([]byte, 64<<10)
	var held []byte
	for {
		t.shown.Lock()
		t.shown.Unlock() //nolint:staticcheck // Freeze holds it
		n, err := t.file.Read(chunk)
		held = append(held, chunk[:n]...)
		ready, rest := whole(held)
		if err != nil { // nothing has followed in time, or ever will
			ready = len(held)
		}
		if ready > 0 {
			_, _ = t.Write(held[:ready])
			held = append(held[:0], held[ready:]...)
		}
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
		var until time.Time
		if len(held) > 0 {
			until = time.Now().Add(rest)
		}
		_ = t.file.SetReadDeadline(until)
	}
}

// await waits for the end of the program.
func (t *Terminal) await() {
	defer close(t.done)
	_ = t.cmd.Wait() // what is of interest is in its ProcessState
	close(t.gone)
	select {
	case <-t.read:
	case <-time.After(patience): // something else holds the terminal
	}
	t.end(fmt.Sprintf("%s ended with code %d", t.cmd.Path, t.code()))
}

// code is the exit code as a shell has it.
func (t *Terminal) code() int {
	if status, ok := t.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return t.cmd.ProcessState.ExitCode()
}

// WaitExit waits until the program has ended and all that it wrote is on the
// screen, and returns its exit code, 128 and the signal's number if a signal
// ended it. After 20 s it fails the test.
func (t *Terminal) WaitExit() int {
	t.t.Helper()
	select {
	case <-t.done:
	case <-time.After(patience):
		t.t.Fatalf("%s has not ended\n%s", t.cmd.Path, t.picture())
	}
	select {
	case <-t.read:
	default:
		t.t.Fatalf("%s has ended, but something that it started holds the terminal\n%s", t.cmd.Path, t.picture())
	}
	return t.code()
}

// Freeze makes the terminal show nothing more until thaw is called: the program
// soon waits for ever to write. Before the end of the test it is thawed.
func (t *Terminal) Freeze() (thaw func()) {
	t.shown.Lock()
	thaw = sync.OnceFunc(t.shown.Unlock)
	t.t.Cleanup(thaw)
	return thaw
}

// WaitProcess waits until the program has ended, whatever of it is on the screen,
// and returns how. After 20 s it fails the test.
func (t *Terminal) WaitProcess() syscall.WaitStatus {
	t.t.Helper()
	select {
	case <-t.gone:
	case <-time.After(patience):
		t.t.Fatalf("%s has not ended\n%s", t.cmd.Path, t.picture())
	}
	status, _ := t.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return status
}

// Process returns the program's process.
func (t *Terminal) Process() *os.Process { return t.cmd.Process }

// Signal sends a signal to the program.
func (t *Terminal) Signal(sig os.Signal) {
	t.t.Helper()
	if err := t.cmd.Process.Signal(sig); err != nil {
		t.t.Fatal(err)
	}
}

// Hangup closes the window: the program loses its terminal and gets SIGHUP.
func (t *Terminal) Hangup() { t.file.Close() }

// Press presses keys, one after the other, named as Bubble Tea names them: "a",
// "G", "enter", "esc", "space", "up", "ctrl+d", "shift+tab", "alt+x", "f1". They are
// sent by kitty's protocol if the program asks for it, as Bubble Tea does. On an
// Old terminal a key that follows "esc" comes a while after it, as programs tell
// that key from the start of a sequence by the silence that follows; on a busy
// machine that may be too short, so wait for what esc does.
func (t *Terminal) Press(keys ...string) {
	t.t.Helper()
	for _, key := range keys {
		bytes, err := encode(key, t.keyboard())
		if err != nil {
			t.t.Fatal(err)
		}
		t.send(bytes)
	}
}

// Type types a text, with enter for each newline.
func (t *Terminal) Type(text string) { t.send(strings.ReplaceAll(text, "\n", "\r")) }

// Paste pastes a text, between marks if the program wants them (mode 2004).
func (t *Terminal) Paste(text string) { t.send(pasted(text, t.Mode(ansi.ModeBracketedPaste))) }

// Focus gives the terminal's window the focus. A program hears of it if it asked
// for it (mode 1004).
func (t *Terminal) Focus() { t.focus(ansi.Focus) }

// Blur takes the focus away.
func (t *Terminal) Blur() { t.focus(ansi.Blur) }

func (t *Terminal) focus(report string) {
	if t.Mode(ansi.ModeFocusEvent) {
		t.send(report)
	}
}

// Click presses and releases a button of the mouse at a cell, counted from 0;
// [ansi.MouseWheelDown] and its kind turn the wheel. A program hears of it if it
// asked for it (modes 1000, 1002 or 1003) in the encoding SGR (1006).
func (t *Terminal) Click(button ansi.MouseButton, x, y int) {
	if !t.Mode(ansi.ModeMouseExtSgr) || !t.Mode(ansi.ModeMouseNormal) && !t.Mode(ansi.ModeMouseButtonEvent) && !t.Mode(ansi.ModeMouseAnyEvent) {
		return
	}
	code := ansi.EncodeMouseButton(button, false, false, false, false)
	report := ansi.MouseSgr(code, x, y, false)
	if button < ansi.MouseWheelUp || button > ansi.MouseWheelRight {
		report += ansi.MouseSgr(code, x, y, true)
	}
	t.send(report)
}

// Resize changes the size of the window; the program gets SIGWINCH.
func (t *Terminal) Resize(width, height int) {
	t.t.Helper()
	t.resize(width, height)
	if err := setSize(t.file, width, height); err != nil {
		t.t.Fatal(err)
	}
}

func (t *Terminal) send(bytes string) {
	var silence time.Duration
	if bytes == "\x1b" {
		silence = escSilence
	}
	t.out.put([]byte(bytes), silence)
}
