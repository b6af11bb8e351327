package balancer

import (
	"context"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/endpointsharding"
	"google.golang.org/grpc/connectivity"

	"github.com/gctl-dev/gctl/discovery"
	"github.com/gctl-dev/gctl/discovery/balancer/internal/outlier"
)

// minGap is the least time between two judgements, however urgent.
const minGap = 10 * time.Millisecond

// answer is what came of a health check.
type answer struct {
	member *outlier.Member
	alive  bool
}

// key is what makes an endpoint the same: another ID at the same address is
// another process.
type key struct{ id, addr string }

type endpoint struct {
	target target
	member *outlier.Member
	picker balancer.Picker // of its child; nil while it is not connected
	seen   bool
}

// run looks whenever there is a signal, and each Interval while there are calls.
func (b *ejecting) run() {
	defer close(b.ended)
	ctx, cancel := context.WithCancel(context.Background())
	var probes sync.WaitGroup
	defer probes.Wait()
	defer cancel()
	timer := time.NewTimer(0)
	defer timer.Stop()
	rested := time.Duration(0) // when states may be fetched again
	for {
		var got *answer
		select {
		case <-b.quit:
			return
		case a := <-b.answers:
			got = &a
		case <-b.signal:
		case <-timer.C:
		}
		began := b.now()
		fetched := began >= rested && b.fetch()
		suspects, pause := b.look(got)
		if fetched {
			rested = b.now() + min(restShare*(b.now()-began), longRest)
		}
		if rest := rested - b.now(); b.gathering.Load() && (pause == 0 || rest < pause) {
			pause = max(rest, time.Microsecond)
		}
		for _, s := range suspects {
			probes.Go(func() { b.ask(ctx, s) })
		}
		if pause > 0 {
			timer.Reset(pause)
		}
	}
}

// look takes in what is new, decides, and tells the channel and the monitor. It
// returns whom to ask for a sign of life, and when to look again; 0 for not before
// a signal.
func (b *ejecting) look(got *answer) (suspects []suspect, pause time.Duration) {
	b.mu.Lock()
	now := b.now()
	fresh := b.takeStates(now)
	var changes []outlier.Change
	if got != nil {
		changes = b.group.Asked(got.member, got.alive, now)
	}
	due := b.judged + b.cfg.Interval
	if b.urgent.Load() || got != nil || fresh {
		due = b.judged + minGap
	}
	if now >= due {
		b.judged = now
		b.urgent.Store(false)
		changes = append(changes, b.group.Judge(now)...)
		due = now + b.cfg.Interval
	}
	suspects = b.suspects(now)
	pause = b.pause(due - now)
	var next *balancer.State
	if fresh || len(changes) > 0 {
		next = b.assemble()
	}
	events, monitor := b.events(changes), b.monitor
	b.mu.Unlock()

	if next != nil {
		b.ClientConn.UpdateState(*next)
	}
	monitor.tell(events)
	return suspects, pause
}

// pause returns how long to wait at most, given when a judgement is due.
func (b *ejecting) pause(due time.Duration) time.Duration {
	due = max(due, time.Millisecond)
	if b.group.Busy() {
		return due
	}
	b.asleep.Store(true)
	if b.group.Busy() { // a call began in between and found nobody asleep
		b.asleep.Store(false)
		return due
	}
	return 0
}

// takeStates brings members and endpoints in line with the children's last state.
func (b *ejecting) takeStates(now time.Duration) (fresh bool) {
	if b.latest == nil {
		return false
	}
	b.shown, b.latest = *b.latest, nil
	for _, e := range b.endpoints {
		e.seen = false
	}
	for _, c := range endpointsharding.ChildStatesFromPicker(b.shown.Picker) {
		if len(c.Endpoint.Addresses) == 0 {
			continue
		}
		e := b.endpointOf(c, now)
		e.seen = true
		e.target.zone = discovery.EndpointMeta(c.Endpoint.Attributes)["zone"]
		e.picker = nil
		if c.State.ConnectivityState == connectivity.Ready {
			e.picker = c.State.Picker
		}
		b.group.SetReady(e.member, e.picker != nil, now)
	}
	for k, e := range b.endpoints {
		if !e.seen {
			b.group.Leave(e.member)
			delete(b.endpoints, k)
		}
	}
	return true
}

func (b *ejecting) endpointOf(c endpointsharding.ChildState, now time.Duration) *endpoint {
	addr := c.Endpoint.Addresses[0].Addr
	k := key{discovery.EndpointID(c.Endpoint.Attributes), addr}
	e := b.endpoints[k]
	if e == nil {
		e = &endpoint{target: target{id: orDefault(k.id, addr), addr: addr}}
		e.member = b.group.Join(e.target.id, now)
		b.endpoints[k] = e
	}
	return e
}

// assemble makes the picker of the present.
func (b *ejecting) assemble() *balancer.State {
	if b.shown.ConnectivityState != connectivity.Ready {
		next := b.shown
		return &next
	}
	p := &picker{owner: b, policy: b.cfg.Policy}
	var all, near, out, nearTrial []choice
	total := 0
	for _, e := range b.endpoints {
		local := b.cfg.Zone != "" && e.target.zone == b.cfg.Zone
		if local {
			total++
		}
		if e.picker == nil {
			continue
		}
		t := e.target
		c := choice{member: e.member, target: &t, child: e.picker}
		switch e.member.State() {
		case outlier.InRotation:
			all = append(all, c)
			if local {
				near = append(near, c)
			}
		case outlier.OnTrial:
			p.trial = append(p.trial, c)
			if local {
				nearTrial = append(nearTrial, c)
			}
		case outlier.Ejected, outlier.Checking:
			out = append(out, c)
		}
	}
	switch {
	case len(near) > 0 && float64(len(near)) >= b.cfg.ZoneShare*float64(total):
		p.usable, p.trial = near, nearTrial
	case len(all) > 0:
		p.usable = all
	default:
		// Those in rotation have left just now: better the others than nobody.
		p.usable = slices.Concat(out, p.trial)
	}
	return &balancer.State{ConnectivityState: connectivity.Ready, Picker: p}
}

// suspect is somebody to ask for a sign of life.
type suspect struct {
	member  *outlier.Member
	conn    balancer.SubConn
	timeout time.Duration
}

func (b *ejecting) suspects(now time.Duration) []suspect {
	if b.cfg.NoEjection {
		return nil
	}
	members := b.group.Suspects(now)
	if len(members) == 0 {
		return nil
	}
	conns := make(map[*outlier.Member]balancer.SubConn, len(b.endpoints))
	for _, e := range b.endpoints {
		if e.picker == nil {
			continue
		}
		if r, err := e.picker.Pick(balancer.PickInfo{Ctx: context.Background()}); err == nil {
			conns[e.member] = r.SubConn
		}
	}
	list := make([]suspect, 0, len(members))
	for _, m := range members {
		list = append(list, suspect{member: m, conn: conns[m], timeout: b.cfg.ProbeTimeout})
	}
	return list
}

// ask checks one suspect's health and hands the answer to the goroutine that
// decides.
func (b *ejecting) ask(ctx context.Context, s suspect) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	a := answer{member: s.member, alive: s.conn != nil && alive(ctx, s.conn)}
	select {
	case b.answers <- a:
	case <-b.quit:
	}
}
