package why

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// ErrAbsent is what opening a source fails with where there is none: nothing is
// wrong, it is just not there to be asked.
var ErrAbsent = errors.New("there is none here")

// Open opens a source when it is first needed; a nil one is absent. It is called
// once in a run, within the time of the first question.
type Open[T any] func(ctx context.Context) (T, error)

// Sources are what the facts come from. Each may be absent, fail or hang on its
// own.
type Sources struct {
	Catalog      Open[fleet.Catalog]
	Health       Open[fleet.Prober]
	Metrics      Open[fleet.MetricsReader]
	Breakers     Open[fleet.BreakerReader]
	Traces       Open[fleet.TraceReader]
	Lifetime     Open[LifetimeReader]
	Dependencies Open[DependencyReader]
	Starts       Open[StartReader]
	Certificates Open[CertificateReader]
	Schemas      Open[SchemaReader]
	Control      Open[ControlReader]
	Calls        Open[CallProber]
	Events       Open[fleet.EventReader]
	Recording    Open[Recording]

	// Map is the context's: of a service of the catalog, source to its name there.
	Map map[string]map[string]string
}

// LifetimeReader tells how calls went since the processes started, on the
// server's side, by method and instance. A single scrape of /metrics says it.
type LifetimeReader interface {
	SinceStart(ctx context.Context, q fleet.REDQuery) (fleet.REDList, error)
}

// DependencyReader tells whom a service calls, and who calls it.
type DependencyReader interface {
	Dependencies(ctx context.Context, service string, at time.Time) ([]fleet.Dependency, error)
}

// StartReader tells when the processes of instances started, by ID: what
// process_start_time_seconds says. Those that it does not know are left out.
type StartReader interface {
	StartTimes(ctx context.Context, instances []fleet.Instance, at time.Time) (map[string]time.Time, error)
}

// CertificateReader tells when the certificate that an instance serves with ends;
// the zero time where it serves without.
type CertificateReader interface {
	CertificateEnds(ctx context.Context, in fleet.Instance) (time.Time, error)
}

// SchemaReader tells what an instance serves: a hash of its descriptors, which is
// the same for two instances exactly if they serve the same, and the methods, each
// as package.Service/Method.
type SchemaReader interface {
	Schema(ctx context.Context, in fleet.Instance) (hash string, methods []string, err error)
}

// ControlReader tells the limits of an instance and the changes that are in force
// in it. An instance without a control API is no error but nothing.
type ControlReader interface {
	Limits(ctx context.Context, in fleet.Instance) ([]LimitFact, error)
	InForce(ctx context.Context, in fleet.Instance) ([]ChangeFact, error)
}

// CallProber makes a small call of an instance that changes nothing there, a few
// times: a method that the schema declares to have no side effects. Where there
// is none it fails with fleet.ErrNotFound.
type CallProber interface {
	ProbeCall(ctx context.Context, in fleet.Instance) (ProbeFact, error)
}

// Moment is what a recording has of one moment.
type Moment struct {
	At           time.Time
	Instances    []fleet.Instance
	Health       []fleet.Health
	Breakers     []fleet.Breaker
	Dependencies []fleet.Dependency
	Provenance   fleet.Provenance
}

// Recording is a past that was kept: the last moment that is not after at.
type Recording interface {
	Moment(ctx context.Context, at time.Time) (Moment, error)
}

// opened is a source that is opened once.
type opened[T any] func(ctx context.Context) (T, error)

// once makes a source be opened by the first who asks; the others wait for that,
// each as long as its own question lasts.
func once[T any](open Open[T]) opened[T] {
	var (
		first sync.Once
		done  = make(chan struct{})
		value T
		err   error
	)
	return func(ctx context.Context) (T, error) {
		var none T
		if open == nil {
			return none, ErrAbsent
		}
		mine := false
		first.Do(func() { mine = true })
		if mine {
			value, err = open(ctx)
			close(done)
			return value, err
		}
		select {
		case <-done:
			return value, err
		case <-ctx.Done():
			return none, ctx.Err()
		}
	}
}

// sources are the sources of one run.
type sources struct {
	catalog      opened[fleet.Catalog]
	health       opened[fleet.Prober]
	metrics      opened[fleet.MetricsReader]
	breakers     opened[fleet.BreakerReader]
	traces       opened[fleet.TraceReader]
	lifetime     opened[LifetimeReader]
	dependencies opened[DependencyReader]
	starts       opened[StartReader]
	certificates opened[CertificateReader]
	schemas      opened[SchemaReader]
	control      opened[ControlReader]
	calls        opened[CallProber]
	events       opened[fleet.EventReader]
	recording    opened[Recording]
}

func (s *Sources) once() *sources {
	return &sources{
		catalog: once(s.Catalog), health: once(s.Health), metrics: once(s.Metrics), breakers: once(s.Breakers),
		traces: once(s.Traces), lifetime: once(s.Lifetime), dependencies: once(s.Dependencies), starts: once(s.Starts),
		certificates: once(s.Certificates), schemas: once(s.Schemas), control: once(s.Control), calls: once(s.Calls),
		events: once(s.Events), recording: once(s.Recording),
	}
}
