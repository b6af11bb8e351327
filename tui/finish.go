package tui

import (
	"context"
	"errors"
	"io"
	"time"

	tea "charm.land/bubbletea/v2"
	xterm "github.com/charmbracelet/x/term"
)

// grace is how long Bubble Tea has to give the terminal back when ctx has ended.
const grace = time.Second

// errStuck is the error of a terminal that takes nothing any more.
var errStuck = errors.New("the terminal takes nothing any more")

// finish runs a program until it or ctx ends. Bubble Tea waits for what it writes,
// and for ever where a terminal is not read any more: it is left behind then, and of
// the terminal only the mode is given back.
func finish(ctx context.Context, p *tea.Program, in io.Reader) error {
	restore := modeOf(in)
	done := make(chan error, 1)
	go func() {
		_, err := p.Run()
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
		restore()
		return errStuck
	}
}

// modeOf remembers the mode of a terminal and returns what restores it.
func modeOf(in io.Reader) (restore func()) {
	f, ok := in.(xterm.File)
	if !ok {
		return func() {}
	}
	state, err := xterm.GetState(f.Fd())
	if err != nil {
		return func() {}
	}
	return func() { _ = xterm.SetState(f.Fd(), state) } // the terminal may be gone
}
