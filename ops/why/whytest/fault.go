package whytest

import (
	"slices"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// effect is what is broken: the truth, of which the sources show the results.
type effect struct {
	who        []*instance // concerned; all of them where it is about all
	from       time.Time
	own        float64 // factor on the own time of those
	add        float64 // seconds added to the own time
	share      float64 // of the calls that are met
	db         float64 // factor on the time in the database
	dbWrites   bool    // writes only
	dbAway     bool
	dbHangs    float64 // seconds until the database's absence is noticed
	fail       float64 // probability
	code       int
	failAfter  float64 // seconds until a failure
	dead       bool    // killed
	hangs      bool    // stopped, connections stay
	starved    bool    // health checks are slow too
	refuses    int     // method that those do not know, -1 for none
	refuseCode int
	refusal    float64 // share of the calls of that method
	traffic    float64 // factor on the rate
	limit      float64 // factor on the capacity that limits allow
	bursts     []burst
	blocked    bool // connections to those cannot be made
	deployed   bool // it came with what was deployed
}

type pastSlow struct {
	in       *instance
	from, to time.Time
	own      float64
}

type burst struct {
	from, to time.Time
	fail     float64
}

// plan decides what breaks, and what changes without harm.
func (w *World) plan() {
	r := w.r
	w.effect = effect{own: 1, db: 1, share: 1, traffic: 1, limit: 1, refuses: -1}
	w.onset = w.Now.Add(-time.Duration(logBetween(r, 90, 3600)) * time.Second)
	w.effect.from = w.onset
	benign := 0.3
	if w.Fault == Healthy {
		benign = 0.8
	}
	if r.Float64() < benign && w.Fault != BadDeploy && w.Fault != SchemaDrift {
		w.benign()
	}
	w.harm()
}

// benign is something that changes and breaks nothing.
func (w *World) benign() {
	r := w.r
	at := w.Now.Add(-time.Duration(logBetween(r, 60, 6000)) * time.Second)
	switch r.IntN(7) {
	case 0: // a restart
		w.restart(w.users[r.IntN(len(w.users))], at, "")
	case 1: // a good deploy, whole
		w.deploy(w.users, at, "v1.5.0")
	case 2: // a good deploy, as far as it has come, perhaps with another schema
		some := w.users[:1+r.IntN(len(w.users)-1)]
		w.deploy(some, at, "v1.5.0")
		if r.Float64() < 0.5 {
			for _, in := range some {
				in.schema = "90be12d4"
			}
		}
	case 3: // an operator keeps one instance out
		in := w.users[len(w.users)-1]
		if w.Fault == Healthy {
			in.Catalog, in.health, in.why = fleet.Maintenance, fleet.NotServing, ""
		}
	case 4: // trouble that is over: the database was slow for some minutes
		if w.Fault == Healthy {
			w.effect.bursts = append(w.effect.bursts, burst{w.Now.Add(-70 * time.Minute), w.Now.Add(-time.Duration(between(r, 55, 66)) * time.Minute), between(r, 0.1, 0.6)})
		}
	case 5: // one instance was slow for some minutes, an hour ago
		if w.Fault == Healthy {
			w.past = pastSlow{w.users[0], w.Now.Add(-75 * time.Minute), w.Now.Add(-time.Duration(between(r, 55, 66)) * time.Minute), logBetween(r, 5, 30)}
		}
	default: // one certificate ends soon
		if w.p.tls {
			w.users[0].certEnds = w.Now.Add(40 * time.Hour)
		}
	}
}

func (w *World) restart(in *instance, at time.Time, version string) {
	in.started = at
	w.event(at, fleet.ProcessStarted, in, "", "")
	if version != "" {
		w.event(at, fleet.VersionChanged, in, in.Version, version)
		in.Version = version
	}
}

// deploy rolls a version out, one instance after the other, ending at the time.
func (w *World) deploy(to []*instance, end time.Time, version string) time.Time {
	gap := time.Duration(between(w.r, 5, 45)) * time.Second
	first := end.Add(-gap * time.Duration(len(to)-1))
	for i, in := range to {
		w.restart(in, first.Add(gap*time.Duration(i)), version)
	}
	return first
}

// place picks the instances that one-instance faults are about.
func (w *World) place() []*instance {
	pool := w.users
	if w.Asked == "edge" && len(w.edges) > 2 && w.r.Float64() < 0.25 {
		pool = w.edges
	}
	return []*instance{pool[w.r.IntN(len(pool))]}
}

func (w *World) harm() {
	r, e := w.r, &w.effect
	failures := []int{unavailable, internal, unknownCode} // one that times out is slow, and counts as that
	switch w.Fault {
	case SlowInstance:
		e.who, e.own = w.place(), logBetween(r, 6, 100) // of its own time; the calls become 3 to 50 times as slow
		e.share = []float64{1, 1, 0.7}[r.IntN(3)]
	case FailingInstance:
		e.who, e.fail, e.code = w.place(), between(r, 0.2, 1), failures[r.IntN(3)]
		e.failAfter = []float64{0.001, 0.05, 0.9}[r.IntN(3)]
	case KilledInstance:
		e.who = w.place()
		e.dead = r.Float64() < 0.6
		e.hangs = !e.dead
		if r.Float64() < 0.25 {
			w.onset = w.Now.Add(-time.Duration(between(r, 15, 70)) * time.Second)
			e.from = w.onset
		}
	case AllSlow:
		e.who, e.own, e.starved = w.users, logBetween(r, 6, 60), r.Float64() < 0.5
	case DatabaseSlow:
		e.db, e.dbWrites = logBetween(r, 4, 60), r.Float64() < 0.15
	case DatabaseAway:
		e.dbAway, e.dbHangs = true, []float64{0.001, 0.5, 2}[r.IntN(3)]
	case BadDeploy:
		k := 1 + r.IntN(len(w.users))
		e.who = w.users[:k]
		e.from, e.deployed = w.deploy(e.who, w.onset, "v1.5.0"), true
		w.onset = e.from
		if r.Float64() < 0.5 {
			e.own = logBetween(r, 5, 40)
		} else {
			e.fail, e.code, e.failAfter = between(r, 0.06, 0.7), []int{internal, unknownCode}[r.IntN(2)], 0.003
		}
	case SchemaDrift:
		k := 1 + r.IntN(len(w.users)-1)
		e.who, e.refuses, e.refusal = w.users[:k], r.IntN(len(methods)), between(r, 0.5, 1)
		e.refuseCode = unimplemented
		if r.Float64() < 0.3 {
			e.refuseCode = invalid
		}
		version := "v1.5.0"
		if r.Float64() < 0.2 {
			version = ""
		}
		e.from, e.deployed = w.deploy(e.who, w.onset, version), true
		for _, in := range e.who {
			in.schema = "90be12d4"
		}
	case BreakerForced:
		w.force()
	case BreakerFlaps:
		w.onset = w.Now.Add(-time.Duration(between(r, 360, 3600)) * time.Second)
		e.from = w.onset
		for at := w.onset; at.Before(w.Now); {
			to := at.Add(time.Duration(between(r, 12, 30)) * time.Second)
			e.bursts = append(e.bursts, burst{at, to, between(r, 0.65, 0.98)})
			at = to.Add(w.p.openFor + time.Duration(between(r, 15, 50))*time.Second)
		}
	case Overload:
		if r.Float64() < 0.7 {
			e.traffic = between(r, 1.4, 3.2) * w.p.capacity * float64(len(w.users)) / w.p.rate
		} else {
			e.limit, w.lowered = between(r, 0.25, 0.85)*w.p.rate*(1-w.p.swing)/float64(len(w.users))/w.p.capacity, true
		}
	case Expired:
		w.expire()
	}
}

func (w *World) force() {
	r := w.r
	which := r.IntN(3)
	for _, g := range w.gates {
		if which == 2 || g.reads == (which == 0) {
			g.override = fleet.ForcedOpen
			w.forced = append(w.forced, forcedBreaker{g.edge.ID, g.name, w.onset})
		}
	}
}

func (w *World) expire() {
	e := &w.effect
	e.who, e.blocked = w.users, true
	if w.r.Float64() < 0.4 {
		e.who = []*instance{w.users[w.r.IntN(len(w.users))]}
	}
	for _, in := range e.who {
		in.certEnds = w.onset
	}
}

// meets tells whether the fault is about the instance at the time.
func (e *effect) meets(in *instance, at time.Time) bool {
	if at.Before(e.from) {
		return false
	}
	// What came with a version begins with its process.
	return slices.Contains(e.who, in) && (!e.deployed || !at.Before(in.started))
}
