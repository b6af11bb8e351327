package outlier_test

import (
	"container/heap"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/discovery/balancer/internal/outlier"
)

// usual is a configuration with easy numbers.
func usual() outlier.Config {
	return outlier.Config{
		Interval: 250 * time.Millisecond, Window: 2 * time.Second,
		Consecutive: 5, FailureMargin: 0.02, SlowMargin: 0.2, SlowFactor: 4, SlowFloor: 25 * time.Millisecond,
		MaxEjected: 0.5, BaseEjection: 5 * time.Second, MaxEjection: time.Minute, TrialCalls: 3,
	}
}

// server is how a member behaves: what becomes of its nth call.
type server func(n int) (latency time.Duration, o outlier.Outcome)

const never = time.Duration(-1)

func well(int) (time.Duration, outlier.Outcome)    { return 2 * time.Millisecond, outlier.Answered }
func failing(int) (time.Duration, outlier.Outcome) { return time.Millisecond, outlier.Failed }
func hanging(int) (time.Duration, outlier.Outcome) { return never, outlier.Neutral }
func refusing(int) (time.Duration, outlier.Outcome) {
	return time.Millisecond, outlier.Refused
}

// every makes each nth call what bad says, the others well.
func every(n int, bad server) server {
	return func(i int) (time.Duration, outlier.Outcome) {
		if i%n == 0 {
			return bad(i)
		}
		return well(i)
	}
}

func taking(d time.Duration) server {
	return func(int) (time.Duration, outlier.Outcome) { return d, outlier.Answered }
}

// member is one of the world's.
type member struct {
	*outlier.Member

	serve server
	dead  bool // answers no health check
	calls int
	gone  bool
}

// world is a group with calls that take place in no time.
type world struct {
	t       *testing.T
	group   *outlier.Group
	members []*member
	now     time.Duration
	judged  time.Duration
	next    int
	ends    ends
	probe   time.Duration // how long it takes to find out that a member is dead
	asked   []probe       // in the order of their ends
	log     []string
	method  string
	stream  bool
}

func newWorld(t *testing.T, cfg outlier.Config, servers ...server) *world {
	w := &world{t: t, group: outlier.NewGroup(cfg), method: "Get", now: time.Hour}
	w.judged = w.now
	for i, s := range servers {
		m := &member{Member: w.group.Join(fmt.Sprint("m", i), w.now), serve: s}
		w.group.SetReady(m.Member, true, w.now)
		w.members = append(w.members, m)
	}
	return w
}

// repeat returns n times s.
func repeat(n int, s server) []server {
	list := make([]server, n)
	for i := range list {
		list[i] = s
	}
	return list
}

// run makes so many calls a second for a while.
func (w *world) run(d time.Duration, rate int) {
	gap := time.Second / time.Duration(rate)
	for end := w.now + d; w.now < end; {
		w.call()
		w.pass(gap)
	}
}

// pass lets time pass, in steps of a millisecond at most.
func (w *world) pass(d time.Duration) {
	for end := w.now + d; w.now < end; {
		w.now = min(end, w.now+time.Millisecond)
		urgent := false
		for len(w.ends) > 0 && w.ends[0].at <= w.now {
			e := heap.Pop(&w.ends).(ending)
			urgent = e.call.End(e.at, e.outcome) || urgent
		}
		for len(w.asked) > 0 && w.asked[0].at <= w.now {
			s := w.asked[0].member
			w.asked = w.asked[1:]
			w.note(w.group.Asked(s.Member, false, w.now))
			urgent = true
		}
		if urgent || w.now-w.judged >= 250*time.Millisecond {
			w.judge()
		}
	}
}

func (w *world) judge() {
	w.judged = w.now
	w.note(w.group.Judge(w.now))
	for _, s := range w.group.Suspects(w.now) {
		if m := w.find(s); m.dead && w.probe > 0 {
			w.asked = append(w.asked, probe{w.now + w.probe, m})
		} else {
			w.note(w.group.Asked(s, !m.dead, w.now))
		}
	}
}

func (w *world) note(changes []outlier.Change) {
	for _, c := range changes {
		text := c.Member.Name() + " " + [...]string{"in", "out", "checked", "on trial"}[c.State]
		if c.State == outlier.Ejected {
			text += fmt.Sprintf(" %s for %s", c.Reason, c.Until-w.now)
		}
		if c.Detail == "" {
			w.t.Errorf("%s without a reason that people can read", text)
		}
		w.log = append(w.log, text)
	}
}

func (w *world) find(m *outlier.Member) *member {
	for _, o := range w.members {
		if o.Member == m {
			return o
		}
	}
	return nil
}

// call begins one call, in turns, trials first.
func (w *world) call() {
	for _, m := range w.members {
		if !m.gone && m.TakeTrial() {
			w.begin(m, true)
			return
		}
	}
	for range w.members {
		m := w.members[w.next%len(w.members)]
		w.next++
		if !m.gone && m.Ready() && m.State() == outlier.InRotation {
			w.begin(m, false)
			return
		}
	}
	w.t.Fatal("nobody is in rotation")
}

func (w *world) begin(m *member, trial bool) {
	c := &outlier.Call{}
	m.Begin(c, w.group.Method(w.method), w.now, w.stream, trial)
	latency, o := m.serve(m.calls)
	m.calls++
	if latency != never {
		heap.Push(&w.ends, ending{w.now + latency, c, o})
	}
}

// expect compares what was decided since the last time.
func (w *world) expect(want ...string) {
	w.t.Helper()
	if got := strings.Join(w.log, "; "); got != strings.Join(want, "; ") {
		w.t.Errorf("decided: %s\nwant:    %s", got, strings.Join(want, "; "))
	}
	w.log = nil
}

// probe is a health check that is not answered.
type probe struct {
	at     time.Duration
	member *member
}

type ending struct {
	at      time.Duration
	call    *outlier.Call
	outcome outlier.Outcome
}

// ends are the calls in flight, by their end.
type ends []ending

func (e *ends) Len() int           { return len(*e) }
func (e *ends) Less(i, j int) bool { return (*e)[i].at < (*e)[j].at }
func (e *ends) Swap(i, j int)      { (*e)[i], (*e)[j] = (*e)[j], (*e)[i] }
func (e *ends) Push(x any)         { *e = append(*e, x.(ending)) }
func (e *ends) Pop() any {
	old := *e
	last := old[len(old)-1]
	*e = old[:len(old)-1]
	return last
}
