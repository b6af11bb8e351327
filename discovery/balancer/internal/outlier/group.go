package outlier

import (
	"math"
	"slices"
	"sync/atomic"
	"time"
)

const (
	// patience is how long a call may take where nothing is known of its method,
	// before one asks whether the member is alive; and how long a trial call that
	// nothing can be said about occupies the trial.
	patience = time.Second
	// askAgain is the pause before a member is asked once more.
	askAgain = time.Second
	// remembered is how long a call that hung until its caller gave up is evidence.
	remembered = 10 * time.Second
	// hopeful members, ejected less often than this lately, are tried as soon as
	// they have a new connection: it may be a new process.
	hopeful = 3
)

// Group is a set of members and what is known about them.
type Group struct {
	cfg     atomic.Pointer[Config]
	methods methods
	members []*Member
	judged  time.Duration
	folded  time.Duration
}

// verdict is the Group's part of a Member.
type verdict struct {
	ready     bool
	state     State
	reason    Reason
	until     time.Duration
	ejections int
	calm      time.Duration // since when no ejection was added or forgiven
	back      time.Duration // when it was last put into rotation: older calls do not count

	past    evidence
	overdue int           // calls in flight that are slow already
	waiting bool          // a call is in flight, other than streams
	mute    time.Duration // since when it has owed an answer for too long; 0 if it has not
	asked   time.Duration // when it was last asked whether it is alive
	asking  bool
	hung    bool // it was asked and did not answer; until the next judgement
}

// NewGroup returns an empty group.
func NewGroup(cfg Config) *Group {
	g := &Group{}
	g.Configure(cfg)
	return g
}

// Configure changes how the group judges from now on.
func (g *Group) Configure(cfg Config) { g.cfg.Store(&cfg) }

// Join adds a member, which is not ready yet.
func (g *Group) Join(name string, now time.Duration) *Member {
	m := &Member{name: name, group: g}
	m.calm, m.back = now, now
	g.members = append(g.members, m)
	return m
}

// Leave removes a member. Its calls in flight may still end.
func (g *Group) Leave(m *Member) {
	g.members = slices.DeleteFunc(g.members, func(o *Member) bool { return o == m })
}

// SetReady notes whether a member is connected. What was known about it is of the
// connection before; an ejection lasts, but may end early.
func (g *Group) SetReady(m *Member, ready bool, now time.Duration) {
	if m.ready == ready {
		return
	}
	m.ready = ready
	m.forget(now)
	switch {
	case !ready && m.state != InRotation:
		m.state = Ejected
	case ready && m.state == Ejected && m.ejections < hopeful:
		m.until = now
	}
}

// State returns where the member stands.
func (m *Member) State() State { return m.state }

// Ready tells what SetReady was told.
func (m *Member) Ready() bool { return m.ready }

// Busy tells whether there is anything that time may change: calls in flight,
// evidence that was not judged, members that owe an answer or are out of rotation.
func (g *Group) Busy() bool {
	return slices.ContainsFunc(g.members, func(m *Member) bool {
		return m.InFlight() > 0 || m.ready && m.state != InRotation || m.penalty.Load() > 0 || m.mute > 0
	})
}

// Judge compares the members and returns what was decided.
func (g *Group) Judge(now time.Duration) []Change {
	g.collect(now)
	changes := g.advance(now)
	j := g.jury()
	if j.allFail() || j.allSlow() {
		changes = append(changes, g.release(j, now)...)
	}
	changes = append(changes, g.eject(j, now)...)
	for _, m := range g.members {
		m.hung = false // that it did not answer counts while the others do, or not at all
	}
	g.forgive(now)
	g.keepBound(now)
	return changes
}

// collect takes in what happened since the last judgement.
func (g *Group) collect(now time.Duration) {
	cfg := g.cfg.Load()
	decay := math.Pow(0.5, float64(now-g.judged)/float64(cfg.Window))
	g.judged = now
	for _, m := range g.members {
		m.collect(decay, now)
	}
	if now-g.folded < cfg.Interval {
		return
	}
	decay = math.Pow(0.5, float64(now-g.folded)/float64(cfg.Window))
	g.folded = now
	g.methods.byName.Range(func(_, v any) bool {
		v.(*Method).fold(float32(decay), cfg) //nolint:forcetypeassert // nothing else is stored
		return true
	})
	for _, m := range g.members {
		m.penalty.Add(-(m.penalty.Load() + 1) / 2)
	}
}

func (m *Member) collect(decay float64, now time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.past.decay(decay)
	m.past.add(m.recent)
	m.recent = evidence{}
	if m.owed > 0 && now-m.gaveUp > remembered {
		m.owed = 0
	}
	m.overdue, m.mute, m.waiting = 0, m.owed, false
	n := 0
	for c := m.head; c != nil && n < scanned; c = c.next {
		n++
		m.inspect(c, now)
	}
	if m.overdue > 0 && n == scanned {
		m.overdue = m.overdue * m.linked / n
	}
}

