//go:build unix

package tui

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	tea "charm.land/bubbletea/v2"
)

// jobControl is how a shell stops and continues the dashboard.
type jobControl struct{ told chan os.Signal }

// notStopped is how long the kernel has to stop a process.
const notStopped = 500 * time.Millisecond

func newJobControl() *jobControl {
	j := &jobControl{make(chan os.Signal, 2)}
	j.listen()
	return j
}

func (j *jobControl) listen() { signal.Notify(j.told, syscall.SIGTSTP, syscall.SIGCONT) }

func (j *jobControl) close() { signal.Stop(j.told) }

// watch passes on what others do with the process, until ctx ends.
func (j *jobControl) watch(ctx context.Context, send func(tea.Msg)) {
	for {
		select {
		case sig := <-j.told:
			if sig == syscall.SIGTSTP {
				send(suspendMsg{})
			} else {
				send(continuedMsg{})
			}
		case <-ctx.Done():
			return
		}
	}
}

// stop stops the process and those that belong to its job, as the terminal's own key
// does, until somebody continues it. A job without a shell is never stopped: the
// kernel would not, for nobody could continue it. SIGTTOU is what SIGTSTP is by
// default, to which Go does not go back once it was listened for.
func (j *jobControl) stop(ctx context.Context) error {
	signal.Stop(j.told)
	defer j.listen()
	goesOn := make(chan os.Signal, 1)
	signal.Notify(goesOn, syscall.SIGCONT)
	defer signal.Stop(goesOn)
	if err := syscall.Kill(0, syscall.SIGTTOU); err != nil {
		return err
	}
	for range 2 { // who was stopped may learn later that it was than that the time is over
		select {
		case <-goesOn:
			return nil
		case <-ctx.Done():
			return nil
		case <-time.After(notStopped):
		}
	}
	return errNotStopped
}
