package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/gctl-dev/gctl/internal/testkit/tty"
)

// ttyMain is the program "tty WIDTH COMMAND ARG..." of the scripts: it runs a
// command with a terminal of that width as its three streams and prints what
// appears there. What it reads itself is typed into the terminal, line by line;
// a line "wait TEXT" is not typed but waits until the text has appeared.
func ttyMain() {
	width, err := strconv.Atoi(os.Args[1])
	if err != nil {
		fatal(err)
	}
	code, err := onTerminal(width, os.Args[2:])
	if err != nil {
		fatal(err)
	}
	os.Exit(code)
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, "tty:", err)
	os.Exit(125)
}

func onTerminal(width int, command []string) (int, error) {
	terminal, program, err := tty.OpenPTY(width, 40)
	if err != nil {
		return 0, err
	}
	defer terminal.Close()
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = program, program, program
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	err = cmd.Start()
	program.Close()
	if err != nil {
		return 0, err
	}
	screen := newScreen()
	go typeLines(terminal, screen)
	_, err = io.Copy(io.MultiWriter(os.Stdout, screen), terminal)
	if err != nil && !errors.Is(err, syscall.EIO) { // EIO: the other side is closed
		return 0, err
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		return 0, err
	}
	// As a shell has it: a signal that came before gctl listened for it counts
	// the same.
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return cmd.ProcessState.ExitCode(), nil
}

// typeLines types what stdin holds. It ends with the process at the latest.
func typeLines(terminal io.Writer, screen *screen) {
	lines := bufio.NewReader(os.Stdin)
	for {
		line, err := lines.ReadString('\n')
		if text, ok := strings.CutPrefix(line, "wait "); ok {
			screen.wait(strings.TrimSpace(text))
		} else if _, writeErr := io.WriteString(terminal, line); writeErr != nil {
			return
		}
		if err != nil {
			return
		}
	}
}

// screen is what has appeared on a terminal.
type screen struct {
	mu      sync.Mutex
	changed *sync.Cond
	text    string
}

func newScreen() *screen {
	s := &screen{}
	s.changed = sync.NewCond(&s.mu)
	return s
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text += string(b)
	s.changed.Broadcast()
	return len(b), nil
}

func (s *screen) wait(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !strings.Contains(s.text, text) {
		s.changed.Wait()
	}
	s.text = s.text[strings.Index(s.text, text)+len(text):]
}
