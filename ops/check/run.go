package check

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// Reply is how a call was answered.
type Reply struct {
	Instance string // ID of the instance that answered, or was asked
	Code     string // "OK", "NOT_FOUND", ...
	Message  string // of the status
	Latency  time.Duration
	Messages []json.RawMessage
	Command  string // the gctl command that does the same
}

// Sources are what the checks ask. Each may be nil, and fail on its own; what it
// would have told is undecided then.
type Sources struct {
	Instances func(ctx context.Context, service string) (fleet.InstanceList, error)
	Health    func(ctx context.Context, instances []fleet.Instance, name string) []fleet.Health
	Call      func(ctx context.Context, about *Subject) (Reply, error)
	Trace     func(ctx context.Context, about *Subject) (Reply, fleet.Trace, error)
	Metrics   func(ctx context.Context, about *Subject) (fleet.REDList, error)
	Breakers  func(ctx context.Context, caller, target string) (fleet.BreakerList, error)
	SLO       func(ctx context.Context, service string) (fleet.SLO, error)
	Query     func(ctx context.Context, promql string) (fleet.QueryResult, error)
}

// Outcome is how a check, or one expectation of it, ended.
type Outcome string

// The outcomes, from bad to good. Undecided: it could not be found out.
const (
	Failed    Outcome = "failed"
	Undecided Outcome = "undecided"
	Passed    Outcome = "passed"
)

// Finding is one expectation held against what was found.
type Finding struct {
	Outcome  Outcome
	Wanted   string // "p99 < 300ms"
	Got      string // "1.2s", or why it is not known
	Where    string // the instance, the breaker, ...: what it is about
	Evidence string // the query or the command that shows it
}

// Result is how a check ended.
type Result struct {
	Check    *Check
	Outcome  Outcome
	Findings []Finding
	Started  time.Time
	Took     time.Duration // of all attempts
	Attempts int
}

// Options say how checks are run.
type Options struct {
	RetryFor time.Duration // try again what did not pass, for so long
	Now      func() time.Time
	Done     func(*Result) // told of each check as it ends, one at a time; may be nil
}

// atOnce bounds how many checks run side by side.
const atOnce = 8

// firstPause is between the first two attempts at a check; it doubles up to
// lastPause.
const (
	firstPause = 500 * time.Millisecond
	lastPause  = 5 * time.Second
)

// Run runs the checks side by side and returns their results in the order of the
// file. When ctx ends, what is not decided is undecided.
func Run(ctx context.Context, file *File, sources Sources, o Options) []Result {
	results := make([]Result, len(file.Checks))
	slots := make(chan struct{}, atOnce)
	var told sync.Mutex
	var group sync.WaitGroup
	for i := range file.Checks {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			results[i] = runOne(ctx, &file.Checks[i], &sources, o)
			redact(file, &results[i])
			if o.Done != nil {
				told.Lock()
				defer told.Unlock()
				o.Done(&results[i])
			}
		})
	}
	group.Wait()
	return results
}

func redact(file *File, r *Result) {
	for i := range r.Findings {
		f := &r.Findings[i]
		f.Wanted, f.Got, f.Where, f.Evidence = file.Redact(f.Wanted), file.Redact(f.Got), file.Redact(f.Where), file.Redact(f.Evidence)
	}
}

// runOne tries a check until it passes or its time is over.
func runOne(ctx context.Context, c *Check, s *Sources, o Options) Result {
	r := Result{Check: c, Started: o.Now()}
	last := r.Started.Add(o.RetryFor)
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		findings := judge(ctx, c, s)
		r.Attempts++
		if ctx.Err() != nil {
			notDecided(findings, context.Cause(ctx))
		}
		if len(r.Findings) == 0 || ctx.Err() == nil { // an attempt that was cut off says less than the one before
			r.Findings, r.Outcome = findings, worst(findings)
		}
		r.Took = o.Now().Sub(r.Started)
		if r.Outcome == Passed || !o.Now().Add(pause).Before(last) || !wait(ctx, pause) {
			return r
		}
	}
}

// notDecided takes back what was held against somebody while the time to ask ran
// out: an answer that was cut off says nothing of him.
func notDecided(findings []Finding, cause error) {
	for i := range findings {
		if f := &findings[i]; f.Outcome == Failed {
			f.Outcome, f.Got = Undecided, cause.Error()+": "+f.Got
		}
	}
}

func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// worst is the outcome of a check with these findings.
func worst(findings []Finding) Outcome {
	out := Passed
	for _, f := range findings {
		if f.Outcome == Failed {
			return Failed
		}
		if f.Outcome == Undecided {
			out = Undecided
		}
	}
	return out
}

// Worst returns the results worst first, each kind in the order of the file.
func Worst(results []Result) []Result {
	rank := map[Outcome]int{Failed: 0, Undecided: 1, Passed: 2}
	out := slices.Clone(results)
	slices.SortStableFunc(out, func(a, b Result) int { return rank[a.Outcome] - rank[b.Outcome] })
	return out
}

// Count returns how many results have the outcome.
func Count(results []Result, o Outcome) int {
	n := 0
	for i := range results {
		if results[i].Outcome == o {
			n++
		}
	}
	return n
}

func judge(ctx context.Context, c *Check, s *Sources) []Finding {
	switch c.Kind {
	case Health:
		return judgeHealth(ctx, c, s)
	case Call:
		return judgeCall(ctx, c, s)
	case Metrics:
		return judgeMetrics(ctx, c, s)
	case Breakers:
		return judgeBreakers(ctx, c, s)
	case SLO:
		return judgeSLO(ctx, c, s)
	case PromQL:
		return judgeQuery(ctx, c, s)
	default:
		return judgeTrace(ctx, c, s)
	}
}

// undecided is the finding of a check that could not be asked.
func undecided(wanted, where string, err error) []Finding {
	got := err.Error()
	var fe *fleet.Error
	if errors.As(err, &fe) && fe.Hint != "" {
		got += " (" + fe.Hint + ")"
	}
	return []Finding{{Outcome: Undecided, Wanted: wanted, Got: got, Where: where}}
}

var errNoSource = errors.New("there is nothing to ask for it here")

// found makes a finding of what is known.
func found(holds bool, wanted, got, where, evidence string) Finding {
	f := Finding{Outcome: Failed, Wanted: wanted, Got: got, Where: where, Evidence: evidence}
	if holds {
		f.Outcome = Passed
	}
	return f
}

func joined(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
}
