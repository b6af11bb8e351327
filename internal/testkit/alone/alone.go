// Package alone lets programs use what was made for tests: it stands in for the test.
package alone

import (
	"context"
	"fmt"
	"io"
	"testing"
)

// Run stands in for the test that terminals and browsers belong to.
type Run struct {
	testing.TB // what is not below is not used

	name     string          // of the program
	ctx      context.Context //nolint:containedctx // as a test's
	cancel   context.CancelFunc
	log      io.Writer
	exit     func(int)
	failed   bool
	cleanups []func()
}

// New returns a run that says on log why it fails, and then exits.
func New(name string, log io.Writer, exit func(int)) *Run {
	ctx, cancel := context.WithCancel(context.Background())
	return &Run{name: name, ctx: ctx, cancel: cancel, log: log, exit: exit}
}

// Helper implements testing.TB.
func (r *Run) Helper() {}

// Logf implements testing.TB.
func (r *Run) Logf(string, ...any) {} // a failure shows the screen already
// Failed implements testing.TB.
func (r *Run) Failed() bool { return r.failed }

// Context implements testing.TB.
func (r *Run) Context() context.Context { return r.ctx }

// Cleanup implements testing.TB.
func (r *Run) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }

// End undoes what was set up, the last first.
func (r *Run) End() {
	r.cancel()
	for len(r.cleanups) > 0 {
		last := len(r.cleanups) - 1
		cleanup := r.cleanups[last]
		r.cleanups = r.cleanups[:last]
		cleanup()
	}
}

// Fatal ends the run.
func (r *Run) Fatal(args ...any) {
	r.failed = true
	fmt.Fprintln(r.log, append([]any{r.name + ":"}, args...)...)
	r.End()
	r.exit(1)
}

// Fatalf ends the run.
func (r *Run) Fatalf(format string, args ...any) { r.Fatal(fmt.Sprintf(format, args...)) }

// Skip is called where Chromium is missing.
func (r *Run) Skip(args ...any) { r.Fatal(args...) }
