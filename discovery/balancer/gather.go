package balancer

import (
	"sync"
	"time"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/endpointsharding"
	"google.golang.org/grpc/balancer/pickfirst"
)

// Endpointsharding looks through all endpoints each time that the state of one
// changes. With a thousand of them that connect at once this is a million looks,
// and the first connection that is ready waits behind them. So states are gathered
// and handed to it together.
type gathered struct {
	balancer.ClientConn // endpointsharding, as its child sees it; UpdateState is intercepted
	balancer.Balancer   // the child

	owner *ejecting

	mu      sync.Mutex
	pending *balancer.State // not handed on yet
}

const (
	restShare = 4                     // a look at many states is followed by a rest of so many times its length,
	longRest  = 20 * time.Millisecond // at most this
)

// newChild makes the child of one endpoint.
func (b *ejecting) newChild(cc balancer.ClientConn, opts balancer.BuildOptions) balancer.Balancer {
	g := &gathered{ClientConn: cc, owner: b}
	g.Balancer = balancer.Get(pickfirst.Name).Build(g, opts)
	return g
}

func (b *ejecting) newChildren(opts balancer.BuildOptions) balancer.Balancer {
	return endpointsharding.NewBalancer(b, opts, b.newChild, endpointsharding.Options{})
}

// UpdateState implements balancer.ClientConn for the child.
func (g *gathered) UpdateState(s balancer.State) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pending = &s
	if g.owner.direct.Load() { // endpointsharding itself gathers what comes of its own calls
		g.deliver()
		return
	}
	g.owner.gathering.Store(true)
	g.owner.notify()
}

// deliver hands on what is pending, with mu held.
func (g *gathered) deliver() {
	if s := g.pending; s != nil {
		g.pending = nil
		g.ClientConn.UpdateState(*s)
	}
}

// ExitIdle implements balancer.Balancer. Of a child that is not idle it only
// fetches the state.
func (g *gathered) ExitIdle() {
	g.mu.Lock()
	g.deliver()
	g.mu.Unlock()
	g.Balancer.ExitIdle()
}

// down makes a call to the children, one at a time, whose consequences
// endpointsharding tells at its end.
func (b *ejecting) down(call func()) {
	b.top.Lock()
	defer b.top.Unlock()
	b.direct.Store(true)
	defer b.direct.Store(false)
	call()
}

// fetch has endpointsharding tell the states that were gathered, if there are any:
// by a call that it passes to each child, and before whose end it tells nothing.
func (b *ejecting) fetch() (fetched bool) {
	if !b.gathering.CompareAndSwap(true, false) {
		return false
	}
	b.top.Lock()
	defer b.top.Unlock()
	b.child.ExitIdle()
	return true
}
