package fleet

import (
	"context"
	"time"
)

// Source is a place that facts come from, with its own schedule. A Store runs
// each of its sources in a goroutine of its own, so that one that hangs or fails
// costs its own facts only. Poll, Watch or both are set; both must return soon after
// ctx ends. Where both are, the rounds say how the source stands, and the watch,
// which begins after the first of them, tells what changes in between.
type Source struct {
	Name string // unique in a Store, one word: "catalog", "health", "prometheus"

	// Follows names the source whose first answer this one waits for: one that
	// asks instances follows the catalog. Empty: none.
	Follows string
	// Interval is the time from the start of one round to that of the next;
	// 10 s if 0. A watch alone has none.
	Interval time.Duration
	// Timeout bounds a round, and how long a watch may take until it says
	// something for the first time; 10 s if 0.
	Timeout time.Duration
	// StaleAfter is how long after its last answer a source is overdue. If 0, a
	// poll has three intervals, and a watch, which is silent while nothing
	// changes, is never overdue.
	StaleAfter time.Duration

	// Poll is one round: one question, one set of facts. It is given what is
	// known so far, for sources that ask the instances which others found.
	Poll func(ctx context.Context, known *Snapshot) (Facts, error)
	// Watch says facts as they change, until ctx ends or it cannot go on; then
	// it is begun again after a pause. Only an error that ends it is returned;
	// one that it lives through goes to feed.Fail.
	Watch func(ctx context.Context, feed *Feed) error
}

// Facts is what a source says in one go. The store keeps it: the source must not
// change it later.
//
// Facts are about a service: an instance, its health and its breakers about the
// service of the instance, a dependency about the caller. Those without a
// service, and instances without an ID, are dropped and counted.
type Facts struct {
	// Services need be told only where they may have no instances; all else
	// follows from the instances.
	Services     []Service
	Instances    []Instance
	Provenance   Provenance // of Services and Instances
	Health       []Health
	Breakers     []Breaker
	REDs         []RED
	Dependencies []Dependency
	SLOs         []SLO
	Events       []Event // that the source knows itself; those told before are ignored

	// Partial says that there is more: what the source said before stays, unless
	// it is about one of the services of Of, of which this is everything.
	// Otherwise this is all that the source knows, and what it said before and
	// does not say now is gone.
	Partial bool
	Of      []string
	Gone    []Gone // facts that the source said before and that are gone

	// settle has a last look at what a round has found, while no watch of the source
	// can speak.
	settle func(*Facts)
	turn   *turn // nil unless the source asks instances in turn

	Missing []Missing // what could not be found out; replaces what was missing before, unless Partial
	Notes   []string  // what to know about the answer, such as that results are hidden; as Missing
}

// empty tells whether nothing is said but that the source answers.
func (f *Facts) empty() bool {
	return f.Partial && len(f.Of)+len(f.Gone)+len(f.Services)+len(f.Instances)+len(f.Health)+len(f.Breakers)+len(f.REDs)+len(f.Dependencies)+len(f.SLOs) == 0
}

// Hidden is the note that a catalog left out what the caller may not see.
const Hidden = "the catalog hides results that the token may not read"

// SourceStatus says whether the facts of a source can be relied on.
type SourceStatus string

// The states of a source.
const (
	SourceStarting SourceStatus = "starting" // it has not answered yet
	SourceFresh    SourceStatus = "fresh"    // it answers
	SourceStale    SourceStatus = "stale"    // its answer is overdue; the facts are those of At
	SourceFailing  SourceStatus = "failing"  // it failed: Err; the facts are those of At
)

// SourceState is how a source stands.
type SourceState struct {
	Name     string
	Status   SourceStatus
	Since    time.Time // when that status began
	At       time.Time // of the last answer; zero if there was none
	Turn     time.Time // of a source that asks instances in turn: since then all were asked; zero of others
	Err      error     // why it fails, nil in any other status
	Failures int       // in a row
	Dropped  int       // facts that nobody could use, in all
	Missing  []Missing
	Notes    []string
}

// same tells whether two states are the same but for the times of the last answers, and
// for how much was of no use in them.
func (s *SourceState) same(o *SourceState) bool {
	return s.Name == o.Name && s.Status == o.Status && s.Since.Equal(o.Since) && errText(s.Err) == errText(o.Err) &&
		sameMissing(s.Missing, o.Missing) && sameStrings(s.Notes, o.Notes)
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// Feed is what a watch tells its facts to. It is safe for concurrent use; what is
// said after Watch has returned is ignored.
type Feed struct {
	run *runner
	gen int
}

// Say passes on facts.
func (f *Feed) Say(facts Facts) { f.run.said(f.gen, facts) }

// Confirm says that the facts so far are still right.
func (f *Feed) Confirm() { f.run.said(f.gen, Facts{Partial: true}) }

// Fail says that the source cannot be asked at present. The watch goes on; what
// it says next ends the failure. Of a source that polls too the rounds say that.
func (f *Feed) Fail(err error) { f.run.failed(f.gen, err) }

// Known returns the latest snapshot.
func (f *Feed) Known() *Snapshot { return f.run.store.Snapshot() }

// Pace is how many times longer than usual intervals are at present: see Store.Slow.
func (f *Feed) Pace() int { return int(f.run.store.pace.Load()) }

// Wait is the store's Wait.
func (f *Feed) Wait(ctx context.Context, after uint64) (*Snapshot, error) {
	return f.run.store.Wait(ctx, after)
}
