package whytest

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// Time in the world.
const (
	tick  = 10 * time.Second
	ticks = 765 // two hours and seven minutes
)

// Fault is a kind of trouble; Healthy is none.
type Fault string

// The kinds.
const (
	Healthy         Fault = "healthy"
	SlowInstance    Fault = "slow instance"
	FailingInstance Fault = "failing instance"
	KilledInstance  Fault = "killed instance"
	AllSlow         Fault = "all instances slow"
	DatabaseSlow    Fault = "database slow"
	DatabaseAway    Fault = "database away"
	BadDeploy       Fault = "bad deploy"
	SchemaDrift     Fault = "schema drift"
	BreakerForced   Fault = "breaker forced open"
	BreakerFlaps    Fault = "breaker flapping"
	Overload        Fault = "overload"
	Expired         Fault = "expired certificate"
)

// Faults are all kinds of trouble.
func Faults() []Fault {
	return []Fault{
		SlowInstance, FailingInstance, KilledInstance, AllSlow, DatabaseSlow, DatabaseAway, BadDeploy, SchemaDrift,
		BreakerForced, BreakerFlaps, Overload, Expired,
	}
}

// The methods of the user service: their share of the calls, the median of their
// own time and of that in the database, in seconds, and whether they only read.
var methods = []struct {
	name    string
	share   float64
	own, db float64
	reads   bool
}{
	{"user.v1.UserService/GetUser", 0.58, 0.002, 0.003, true},
	{"user.v1.UserService/ListUsers", 0.22, 0.005, 0.010, true},
	{"user.v1.UserService/CreateUser", 0.10, 0.003, 0.007, false},
	{"user.v1.UserService/UpdateUser", 0.10, 0.003, 0.008, false},
}

// instance is one process.
type instance struct {
	fleet.Instance

	speed    float64 // factor on its own time
	started  time.Time
	schema   string
	certEnds time.Time
	gone     bool // not in the catalog (any more)
	health   fleet.HealthState
	why      string   // it is not serving
	served   [][]cell // by tick, then method, as it counts
	total    []cell   // by tick
	sent     [][]cell // of an edge: by tick, then instance of user
	hold     time.Duration
}

// gate is a breaker: one in each edge for reads and for writes.
type gate struct {
	edge     *instance
	name     string
	reads    bool
	state    fleet.BreakerState
	override fleet.Override
	since    time.Time
	trips    int64
	changes  []time.Time
	last     string

	calls, failed float64 // in this tick, of those let through
}

// call is one that was traced.
type call struct {
	id        string
	at        time.Time
	method    int
	edge      *instance
	user      *instance // nil: it got no further than the edge
	counted   bool      // the instance of user has a span of it
	overhead  float64
	own, db   float64
	took      float64 // at the edge
	code      int
	dbFailed  bool
	dbMessage string
}

// World is a world at one moment, Now.
type World struct {
	Fault Fault
	Seed  uint64
	Asked string // the service that why is asked about
	Now   time.Time

	r       *rand.Rand
	begin   time.Time
	bounds  []float64
	users   []*instance
	edges   []*instance
	gates   []*gate
	traced  []call
	events  []fleet.Event
	onset   time.Time
	p       params
	effect  effect
	past    pastSlow
	has     available
	quiet   map[string]float64 // busy-ness of instances, for the balancer
	limits  map[string]int64
	forced  []forcedBreaker
	lowered bool
	byID    map[string]*call
	mu      sync.Mutex
	asked   map[string]int
}

// params are what the world is like when nothing is broken.
type params struct {
	rate      float64 // calls a second
	swing     float64 // of the rate, over the two hours
	noise     float64 // background errors
	absent    float64 // share of NOT_FOUND
	deadline  float64 // of the edge, in seconds
	retries   bool
	leastBusy bool
	ejects    bool
	capacity  float64 // calls a second of an instance
	openFor   time.Duration
	tls       bool
	traced    float64 // share of the calls
	rounds    float64 // GC: probability of a bad tick of an instance
}

// available are the sources that can be asked.
type available struct {
	prometheus, scrape, traces, control, breakerMetrics, overrideKnown, events, certificates, schemas, calls, outside bool
}

type forcedBreaker struct {
	edge, name string
	at         time.Time
}

// New makes the world of a seed and lets it run until now.
func New(fault Fault, seed uint64) *World { return newWorld(fault, seed, false) }

// Complete makes a world of which everything can be asked, by way of user, and in
// which there is traffic enough.
func Complete(fault Fault, seed uint64) *World { return newWorld(fault, seed, true) }

