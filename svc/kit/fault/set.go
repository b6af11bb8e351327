package fault

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// What the ErrorInfo of an injected status says.
const (
	Reason = "FAULT_INJECTED"
	Domain = "gctl.kit"
)

// Options of a Set.
type Options struct {
	// Random returns a number in [0, 1) and is called by many goroutines at once.
	// math/rand/v2.Float64 if nil.
	Random func() float64
}

// Set is the faults of a server, by name. While it is empty a call costs one
// atomic load.
type Set struct {
	random func() float64
	active atomic.Pointer[[]*entry] // nil if empty; sorted by name

	mu     sync.Mutex // held while active is replaced
	byName map[string]*entry

	delayed, failed atomic.Uint64
}

// entry is one fault in a set.
type entry struct {
	Fault

	name    string
	pattern pattern
	ended   chan struct{} // closed when the fault is removed or replaced
}

// New returns an empty set.
func New(options Options) *Set {
	if options.Random == nil {
		options.Random = rand.Float64
	}
	return &Set{random: options.Random, byName: map[string]*entry{}}
}

// Put adds a fault, or replaces the one of this name. The error is that of
// Fault.Check.
func (s *Set) Put(name string, f Fault) error {
	if err := f.Check(); err != nil {
		return err
	}
	p, err := parse(f.Method)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(name)
	s.byName[name] = &entry{f, name, p, make(chan struct{})}
	s.publish()
	return nil
}

// Remove ends the fault of a name and lets go the calls that it holds up. It
// tells whether there was one.
func (s *Set) Remove(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	ended := s.end(name)
	s.publish()
	return ended
}

// Get returns the fault of a name.
func (s *Set) Get(name string) (Fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.byName[name]
	if !ok {
		return Fault{}, false
	}
	return e.Fault, true
}

// end takes a fault out; mu is held.
func (s *Set) end(name string) bool {
	e, ok := s.byName[name]
	if ok {
		delete(s.byName, name)
		close(e.ended)
	}
	return ok
}

// publish shows the interceptors what there is now; mu is held.
func (s *Set) publish() {
	if len(s.byName) == 0 {
		s.active.Store(nil)
		return
	}
	list := slices.SortedFunc(maps.Values(s.byName), func(a, b *entry) int { return strings.Compare(a.name, b.name) })
	s.active.Store(&list)
}

// Unary is a grpc.UnaryServerInterceptor.
func (s *Set) Unary(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	if active := s.active.Load(); active != nil {
		if err := s.meet(ctx, *active, info.FullMethod); err != nil {
			return nil, err
		}
	}
	return handler(ctx, request)
}

// Stream is a grpc.StreamServerInterceptor. A stream is met at its start.
func (s *Set) Stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	if active := s.active.Load(); active != nil {
		if err := s.meet(stream.Context(), *active, info.FullMethod); err != nil {
			return err
		}
	}
	return handler(srv, stream)
}

// meet leads a call through the faults, one after the other in the order of
// their names, each with a chance of its own.
func (s *Set) meet(ctx context.Context, faults []*entry, fullMethod string) error {
	for _, e := range faults {
		if !e.pattern.meets(fullMethod) || s.random()*100 >= e.Percentage {
			continue
		}
		if e.Latency > 0 {
			s.delayed.Add(1)
			ended, err := e.wait(ctx)
			if err != nil {
				return err
			}
			if ended {
				continue
			}
		}
		if e.Code != codes.OK {
			s.failed.Add(1)
			return e.status()
		}
	}
	return nil
}

// wait holds a call up, no longer than the call or the fault lasts.
func (e *entry) wait(ctx context.Context) (ended bool, err error) {
	timer := time.NewTimer(e.Latency)
	defer timer.Stop()
	select {
	case <-timer.C:
		return false, nil
	case <-e.ended:
		return true, nil
	case <-ctx.Done():
		return false, status.FromContextError(ctx.Err()).Err()
	}
}

// status says that the failure is on purpose: nobody should look for its cause.
func (e *entry) status() error {
	s := status.New(e.Code, "injected on purpose by the fault "+e.name)
	info := &errdetails.ErrorInfo{Reason: Reason, Domain: Domain, Metadata: map[string]string{"fault": e.name}}
	if detailed, err := s.WithDetails(info); err == nil {
		s = detailed
	}
	return s.Err()
}
