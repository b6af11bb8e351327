// Package tui is the dashboard: one terminal in which an engineer sees that
// something is wrong, where, since when and why, and acts.
//
// The model routes: keys become actions (package key), actions go to the screen
// that is seen (tui/screen/...), what screens say opens other screens. All of them
// see one Look: a snapshot of the store and a time.
package tui

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/config"
	"github.com/gctl-dev/gctl/tui/screen"
)

// Options say what the dashboard shows and how.
type Options struct {
	Store   *fleet.Store
	Env     screen.Env
	Now     func() time.Time
	Context string // name of the context
	// Labels name sources as a user knows them: "catalog" is "consul".
	Labels    map[string]string
	ReadOnly  bool
	Protected bool
	Contexts  []string // that :ctx may switch to

	Place  string        // what to open first: "service/checkout"; the fleet if empty
	Window time.Duration // that charts go back; an hour if 0
	Theme  string        // name of a theme
	ASCII  bool
	Keys   map[string][]string // own bindings, by action
	// Columns says which columns tables have, by the name of the table; those that are
	// not named have all.
	Columns map[string][]string
	// Views are what digits open that are not to choose a range.
	Views map[int]config.View
	// SaveView keeps the view of a digit, nil for none, and returns all that there are
	// then; nil: it cannot be kept.
	SaveView func(digit int, v *config.View) (map[int]config.View, error)

	// Past opens what was recorded of this fleet; nil: nothing.
	Past func(ctx context.Context) (Past, error)
	// Replay shows the past only: there is nobody to ask.
	Replay bool
	// Record records the store until ctx ends, and returns where; nil: it cannot be.
	Record func(ctx context.Context) (path string, err error)
	// RecordNow begins with it.
	RecordNow bool

	// Export writes an incident down; nil: it cannot be.
	Export Export

	Guide Guide

	Note    string // what is said first, for a while
	Version string // of gctl, for the report of a crash
	Crashes string // folder for such reports; empty: none is written

	In      io.Reader
	Out     io.Writer
	Environ []string
	Profile *colorprofile.Profile // nil: as the terminal says
	Width   int                   // of a terminal that does not say it
	Height  int
}

// SwitchError is returned by Run where the user wants another context.
type SwitchError struct{ Context string }

// Error implements error.
func (e *SwitchError) Error() string { return "switch to context " + e.Context }

// Run shows the dashboard until the user quits or ctx ends, of which it returns the
// cause, and why the last recording is not whole. Signals are the caller's to hear: it
// ends ctx.
func Run(ctx context.Context, o Options) error {
	outer := ctx
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	m, err := newModel(ctx, o)
	if err != nil {
		return err
	}
	options := []tea.ProgramOption{
		tea.WithContext(ctx), tea.WithInput(o.In), tea.WithOutput(o.Out), tea.WithEnvironment(o.Environ),
		// Its handler waits for ever to tell a program of SIGTERM that ctx has ended.
		tea.WithoutSignalHandler(),
		tea.WithFPS(framesPerSecond),
	}
	if o.Profile != nil {
		options = append(options, tea.WithColorProfile(*o.Profile))
	}
	if o.Width > 0 {
		options = append(options, tea.WithWindowSize(o.Width, o.Height))
	}
	g := newGuard(m)
	p := tea.NewProgram(g, options...)
	var watch sync.WaitGroup
	if m.jobs = newJobControl(); m.jobs != nil {
		defer m.jobs.close()
		watch.Go(func() { m.jobs.watch(ctx, p.Send) })
	}
	err = finish(ctx, p, o.In)
	m.close()
	cancel()
	watch.Wait()
	if !errors.Is(err, errStuck) { // else the model is not ours yet
		err = m.outcome(outer, g, err)
	} else {
		err = context.Cause(outer)
	}
	if failed := m.recorder.failure(); failed != nil {
		return errors.Join(failed, err)
	}
	return err
}

// outcome is what Run has come to.
func (m *model) outcome(outer context.Context, g *guard, err error) error {
	switch {
	case errors.Is(err, tea.ErrProgramPanic) || g.report.text != "":
		return g.report.failure(err)
	case m.failed != nil:
		return m.failed
	case m.next != "":
		return &SwitchError{m.next}
	case errors.Is(outer.Err(), context.DeadlineExceeded):
		return nil // its time is over
	case outer.Err() != nil:
		return context.Cause(outer)
	}
	return err
}

// failure is the error of a dashboard that has crashed.
func (c *crash) failure(err error) error {
	e := &fleet.Error{What: "the dashboard has crashed", Err: err, Hint: "please report it, with " + c.path}
	if c.path == "" {
		e.Hint = "please report it"
		e.Err = errors.Join(err, c.err)
	}
	return e
}

// framesPerSecond is how often what has changed is drawn: a key waits for the next
// frame, and each frame wakes the process, also where nothing has changed.
const framesPerSecond = 80