// inspect looks at a call in flight.
func (m *Member) inspect(c *Call, now time.Duration) {
	age := c.Age(now)
	slow := !c.stream && c.method.slow(age)
	long := age > patience && (c.stream || !c.method.known())
	if c.trial {
		switch {
		case slow:
			m.bad = "a trial call takes too long"
		case long:
			m.good++
			c.trial = false
			m.DropTrial()
		}
	}
	if c.start < m.back || c.stream {
		return
	}
	m.waiting = true
	if slow {
		m.overdue++
	}
	if since, mute := c.mute(now); mute && m.mute == 0 {
		m.mute = since
	}
}

// forget drops the evidence: what follows is judged by itself.
func (m *Member) forget(now time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.recent, m.past, m.streak, m.good, m.bad = evidence{}, evidence{}, 0, 0, ""
	m.overdue, m.mute, m.owed, m.hung, m.back = 0, 0, 0, false, now
	m.trial.Store(trialNone)
}

// advance moves on those that are out.
func (g *Group) advance(now time.Duration) []Change {
	var changes []Change
	for _, m := range g.members {
		switch {
		case !m.ready:
		case m.state == Ejected && now >= m.until:
			m.state = Checking
		case m.state == OnTrial:
			m.mu.Lock()
			good, bad := m.good, m.bad
			m.mu.Unlock()
			if bad != "" {
				changes = append(changes, g.out(m, m.reason, bad, now))
			} else if good >= g.cfg.Load().TrialCalls {
				changes = append(changes, m.in("the trial calls were good", now))
			}
		}
	}
	return changes
}

// out ejects a member.
func (g *Group) out(m *Member, reason Reason, detail string, now time.Duration) Change {
	cfg := g.cfg.Load()
	m.forget(now)
	m.ejections++
	m.state, m.reason, m.calm = Ejected, reason, now
	m.until = now + min(time.Duration(m.ejections)*cfg.BaseEjection, cfg.MaxEjection)
	return Change{Member: m, State: Ejected, Reason: reason, Detail: detail, Until: m.until, Ejections: m.ejections}
}

// in puts a member back into rotation.
func (m *Member) in(detail string, now time.Duration) Change {
	m.forget(now)
	m.state, m.calm = InRotation, now
	return Change{Member: m, State: InRotation, Reason: m.reason, Detail: detail, Ejections: m.ejections}
}

// release puts all back who may be no worse than the others. One that hangs is
// worse than those that are slow.
func (g *Group) release(j jury, now time.Duration) []Change {
	var changes []Change
	for _, m := range g.members {
		switch {
		case !m.ready || m.state == InRotation:
		case m.reason == Hanging && !j.allFail() && !j.allHang():
		case m.reason == Hanging:
			m.until = min(m.until, now) // it is asked first
		default:
			changes = append(changes, m.in("the others are no better", now))
		}
	}
	return changes
}

// forgive lets one ejection after the other be forgotten.
func (g *Group) forgive(now time.Duration) {
	for _, m := range g.members {
		if m.state == InRotation && m.ejections > 0 && now-m.calm >= g.cfg.Load().MaxEjection {
			m.ejections--
			m.calm = now
		}
	}
}

// Suspects returns the members to be asked whether they are alive: those that have
// answered nothing for longer than a call in flight should take, and those whose
// ejection is over. Each is returned once until Asked tells the answer.
func (g *Group) Suspects(now time.Duration) []*Member {
	var list []*Member
	for _, m := range g.members {
		if !m.ready || m.asking || !m.suspect(now) {
			continue
		}
		m.asking = true
		list = append(list, m)
	}
	return list
}

func (m *Member) suspect(now time.Duration) bool {
	switch m.state {
	case Checking:
		return true
	case InRotation:
		return m.silent() && (m.asked == 0 || now-m.asked >= askAgain)
	default:
		return false
	}
}

// silent tells whether it was mute at the last judgement and still is.
func (m *Member) silent() bool {
	if m.mute == 0 {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.answer <= m.mute
}

// settle forgets calls that hung until their callers gave up: it was they.
func (m *Member) settle() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.owed = 0
}

// Asked takes the answer of a member: whether it is alive. For a member in
// rotation the next judgement decides.
func (g *Group) Asked(m *Member, alive bool, now time.Duration) []Change {
	m.asking = false
	m.asked = now
	switch {
	case m.state == InRotation:
		if m.hung = !alive && m.silent(); alive {
			m.settle()
		}
	case m.state != Checking:
	case !alive:
		return []Change{g.out(m, m.reason, "it does not answer a health check", now)}
	default:
		m.forget(now)
		m.state = OnTrial
		m.trial.Store(trialFree)
		return []Change{{Member: m, State: OnTrial, Reason: m.reason, Detail: "its time is over", Ejections: m.ejections}}
	}
	return nil
}

// Standing is what is known about a member.
type Standing struct {
	State                     State
	Reason                    Reason
	Until                     time.Duration
	Ejections                 int
	Calls, Failed, Slow, Late float64 // the evidence, weighted by age; Late is in flight
}

// Standing returns what is known about the member since the last judgement.
func (m *Member) Standing() Standing {
	return Standing{
		State: m.state, Reason: m.reason, Until: m.until, Ejections: m.ejections,
		Calls: m.past.calls, Failed: m.past.failed, Slow: m.past.slow, Late: float64(m.overdue),
	}
}
