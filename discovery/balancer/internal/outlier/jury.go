package outlier

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// jury is what the members in rotation have in common in one judgement.
type jury struct {
	members []*Member // ready and in rotation
	ready   int       // ready, in rotation or not
	fail    float64   // share of failed calls of the median member
	slow    float64   // the same of slow calls
	calls   float64   // how many calls fail is based on
	timed   float64   // how many calls slow is based on
	mute    int       // members that owe an answer
}

func (g *Group) jury() jury {
	var j jury
	var fail, slow []float64
	for _, m := range g.members {
		if !m.ready {
			continue
		}
		j.ready++
		if m.state != InRotation {
			continue
		}
		j.members = append(j.members, m)
		if m.mute > 0 {
			j.mute++
		}
		j.calls += m.past.calls + float64(m.overdue)
		if m.past.calls >= 0.5 {
			fail = append(fail, m.past.failed/m.past.calls)
		}
		bad, n := m.slowness()
		j.timed += n
		if n >= 0.5 {
			slow = append(slow, bad/n)
		}
	}
	j.fail, j.slow = median(fail), median(slow)
	return j
}

// median returns the upper one for those that lie above it: of the others there is
// then an even number. It is 0 of none.
func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	slices.Sort(v)
	return v[(len(v)-1)/2]
}

// slowness returns how many of how many calls are slow, those in flight included.
func (m *Member) slowness() (bad, n float64) {
	late := float64(m.overdue)
	return m.past.slow + late, m.past.timed + late
}

// allFail tells that to leave somebody alone helps nobody.
func (j *jury) allFail() bool {
	return j.calls >= minBad && j.fail >= 0.5
}

// allSlow tells that only one that hangs is worse than the others.
func (j *jury) allSlow() bool { return j.timed >= minBad && j.slow >= 0.5 }

// allHang tells that most others do not answer either at this moment.
func (j *jury) allHang() bool { return 2*j.mute > len(j.members) }

// charge is what speaks against a member.
type charge struct {
	member *Member
	reason Reason
	detail string
	weight float64
}

// eject takes out the worst, as many as may be.
func (g *Group) eject(j jury, now time.Duration) []Change {
	cfg := g.cfg.Load()
	room := cfg.mayBeOut(j.ready) - (j.ready - len(j.members))
	var charges []charge
	for _, m := range j.members {
		if c, ok := j.accuse(m, cfg); ok {
			charges = append(charges, c)
		}
	}
	slices.SortStableFunc(charges, func(a, b charge) int { return cmp.Compare(b.weight, a.weight) })
	var changes []Change
	for _, c := range charges[:max(0, min(room, len(charges)))] {
		changes = append(changes, g.out(c.member, c.reason, c.detail, now))
	}
	return changes
}

// mayBeOut is how many of n members may be out at once: never all.
func (cfg *Config) mayBeOut(n int) int { return min(int(cfg.MaxEjected*float64(n)), n-1) }

// accuse returns the gravest charge against a member, if there is one.
func (j *jury) accuse(m *Member, cfg *Config) (charge, bool) {
	if j.allFail() {
		return charge{}, false
	}
	if m.hung && m.silent() && j.others(m, func(o *Member) (counts, well bool) { return o.answeredSince(m.mute) }) {
		return charge{m, Hanging, "neither calls nor a health check are answered", 4}, true
	}
	if j.allSlow() {
		return charge{}, false
	}
	if n := m.inARow(); n >= surprising(j.fail, cfg.Consecutive) &&
		j.others(m, func(o *Member) (counts, well bool) { return o.wellSince(m.since) }) {
		return charge{m, Failures, fmt.Sprintf("%d failures in a row", n), 3}, true
	}
	if share := lower(m.past.failed, m.past.calls); m.past.failed >= minBad && share > j.fail+cfg.FailureMargin {
		return charge{m, Failures, m.compared("failed", m.past.failed, m.past.calls, j.fail), 1 + share}, true
	}
	bad, n := m.slowness()
	if share := lower(bad, n); bad >= minBad && share > j.slow+cfg.SlowMargin {
		return charge{m, Slow, m.compared("are slow", bad, n, j.slow), share}, true
	}
	return charge{}, false
}

func (m *Member) compared(what string, bad, n, base float64) string {
	return fmt.Sprintf("%.0f %% of its calls %s, %.0f %% elsewhere", 100*bad/n, what, 100*base)
}

// others tells whether more than half of the siblings that count are well.
func (j *jury) others(m *Member, ask func(*Member) (counts, well bool)) bool {
	all, good := 0, 0
	for _, o := range j.members {
		if o == m {
			continue
		}
		counts, well := ask(o)
		if counts {
			all++
		}
		if counts && well {
			good++
		}
	}
	return good*2 > all
}

// answeredSince tells whether a member that has had calls since a moment, or has
// some in flight, answered one since. Streams and idle members say nothing.
func (m *Member) answeredSince(t time.Duration) (counts, well bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.waiting || m.done > t, m.answer > t
}

// wellSince tells whether a member that ended calls since a moment ended the last
// one well.
func (m *Member) wellSince(t time.Duration) (counts, well bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.done >= t && m.done > 0, m.streak == 0
}

func (m *Member) inARow() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.streak
}

// keepBound ends ejections early where members left and too many are out.
func (g *Group) keepBound(now time.Duration) {
	var out []*Member
	ready := 0
	for _, m := range g.members {
		if !m.ready {
			continue
		}
		ready++
		if m.state == Ejected {
			out = append(out, m)
		}
	}
	slices.SortFunc(out, func(a, b *Member) int { return cmp.Compare(a.until, b.until) })
	for i := range len(out) - max(0, g.cfg.Load().mayBeOut(ready)) {
		out[i].until = min(out[i].until, now)
	}
}
