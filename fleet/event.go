package fleet

import (
	"context"
	"time"
)

// EventKind is what changed.
type EventKind string

// The kinds of change.
const (
	InstanceCame   EventKind = "instance_added"
	InstanceWent   EventKind = "instance_removed"
	CatalogChanged EventKind = "catalog_changed" // the verdict
	HealthChanged  EventKind = "health_changed"
	BreakerChanged EventKind = "breaker_changed"
	VersionChanged EventKind = "version_changed"
	ProcessStarted EventKind = "process_started"
	ActionTaken    EventKind = "action"         // by an operator
	SourceChanged  EventKind = "source_changed" // a source failed or came back
)

// Event is something that changed, with its time.
type Event struct {
	At         time.Time
	Kind       EventKind
	Service    string
	Instance   string // ID, empty where it is about the service
	Subject    string // what exactly: the breaker's name, the health's name, the source
	From, To   string
	Exact      bool // At is when it happened, not just when it was noticed
	Provenance Provenance
}

// EventReader tells what happened in the past, as far as it knows.
type EventReader interface {
	// Events returns what changed from since to until, of one service or, if that
	// is empty, of all, sorted by time; and from when on it knows. A source that
	// knows nothing of the past fails with ErrNoHistory.
	Events(ctx context.Context, service string, since, until time.Time) (EventList, error)
}

// EventList is what an EventReader knows.
type EventList struct {
	Events  []Event
	From    time.Time // what was before is not known
	Gaps    []Gap     // in which nobody looked
	Missing []Missing
}

// Gap is a time of which nothing is known.
type Gap struct{ From, To time.Time }

// Dependency is a caller and a callee, and how the calls between them go.
type Dependency struct {
	Caller, Callee string // services of the catalog
	Method         string // empty: all
	RED            RED
	Provenance     Provenance
}

// SLO is how a service stands to its objective.
type SLO struct {
	Service    string
	Objective  float64 // share of calls that must succeed, 0 to 1
	Window     time.Duration
	BudgetLeft float64 // share of the error budget of the window that is left; negative: overspent; NaN: unknown
	BurnRate   float64 // 1 spends the budget in exactly the window; NaN: unknown
	BurnWindow time.Duration
	Unknown    []string
	Provenance Provenance
}
