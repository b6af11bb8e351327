package tui

import (
	"context"
	"errors"
	"io"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/tui/screen"
)

// The messages of job control.
type (
	suspendMsg   struct{} // another process wants the dashboard to stop
	continuedMsg struct{} // it was stopped without being asked, and goes on
	// resumedMsg says that the terminal is the dashboard's again.
	resumedMsg struct {
		now time.Time
		err error
	}
)

// errNotStopped is the error of a process that nobody would continue: the kernel does
// not stop it.
var errNotStopped = errors.New("no shell has started gctl that could continue it")

// released is what is done while the terminal is not the dashboard's; Bubble Tea
// gives it back before, and draws everything anew behind.
type released func() error

// settles is how long Bubble Tea's last renderer has to stop its ticker, which the
// next one starts again: the other way round nothing would ever be drawn again.
const settles = 50 * time.Millisecond

// Run implements tea.ExecCommand.
func (r released) Run() error {
	time.Sleep(settles)
	return r()
}

// SetStdin implements tea.ExecCommand.
func (released) SetStdin(io.Reader) {}

// SetStdout implements tea.ExecCommand.
func (released) SetStdout(io.Writer) {}

// SetStderr implements tea.ExecCommand.
func (released) SetStderr(io.Writer) {}

// suspend gives the terminal to the shell until the shell continues gctl.
func (m *model) suspend() tea.Cmd {
	if m.jobs == nil {
		return m.notice(screen.Say{Text: "there is nothing to suspend to here", Bad: true})
	}
	return m.release(m.jobs.stop)
}

// release does something without the terminal.
func (m *model) release(do func(context.Context) error) tea.Cmd {
	now, ctx := m.o.Now, m.ctx
	return tea.Exec(released(func() error { return do(ctx) }), func(err error) tea.Msg { return resumedMsg{now(), err} })
}

// continued takes the terminal anew: whoever had it in between may have changed it.
func (m *model) continued() tea.Cmd {
	return m.release(func(context.Context) error { return nil })
}

// resumed goes on: what was known before is old, and all are asked again.
func (m *model) resumed(msg resumedMsg) tea.Cmd {
	m.o.Store.Refresh()
	m.clock, m.look.Clock = msg.now, msg.now
	if m.cursor.IsZero() {
		m.look.Now = msg.now
	}
	cmd := m.deliver(screen.Changed{})
	if msg.err != nil {
		cmd = tea.Batch(cmd, m.notice(screen.Say{Text: "not suspended: " + screen.Sentence(msg.err), Bad: true}))
	}
	return cmd
}
