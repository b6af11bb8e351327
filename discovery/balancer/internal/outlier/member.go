package outlier

import (
	"sync"
	"sync/atomic"
	"time"
)

// scanned is how many of the oldest calls in flight are looked at.
const scanned = 256

// The states of a member's trial: whether it may have a call.
const (
	trialNone int32 = iota
	trialFree
	trialTaken
)

// Member is one of those that are compared with each other.
type Member struct {
	name  string
	group *Group

	inFlight atomic.Int32
	penalty  atomic.Int32 // failures and refusals of late
	trial    atomic.Int32

	mu     sync.Mutex
	recent evidence // since the last judgement
	head   *Call    // calls in flight, the oldest first, without streams that only last
	tail   *Call
	linked int           // how many those are
	owed   time.Duration // since when an answer is owed that a caller did not wait for; 0 if none is
	gaveUp time.Duration // when the last such caller gave up
	streak int           // failures in a row
	since  time.Duration // when the streak began
	done   time.Duration // when the last call ended, answered or failed
	answer time.Duration // when the last call was answered
	good   int           // trial calls
	bad    string        // what was wrong with a trial call

	verdict // the Group's
}

// evidence counts calls by what they say.
type evidence struct {
	calls, failed float64 // answered or failed; failed
	timed, slow   float64 // of a method whose limit is known: answered, or given up beyond it; beyond it
}

func (e *evidence) decay(by float64) {
	e.calls, e.failed, e.timed, e.slow = e.calls*by, e.failed*by, e.timed*by, e.slow*by
}

func (e *evidence) add(o evidence) {
	e.calls, e.failed, e.timed, e.slow = e.calls+o.calls, e.failed+o.failed, e.timed+o.timed, e.slow+o.slow
}

// Name returns the name with which the member joined.
func (m *Member) Name() string { return m.name }

// InFlight returns the number of calls that have begun and not ended.
func (m *Member) InFlight() int { return int(m.inFlight.Load()) }

// Load is by what members are compared to give the next call to the less busy
// one: its calls in flight, and those it failed or refused a moment ago, since one
// that says no at once would look idle.
func (m *Member) Load() int32 { return m.inFlight.Load() + m.penalty.Load() }

// TakeTrial takes the right to send one call on trial, where there is one. Begin
// is told, or DropTrial gives it back.
func (m *Member) TakeTrial() bool {
	return m.trial.Load() == trialFree && m.trial.CompareAndSwap(trialFree, trialTaken)
}

// DropTrial gives back what TakeTrial took.
func (m *Member) DropTrial() { m.trial.CompareAndSwap(trialTaken, trialFree) }

// Call is one call to a member, from Begin to End.
type Call struct {
	member     *Member
	method     *Method
	start      time.Duration
	stream     bool // says nothing by how long it takes
	trial      bool
	linked     bool // it is in the member's list
	prev, next *Call
}

// Method returns the Method of a name.
func (g *Group) Method(name string) *Method { return g.methods.get(name) }

// Begin notes that a call begins. A stream is judged by its end, not by how long
// it takes. With trial the call is the one of TakeTrial.
func (m *Member) Begin(c *Call, method *Method, now time.Duration, stream, trial bool) {
	c.member, c.method, c.start, c.stream, c.trial = m, method, now, stream, trial
	m.inFlight.Add(1)
	if c.stream && !c.trial {
		return
	}
	m.mu.Lock()
	if c.linked, c.prev = true, m.tail; c.prev != nil {
		c.prev.next = c
	} else {
		m.head = c
	}
	m.tail = c
	m.linked++
	m.mu.Unlock()
}

// Age returns how long ago the call began.
func (c *Call) Age(now time.Duration) time.Duration { return now - c.start }

// Usual returns the median latency of the call's method; 0 if it is not known.
func (c *Call) Usual() time.Duration {
	if c.method == nil {
		return 0
	}
	return time.Duration(c.method.median.Load())
}

// End notes that a call ended, and tells whether a judgement should not wait for
// its regular time.
func (c *Call) End(now time.Duration, o Outcome) (urgent bool) {
	m := c.member
	m.inFlight.Add(-1)
	if o.failed() || o == Refused {
		m.penalty.Add(1)
	}
	timed, slow := c.pace(now, o)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.unlink(c)
	if c.start < m.back {
		return false // it belongs to what is forgotten
	}
	if o != Answered && o != Refused {
		m.owe(c, now)
	}
	switch o {
	case Answered:
		m.recent.calls++
		m.streak, m.done, m.answer, m.owed = 0, now, now, 0
	case Failed, Expired:
		m.recent.calls++
		m.recent.failed++
		if m.streak++; m.streak == 1 {
			m.since = now
		}
		m.done = now
		urgent = m.streak%m.group.cfg.Load().Consecutive == 0
	case Neutral, Abandoned, Refused:
	}
	if timed {
		m.recent.timed++
	}
	if slow {
		m.recent.slow++
	}
	if c.trial {
		urgent = m.tried(o, slow) || urgent
	}
	return urgent
}

// pace tells whether the end of a call says how fast the member is, and whether it
// is slow. A call that was given up would have taken longer still: beyond the limit
// it is as slow as one that was answered then, and it is above the median too; below
// the limit nobody knows.
func (c *Call) pace(now time.Duration, o Outcome) (timed, slow bool) {
	age := c.Age(now)
	slow = c.method.slow(age)
	givenUp := o == Expired || o == Abandoned
	if c.stream || o != Answered && (!givenUp || !slow) {
		return false, false
	}
	c.method.observe(age)
	return c.method.known(), slow
}

// mute tells since when the call waits for the member to say anything, if that is
// too long: the calls that hang and the last that was answered overlap.
func (c *Call) mute(now time.Duration) (since time.Duration, mute bool) {
	since = max(c.start, c.member.answer)
	if c.stream {
		return since, false
	}
	return since, c.method.slow(now-since) || !c.method.known() && now-since > patience
}

// owe remembers a call that hung until its caller gave up: with short deadlines
// there may be none in flight when it is found out that the member is not alive.
func (m *Member) owe(c *Call, now time.Duration) {
	since, mute := c.mute(now)
	if !mute {
		return
	}
	if m.owed == 0 {
		m.owed = since
	}
	m.gaveUp = now
}

// tried takes in the end of a trial call. The next one may follow, unless there
// is something to decide, which is urgent.
func (m *Member) tried(o Outcome, slow bool) (urgent bool) {
	switch {
	case o.failed():
		m.bad = "a trial call failed"
	case slow:
		m.bad = "a trial call was slow"
	case o == Answered:
		m.good++
	}
	if m.bad != "" || m.good >= m.group.cfg.Load().TrialCalls {
		return true
	}
	m.DropTrial()
	return false
}

func (m *Member) unlink(c *Call) {
	if !c.linked {
		return
	}
	c.linked = false
	m.linked--
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		m.head = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	} else {
		m.tail = c.prev
	}
	c.prev, c.next = nil, nil
}
