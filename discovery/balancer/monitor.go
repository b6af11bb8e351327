package balancer

import (
	"sync/atomic"
	"time"

	"google.golang.org/grpc/resolver"

	"github.com/gctl-dev/gctl/discovery/balancer/internal/outlier"
)

// State is where an endpoint stands.
type State string

// The states of an endpoint.
const (
	InRotation   State = "in rotation"  // gets its share
	Ejected      State = "ejected"      // gets nothing for a while
	OnTrial      State = "on trial"     // gets one call at a time
	Disconnected State = "disconnected" // no connection, or NOT_SERVING
)

// Reason is why an endpoint was ejected.
type Reason string

// The reasons of an ejection.
const (
	Failures = Reason(outlier.Failures) // it fails more often than its siblings
	Slow     = Reason(outlier.Slow)     // it answers more slowly than its siblings
	Hanging  = Reason(outlier.Hanging)  // it answers nothing, not even a health check
)

// Event is a change of an endpoint's state that the balancer decided.
type Event struct {
	Endpoint  string // the ID, or the address of an endpoint without one
	Addr      string
	State     State     // Ejected, OnTrial or InRotation
	Reason    Reason    // of the ejection, also when it ends
	Detail    string    // the evidence, for people
	Until     time.Time // earliest end of an ejection
	Ejections int       // how often lately; the length of an ejection grows with it
}

// Status is the present state of an endpoint.
type Status struct {
	Endpoint  string // the ID, or the address of an endpoint without one
	Addr      string
	Zone      string
	State     State
	Reason    Reason    // of the last ejection
	Until     time.Time // of Ejected
	Ejections int
	InFlight  int
	// Calls of late, each weighted by its age: those that were answered or failed,
	// those that failed, those that were slow, also where their caller gave them up,
	// and those that are in flight for too long.
	Calls, Failed, Slow, Late float64
}

// Monitor watches the balancer of one channel. Its resolver must be the channel's:
//
//	m := &balancer.Monitor{OnEvent: log}
//	grpc.NewClient(target, grpc.WithResolvers(m.Resolver(discovery.NewResolver(w))), ...)
type Monitor struct {
	// OnEvent is called for each Event, one at a time. The balancer waits for its
	// return, so it should be quick, and must not close the channel.
	OnEvent func(Event)

	current atomic.Pointer[ejecting]
}

// Status returns the state of all endpoints of the channel, sorted by ID; none
// while the channel is idle.
func (m *Monitor) Status() []Status {
	b := m.current.Load()
	if b == nil {
		return nil
	}
	return b.status()
}

func (m *Monitor) tell(events []Event) {
	if m == nil || m.OnEvent == nil {
		return
	}
	for _, e := range events {
		m.OnEvent(e)
	}
}

type monitorKey struct{}

// Resolver returns b with the monitor attached to all that it resolves: that is
// how it gets to the channel's balancer.
func (m *Monitor) Resolver(b resolver.Builder) resolver.Builder {
	return &monitored{Builder: b, monitor: m}
}

type monitored struct {
	resolver.Builder

	monitor *Monitor
}

// Build implements resolver.Builder.
func (b *monitored) Build(t resolver.Target, cc resolver.ClientConn, o resolver.BuildOptions) (resolver.Resolver, error) {
	return b.Builder.Build(t, &marking{ClientConn: cc, monitor: b.monitor}, o)
}

type marking struct {
	resolver.ClientConn

	monitor *Monitor
}

// UpdateState implements resolver.ClientConn.
func (cc *marking) UpdateState(s resolver.State) error {
	s.Attributes = s.Attributes.WithValue(monitorKey{}, cc.monitor)
	return cc.ClientConn.UpdateState(s)
}
