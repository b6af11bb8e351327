// Package why finds out why a service is not well: what is wrong, since when,
// what caused it, and what can safely be done about it.
//
// It works in three steps that know nothing of each other's insides:
//
//   - Gather asks the sources, side by side and each within its own time, and
//     writes what they say into Facts: plain data that can be kept as a file.
//   - Detectors, one file each, are functions from the facts to candidate
//     causes, each with its confidence and its evidence.
//   - The ranking (rank.go) decides which candidate explains which other, so
//     that a cause comes before what is only its symptom.
//
// What did not answer in time is said in the report and lowers the confidence;
// it never holds up the answer.
package why

import (
	"context"
	"slices"
	"time"
)

// Kind is a kind of cause. The names are stable: programs read them.
type Kind string

// The kinds, the specific before the general.
const (
	CertificateExpired Kind = "certificate_expired"
	BreakerForcedOpen  Kind = "breaker_forced_open"
	DependencyDown     Kind = "dependency_down"
	DependencySlow     Kind = "dependency_slow"
	SchemaDrift        Kind = "schema_drift"
	BadVersion         Kind = "bad_version"
	Overload           Kind = "overload"
	InstanceDown       Kind = "instance_down"
	FailingInstance    Kind = "failing_instance"
	SlowInstance       Kind = "slow_instance"
	BreakerFlapping    Kind = "breaker_flapping"
	ServiceDown        Kind = "service_down"
	SlowService        Kind = "slow_service"
	FailingService     Kind = "failing_service"
	BreakerOpen        Kind = "breaker_open"
)

// Evidence is one observation that speaks for a cause, and how to see it.
type Evidence struct {
	Text    string `json:"text"`
	Source  string `json:"source"`  // who said it: "prometheus http://...", empty where it is derived
	Query   string `json:"query"`   // what the source was asked
	Command string `json:"command"` // the gctl command that shows it
}

// Action is something that can be done about a cause.
type Action struct {
	Text       string `json:"text"`
	Command    string `json:"command"` // empty: gctl cannot do it
	Reversible bool   `json:"reversible"`
}

// Cause is a candidate for what is behind the trouble.
type Cause struct {
	Kind        Kind       `json:"kind"`
	Service     string     `json:"service"`        // where the trouble is; of a dependency that is no service of the catalog, who calls it
	Instances   []string   `json:"instances"`      // IDs; empty: the service as a whole
	Subject     string     `json:"subject"`        // the version, the breaker, the dependency, the methods: what exactly
	Summary     string     `json:"summary"`        // one line
	Confidence  float64    `json:"confidence"`     // 0 to 1
	Since       time.Time  `json:"since,omitzero"` // zero: not known
	ExplainedBy string     `json:"explained_by"`   // summary of the cause that explains this one, empty if none does
	Evidence    []Evidence `json:"evidence"`
	Actions     []Action   `json:"-"`

	weight float64 // confidence, less where another cause explains this one
}

// Symptom is something unusual that a user of the service notices.
type Symptom struct {
	Service  string    `json:"service"`
	Instance string    `json:"instance"` // empty: all of it
	Text     string    `json:"text"`
	Since    time.Time `json:"since,omitzero"` // zero: not known
	Evidence Evidence  `json:"evidence"`
}

// Change is something that changed before the trouble began, or in its midst.
type Change struct {
	At      time.Time `json:"at"`
	Text    string    `json:"text"`
	Command string    `json:"command"`
}

// WorstTrace is the worst of the traces looked at, and its guilty span.
type WorstTrace struct {
	ID       string    `json:"id"`
	Root     string    `json:"root"`
	Start    time.Time `json:"start"`
	Duration Num       `json:"duration_s"`
	Span     string    `json:"span"`   // "user-3 SELECT users"
	SpanSelf Num       `json:"span_s"` // seconds spent in that span itself
	Error    string    `json:"error"`  // of that span
	Command  string    `json:"command"`
}

// Report is the answer.
type Report struct {
	Service  string       `json:"service"`
	At       time.Time    `json:"at"`
	Healthy  bool         `json:"healthy"` // nothing is wrong, as far as was looked
	Since    time.Time    `json:"since,omitzero"`
	Symptoms []Symptom    `json:"symptoms"`
	Causes   []Cause      `json:"causes"`  // likeliest first
	Noticed  []Cause      `json:"noticed"` // too little to call it a cause
	Changes  []Change     `json:"changes"` // newest first
	Trace    *WorstTrace  `json:"worst_trace"`
	Actions  []Action     `json:"actions"` // the most reversible first
	Sources  []SourceFact `json:"sources"`
	Took     Num          `json:"took_s"`
}

// Undecided tells that nothing was found, and that this says little: of those who
// know how calls go somebody should have answered, and nobody did.
func (r *Report) Undecided() bool {
	silent := false
	for _, s := range r.Sources {
		if s.Name != "metrics" && s.Name != "since start" && s.Name != "probe" {
			continue
		}
		switch s.State {
		case Answered, Partly:
			return false
		case Late, Failed:
			silent = true
		case Absent, NoMemory:
		}
	}
	return silent && len(r.Causes) == 0
}

// Enough is the confidence from which a candidate counts as a cause.
const Enough = 0.5

// Options say what is asked.
type Options struct {
	Service string
	At      time.Time // zero: now
	Now     func() time.Time
	Budget  Budget // the usual one if zero; another is kept to: nobody is asked again
	// Again is told that it is asked once more, for so long at most; nil for nothing.
	Again func(whole time.Duration)
}

// patient is how long is waited where the usual time said nothing: a machine or a
// line may be slow without anything being wrong.
var patient = Budget{Each: 4 * time.Second, Whole: 5 * time.Second}

// unheard tells that nothing was found wrong, and that of those who count calls
// nobody was heard, since one was too slow.
func (r *Report) unheard() bool {
	return r.Undecided() && slices.ContainsFunc(r.Sources, func(s SourceFact) bool {
		return s.State == Late && (s.Name == srcMetrics || s.Name == srcLifetime || s.Name == srcCalls)
	})
}

// Run asks the sources and judges what they say; where nothing was found and of
// those who count calls nobody was heard in time, once more and with more patience. It fails only where
// nothing at all could be asked, or the catalog does not know the service.
func Run(ctx context.Context, s *Sources, o Options) (*Report, *Facts, error) {
	started := time.Now()
	facts, err := Gather(ctx, s, o)
	if err != nil {
		return nil, facts, err
	}
	report := Analyse(facts)
	if report.unheard() && o.Budget == (Budget{}) && ctx.Err() == nil {
		if o.Again != nil {
			o.Again(patient.Whole)
		}
		o.Budget = patient
		if more, err := Gather(ctx, s, o); err == nil { // else the first answer is the better one
			facts, report = more, Analyse(more)
		}
	}
	report.Took = Num(time.Since(started).Seconds())
	return report, facts, nil
}
