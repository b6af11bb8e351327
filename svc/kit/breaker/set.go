package breaker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
)

// ErrUnknown says that there is no breaker of that name. Breakers come to be
// with the first call that they judge.
var ErrUnknown = errors.New("no such breaker")

// Set holds the breakers of a process. It is a prometheus.Collector.
type Set struct {
	options Options
	start   time.Time
	events  events

	mu       sync.RWMutex
	circuits map[string]*circuit
}

// New returns a set without breakers.
func New(options Options) *Set {
	s := &Set{options: options.withDefaults(), start: time.Now(), circuits: map[string]*circuit{}}
	if s.options.OnChange != nil {
		s.events.watch(s.options.OnChange)
	}
	return s
}

// UnaryClientInterceptor guards the unary calls of a connection to target, the
// name of the service that is called. Connections to one target share breakers.
func (s *Set) UnaryClientInterceptor(target string) grpc.UnaryClientInterceptor {
	methods := &methods{set: s, target: target}
	return func(ctx context.Context, method string, request, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		c := methods.circuit(method)
		if c == nil {
			return invoker(ctx, method, request, reply, cc, opts...)
		}
		t, err := c.admit(ctx)
		if err != nil {
			return err
		}
		v := ignored // of a call that panics
		defer func() { t.settle(v, err) }()
		err = invoker(ctx, method, request, reply, cc, opts...)
		v = judge(err, t.hurried)
		return err
	}
}

// Status returns the breakers by name. It does not move them: one that is open
// stays so until a call comes by after NextProbe.
func (s *Set) Status() []Status {
	all := s.all()
	statuses := make([]Status, len(all))
	for i, c := range all {
		statuses[i] = c.show()
	}
	return statuses
}

// Watch calls notify for each change of a state or an override and for each new
// breaker, in order, one at a time. It is called by the calls that the breakers
// guard, and so must not block; it may use the set. After stop has returned no
// further call of it begins.
func (s *Set) Watch(notify func(Status)) (stop func()) { return s.events.watch(notify) }

// Override puts an override in force, or None. It lasts until the next; whoever
// wants it to end by itself sees to that. The error is ErrUnknown where there is
// no breaker of that name.
func (s *Set) Override(name string, override Override) error {
	if override < None || override > ForcedClosed {
		return fmt.Errorf("no such override: %d", override)
	}
	s.mu.RLock()
	c, ok := s.circuits[name]
	s.mu.RUnlock()
	if !ok {
		return fmt.Errorf("%q: %w", name, ErrUnknown)
	}
	c.force(override)
	s.events.deliver()
	return nil
}

// all returns the breakers by name.
func (s *Set) all() []*circuit {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := make([]*circuit, 0, len(s.circuits))
	for _, c := range s.circuits {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b *circuit) int { return strings.Compare(a.name, b.name) })
	return all
}

// get returns the breaker of a group, a new one if there is none.
func (s *Set) get(target, group string) *circuit {
	name := target + "/" + group
	s.mu.RLock()
	c, ok := s.circuits[name]
	s.mu.RUnlock()
	if ok {
		return c
	}
	s.mu.Lock()
	if c, ok = s.circuits[name]; !ok {
		c = newCircuit(s, name, target, group)
		s.circuits[name] = c
		s.events.add(c.show())
	}
	s.mu.Unlock()
	s.events.deliver()
	return c
}

// methods remembers the breakers of the methods of one target. Names may come
// from outside, so only so many are remembered.
type methods struct {
	set    *Set
	target string
	known  sync.Map // method to *circuit, nil for one that passes by
	count  atomic.Int64
}

const maxMethods = 1000

// circuit returns the breaker of a method, or nil if its calls pass by.
func (m *methods) circuit(method string) *circuit {
	if known, ok := m.known.Load(method); ok {
		c, _ := known.(*circuit)
		return c
	}
	var c *circuit
	if !passes(method) {
		c = m.set.get(m.target, m.set.options.Group(method))
	}
	if m.count.Add(1) <= maxMethods {
		m.known.Store(method, c)
	}
	return c
}

// passes tells whether a method belongs to a service about the server rather
// than of it.
func passes(method string) bool {
	for _, prefix := range []string{"/grpc.health.", "/grpc.reflection.", "/grpc.channelz.", "/gctl.control."} {
		if strings.HasPrefix(method, prefix) {
			return true
		}
	}
	return false
}
