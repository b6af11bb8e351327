package why

import (
	"encoding/json"
	"os"
	"slices"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// Facts is everything that the analysis reads: plain data, so that an incident
// can be kept as a file and be judged again. What is not known is NaN, empty or
// zero, and SourceFact says why.
type Facts struct {
	Service  string         `json:"service"` // the one asked about
	At       time.Time      `json:"at"`
	Past     bool           `json:"past"`     // At is not now: what knows the present only was not asked
	Services []*ServiceFact `json:"services"` // the one asked about, whom it calls, directly or not, and who calls it
	Calls    []EdgeFact     `json:"calls"`    // who calls whom
	Traces   []TraceFact    `json:"traces"`
	Events   []EventFact    `json:"events"`
	Sources  []SourceFact   `json:"sources"`
}

// Relation is what a service is to the one asked about.
type Relation string

// The relations.
const (
	Asked  Relation = "asked"
	Callee Relation = "callee" // of the service or of a callee of it
	Caller Relation = "caller"
)

// ServiceFact is what is known of one service.
type ServiceFact struct {
	Name       string         `json:"name"`
	Relation   Relation       `json:"relation"`
	Listed     bool           `json:"listed"` // the catalog was asked, and lists it
	Instances  []InstanceFact `json:"instances"`
	Served     []CallFact     `json:"served"`             // as its instances count, by method and instance, in the last minutes
	Brief      []CallFact     `json:"brief"`              // the same of the last seconds, where that tells as much
	BeforeAt   time.Time      `json:"before_at,omitzero"` // of Before
	Before     []CallFact     `json:"before"`             // the same as it was well before, where that is remembered
	SinceStart []CallFact     `json:"since_start"`        // the same since the processes started, where that is known
	Sent       []CallFact     `json:"sent"`               // to it, as its callers count, by caller and, where they know, instance
	Over       []RangeFact    `json:"over"`               // over time, as its instances count: as a whole and by instance
	SentOver   []RangeFact    `json:"sent_over"`          // over time, as its callers count
	Breakers   []BreakerFact  `json:"breakers"`           // in its instances, towards others
	Limits     []LimitFact    `json:"limits"`
}

// InstanceFact is what is known of one instance.
type InstanceFact struct {
	ID          string            `json:"id"`
	Addr        string            `json:"addr"`
	Version     string            `json:"version"`
	Zone        string            `json:"zone"`
	Catalog     fleet.Status      `json:"catalog"`
	Health      fleet.HealthState `json:"health"`
	HealthErr   string            `json:"health_error"`
	HealthTries int               `json:"health_tries"` // how often it was asked: again where no answer came
	HealthTook  Num               `json:"health_s"`     // seconds until the answer
	Started     time.Time         `json:"started,omitzero"`
	CertEnds    time.Time         `json:"certificate_ends,omitzero"`
	Schema      string            `json:"schema"`            // hash of what it serves, empty if not known
	Methods     []string          `json:"methods,omitempty"` // that it serves, where the schema is known
	Probe       *ProbeFact        `json:"probe"`
	InForce     []ChangeFact      `json:"in_force"`
}

// ProbeFact is how a small read-only call of an instance went.
type ProbeFact struct {
	Method  string `json:"method"`
	Code    string `json:"code"`    // of the last failure; DEADLINE_EXCEEDED is one that took too long for a probe
	Seconds Num    `json:"seconds"` // the median of the tries
	Tries   int    `json:"tries"`
	Failed  int    `json:"failed"`
}

// ChangeFact is an operator's change that is in force in an instance.
type ChangeFact struct {
	Resource string    `json:"resource"` // "fault/...", "limit/...", "breaker/...", "serving"
	Value    string    `json:"value"`
	Reason   string    `json:"reason"`
	Actor    string    `json:"actor"`
	At       time.Time `json:"at,omitzero"`
	Expires  time.Time `json:"expires,omitzero"`
}

// CallFact is fleet.RED as data.
type CallFact struct {
	Method   string         `json:"method"`
	Instance string         `json:"instance"`
	Caller   string         `json:"caller"`
	Rate     Num            `json:"rate"`
	Errors   Num            `json:"error_ratio"`
	Codes    map[string]Num `json:"codes"`
	P50      Num            `json:"p50_s"`
	P95      Num            `json:"p95_s"`
	P99      Num            `json:"p99_s"`
	Window   Num            `json:"window_s"`
	Source   string         `json:"source"`
	Query    string         `json:"query"`
}

// RangeFact is fleet.REDSeries as data.
type RangeFact struct {
	Instance string    `json:"instance"`
	Caller   string    `json:"caller"`
	Start    time.Time `json:"start"`
	Step     Num       `json:"step_s"`
	Rate     []Num     `json:"rate"`
	Errors   []Num     `json:"errors"`
	P99      []Num     `json:"p99_s"`
	Source   string    `json:"source"`
	Query    string    `json:"query"`
}

// BreakerFact is fleet.Breaker as data.
type BreakerFact struct {
	Caller    string             `json:"caller"` // ID of the instance
	Name      string             `json:"name"`
	Target    string             `json:"target"`
	State     fleet.BreakerState `json:"state"`
	Override  fleet.Override     `json:"override"`
	Flapping  bool               `json:"flapping"`
	Since     time.Time          `json:"since,omitzero"`
	Trips     int64              `json:"trips"`
	LastError string             `json:"last_error"`
	Source    string             `json:"source"`
	Query     string             `json:"query"`
}

// LimitFact is a limit of an instance on what it accepts.
type LimitFact struct {
	Instance string `json:"instance"`
	Name     string `json:"name"`
	Admitted int64  `json:"admitted"`
	Rejected int64  `json:"rejected"`
	Shadow   bool   `json:"shadow"` // what is rejected is let in all the same
	Source   string `json:"source"`
}

// EdgeFact says that one service calls another.
type EdgeFact struct {
	Caller string `json:"caller"`
	Callee string `json:"callee"`
	Source string `json:"source"`
}

// Sample says by which question a trace was found.
type Sample string

// The samples.
const (
	Recent  Sample = "recent"  // whatever came last
	Errors  Sample = "errors"  // the last ones with an error
	Slow    Sample = "slow"    // the longest of those that came last
	Earlier Sample = "earlier" // from before, to compare with
)

// TraceFact is one trace that was looked at.
type TraceFact struct {
	ID     string     `json:"id"`
	Root   string     `json:"root"`
	Start  time.Time  `json:"start"`
	Took   Num        `json:"duration_s"`
	Sample Sample     `json:"sample"`
	Spans  []SpanFact `json:"spans"`
	Source string     `json:"source"`
}

// SpanFact is one span.
type SpanFact struct {
	Service  string         `json:"service"` // of the catalog, where it could be joined
	Instance string         `json:"instance"`
	Name     string         `json:"name"`
	Kind     fleet.SpanKind `json:"kind"`
	Peer     string         `json:"peer"` // whom it called, where that is no service of the catalog: "postgresql"
	Took     Num            `json:"duration_s"`
	Self     Num            `json:"self_s"` // not covered by its children
	Depth    int            `json:"depth"`
	Error    bool           `json:"error"`
	Message  string         `json:"message"`
	Code     string         `json:"code"` // gRPC status, empty if not known
}

// EventFact is fleet.Event as data.
type EventFact struct {
	At       time.Time       `json:"at"`
	Kind     fleet.EventKind `json:"kind"`
	Service  string          `json:"service"`
	Instance string          `json:"instance"`
	Subject  string          `json:"subject"`
	From     string          `json:"from"`
	To       string          `json:"to"`
}

// SourceState is how asking a source went.
type SourceState string

// The states.
const (
	Answered SourceState = "answered"
	Partly   SourceState = "partly" // some of what it was asked
	Late     SourceState = "late"   // no answer in time
	Failed   SourceState = "failed"
	Absent   SourceState = "absent"    // there is none here
	NoMemory SourceState = "no_memory" // it knows the present only, and the past was asked for
)

// SourceFact says how asking a source went.
type SourceFact struct {
	Name  string      `json:"name"` // "catalog", "health", "metrics", "range", ...
	State SourceState `json:"state"`
	Error string      `json:"error"`
	Took  Num         `json:"took_s"` // until its last answer
}

// service returns what is known of a service, nil if nothing is.
func (f *Facts) service(name string) *ServiceFact {
	for _, s := range f.Services {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// instance returns what is known of an instance, nil if nothing is.
func (s *ServiceFact) instance(id string) *InstanceFact {
	for i := range s.Instances {
		if s.Instances[i].ID == id {
			return &s.Instances[i]
		}
	}
	return nil
}

// callees returns whom a service calls.
func (f *Facts) callees(name string) []string {
	var out []string
	for _, e := range f.Calls {
		if e.Caller == name {
			out = append(out, e.Callee)
		}
	}
	return out
}

// answered tells whether a source was asked and said something.
func (f *Facts) answered(source string) bool {
	for _, s := range f.Sources {
		if s.Name == source {
			return s.State == Answered || s.State == Partly
		}
	}
	return false
}

// Save writes the facts to a file that only its owner can read: they may hold
// names and errors of a system that nobody else should know.
func (f *Facts) Save(path string) error {
	raw, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(raw, '\n'), 0o600)
}

// LoadFacts reads what Save wrote.
func LoadFacts(raw []byte) (*Facts, error) {
	var f Facts
	if err := json.Unmarshal(raw, &f); err != nil {
		return nil, err
	}
	f.Services = slices.DeleteFunc(f.Services, func(s *ServiceFact) bool { return s == nil })
	return &f, nil
}