func newWorld(fault Fault, seed uint64, complete bool) *World {
	w := &World{
		Fault: fault, Seed: seed, Now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		r: rand.New(rand.NewPCG(seed, uint64(len(fault))<<32|hash(string(fault)))), limits: map[string]int64{}, quiet: map[string]float64{}, byID: map[string]*call{}, asked: map[string]int{},
	}
	w.begin = w.Now.Add(-ticks * tick)
	w.build(complete)
	w.plan()
	for t := range ticks {
		w.step(t)
	}
	w.settle()
	return w
}

func hash(s string) uint64 {
	h := uint64(14695981039346656037)
	for _, b := range []byte(s) {
		h = (h ^ uint64(b)) * 1099511628211
	}
	return h >> 33
}

// build makes the services.
func (w *World) build(complete bool) {
	r := w.r
	w.p = params{
		rate: logBetween(r, 12, 500), swing: between(r, 0, 0.35), noise: between(r, 0, 0.001), absent: between(r, 0, 0.03),
		deadline: []float64{1, 2, 5}[r.IntN(3)], retries: r.Float64() < 0.6, leastBusy: r.Float64() < 0.5, ejects: r.Float64() < 0.3,
		openFor: time.Duration(10+r.IntN(3)*10) * time.Second, tls: r.Float64() < 0.5, rounds: between(r, 0, 0.02),
	}
	w.p.traced = min(logBetween(r, 0.01, 1), 40/(w.p.rate*tick.Seconds()))
	w.bounds = fine
	if r.Float64() < 0.4 {
		w.bounds = coarse
	}
	if w.Fault == Expired {
		w.p.tls = true
	}
	w.Asked = []string{"edge", "user"}[r.IntN(2)]
	w.has = available{
		prometheus: r.Float64() < 0.85, traces: r.Float64() < 0.87, control: r.Float64() < 0.8, overrideKnown: r.Float64() < 0.8,
		events: r.Float64() < 0.6, certificates: r.Float64() < 0.85, schemas: r.Float64() < 0.85, calls: r.Float64() < 0.8,
		outside: r.Float64() < 0.03,
	}
	if complete {
		w.p.rate, w.Asked = 200, "user"
		w.has = available{prometheus: true, traces: true, control: true, overrideKnown: true, events: true, certificates: true, schemas: true, calls: true}
	}
	w.has.scrape = !w.has.prometheus && r.Float64() < 0.8
	w.has.breakerMetrics = w.has.prometheus || w.has.scrape
	n, e := 4+r.IntN(4), 2+r.IntN(2)
	w.p.capacity = w.p.rate * (1 + w.p.swing) / float64(n) * between(r, 1.6, 3)
	for i := range n {
		w.users = append(w.users, w.instance("user", i, []string{"a", "b", "c"}[i%3]))
	}
	for i := range e {
		edge := w.instance("edge", i, []string{"a", "b", "c"}[i%3])
		edge.sent = make([][]cell, ticks)
		w.edges = append(w.edges, edge)
		for _, reads := range []bool{true, false} {
			name := "user/write"
			if reads {
				name = "user/read"
			}
			w.gates = append(w.gates, &gate{edge: edge, name: name, reads: reads, state: fleet.BreakerClosed, override: fleet.NotForced, since: w.begin})
		}
	}
}

func (w *World) instance(service string, i int, zone string) *instance {
	in := &instance{
		speed: lognormal(w.r, 1, 0.08), started: w.begin.Add(-time.Duration(between(w.r, 1, 200)) * time.Hour), schema: "5c3a77e1",
		health: fleet.Serving, served: make([][]cell, ticks), total: make([]cell, ticks),
	}
	in.Instance = fleet.Instance{
		ID: fmt.Sprintf("%s-%d", service, i+1), Service: service, Addr: fmt.Sprintf("10.0.%d.%d:9090", len(service), i+1),
		Version: "v1.4.0", Zone: zone, Catalog: fleet.Passing,
	}
	if w.p.tls {
		in.certEnds = w.Now.Add(time.Duration(between(w.r, 30, 2000)) * time.Hour)
	}
	return in
}

// dice are for an answer: the same for the same question, whoever asks first.
func (w *World) dice(about ...string) *rand.Rand {
	h := w.Seed
	for _, a := range about {
		h = h*31 + hash(a)
	}
	return rand.New(rand.NewPCG(h, hash(string(w.Fault))))
}

func (w *World) time(t int) time.Time { return w.begin.Add(time.Duration(t) * tick) }

func (w *World) event(at time.Time, kind fleet.EventKind, in *instance, from, to string) {
	w.events = append(w.events, fleet.Event{
		At: at, Kind: kind, Service: in.Service, Instance: in.ID, From: from, To: to, Provenance: fleet.Provenance{Source: "recording"},
	})
}

// Time is the clock of the world.
func (w *World) Time() time.Time { return w.Now }
