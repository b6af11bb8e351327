package main

import (
	"context"
	"fmt"
	"io"
	"testing"
)

// run stands in for the test that terminals and browsers belong to.
type run struct {
	testing.TB // what is not below is not used

	ctx      context.Context //nolint:containedctx // as a test's
	cancel   context.CancelFunc
	log      io.Writer
	exit     func(int)
	failed   bool
	cleanups []func()
}

func newRun(log io.Writer, exit func(int)) *run {
	ctx, cancel := context.WithCancel(context.Background())
	return &run{ctx: ctx, cancel: cancel, log: log, exit: exit}
}

func (r *run) Helper()                  {}
func (r *run) Logf(string, ...any)      {} // a failure shows the screen already
func (r *run) Failed() bool             { return r.failed }
func (r *run) Context() context.Context { return r.ctx }
func (r *run) Cleanup(f func())         { r.cleanups = append(r.cleanups, f) }

// end undoes what was set up, the last first.
func (r *run) end() {
	r.cancel()
	for len(r.cleanups) > 0 {
		last := len(r.cleanups) - 1
		cleanup := r.cleanups[last]
		r.cleanups = r.cleanups[:last]
		cleanup()
	}
}

// Fatal ends the run.
func (r *run) Fatal(args ...any) {
	r.failed = true
	fmt.Fprintln(r.log, append([]any{"shot:"}, args...)...)
	r.end()
	r.exit(1)
}

// Fatalf ends the run.
func (r *run) Fatalf(format string, args ...any) { r.Fatal(fmt.Sprintf(format, args...)) }

// Skip is called where Chromium is missing.
func (r *run) Skip(args ...any) { r.Fatal(args...) }
