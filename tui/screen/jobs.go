package screen

import (
	"context"

	tea "charm.land/bubbletea/v2"
)

// Jobs runs what a screen has to wait for: one job of a kind at a time. A newer one
// ends the older; the answer of the older is dropped.
type Jobs struct {
	Parent context.Context //nolint:containedctx // the life of the dashboard, which the screen is a part of
	Owner  int             // number of the screen

	running map[string]job
	count   uint64
}

type job struct {
	number uint64
	cancel context.CancelFunc
}

// Answer is what a job has come to.
type Answer struct {
	Owner  int
	Kind   string
	Number uint64
	Msg    tea.Msg
}

// Start returns the command that does a job.
func (j *Jobs) Start(kind string, do func(ctx context.Context) tea.Msg) tea.Cmd {
	j.Stop(kind)
	ctx, cancel := context.WithCancel(j.Parent)
	j.count++
	number, owner := j.count, j.Owner
	if j.running == nil {
		j.running = map[string]job{}
	}
	j.running[kind] = job{number, cancel}
	return func() tea.Msg { return Answer{owner, kind, number, do(ctx)} }
}

// Accept returns what a job has come to, false if it is not wanted any more.
func (j *Jobs) Accept(a Answer) (tea.Msg, bool) {
	run, ok := j.running[a.Kind]
	if !ok || run.number != a.Number {
		return nil, false
	}
	run.cancel()
	delete(j.running, a.Kind)
	return a.Msg, true
}

// Busy tells whether a job of the kind is under way.
func (j *Jobs) Busy(kind string) bool {
	_, ok := j.running[kind]
	return ok
}

// Stop ends a job.
func (j *Jobs) Stop(kind string) {
	if run, ok := j.running[kind]; ok {
		run.cancel()
		delete(j.running, kind)
	}
}

// Close ends all jobs.
func (j *Jobs) Close() {
	for kind := range j.running {
		j.Stop(kind)
	}
}

// Any tells whether any job is under way.
func (j *Jobs) Any() bool { return len(j.running) > 0 }
