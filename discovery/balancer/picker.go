package balancer

import (
	"math/rand/v2"
	"sync/atomic"

	"google.golang.org/grpc/balancer"

	"github.com/gctl-dev/gctl/discovery/balancer/internal/outlier"
)

// choice is a connected endpoint as a picker has it.
type choice struct {
	member *outlier.Member
	target *target
	child  balancer.Picker
}

// picker gives calls to the endpoints that were usable when it was made.
type picker struct {
	owner  *ejecting
	policy Policy
	usable []choice
	trial  []choice // get one call at a time
	next   atomic.Uint32
}

// Pick implements balancer.Picker.
func (p *picker) Pick(info balancer.PickInfo) (balancer.PickResult, error) {
	c, trial := p.choose()
	result, err := c.child.Pick(info)
	if err != nil {
		if trial {
			c.member.DropTrial()
		}
		return result, err
	}
	a := &attempt{owner: p.owner, done: result.Done}
	stream := false
	if call := callOf(info.Ctx); call != nil {
		stream = call.stream
		call.target.Store(c.target)
	}
	c.member.Begin(&a.Call, p.owner.group.Method(info.FullMethodName), p.owner.now(), stream, trial)
	p.owner.wake()
	result.Done = a.finish
	return result, nil
}

func (p *picker) choose() (c *choice, trial bool) {
	for i := range p.trial {
		if p.trial[i].member.TakeTrial() {
			return &p.trial[i], true
		}
	}
	n := len(p.usable)
	switch {
	case n == 1:
		return &p.usable[0], false
	case p.policy == RoundRobin:
		return &p.usable[int(p.next.Add(1)%uint32(n))], false
	}
	i := rand.IntN(n)     //nolint:gosec // no secret
	j := rand.IntN(n - 1) //nolint:gosec // no secret
	if j >= i {
		j++
	}
	if p.usable[j].member.Load() < p.usable[i].member.Load() {
		i = j
	}
	return &p.usable[i], false
}

// attempt is one call in flight.
type attempt struct {
	outlier.Call

	owner *ejecting
	done  func(balancer.DoneInfo)
}

func (a *attempt) finish(info balancer.DoneInfo) {
	now := a.owner.now()
	if a.End(now, classify(info, a.Age(now), a.Usual())) {
		a.owner.hurry()
	}
	if a.done != nil {
		a.done(info)
	}
}
