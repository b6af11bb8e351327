package control

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	controlv1 "github.com/gctl-dev/gctl/api/gctl/control/v1"
)

// Server implements controlv1.ControlServiceServer. It is safe for concurrent
// use.
type Server struct {
	controlv1.UnimplementedControlServiceServer

	options    Options
	configured slog.Level
	ledger     *ledger
	watchers   watchers
	closed     chan struct{}
	close      func()

	// These are guarded by the lock of the ledger.
	quarantined bool
	draining    *drain
}

// New returns a server of the control API over the parts of an instance.
func New(options Options) (*Server, error) {
	if options.MaxChanges < 0 {
		return nil, errors.New("the number of changes in force cannot be negative")
	}
	if options.DrainDeadline < 0 {
		return nil, errors.New("the deadline of a drain cannot be negative")
	}
	if options.Faults != nil && options.Services == nil {
		return nil, errors.New("faults without services: which methods can they meet?")
	}
	s := &Server{options: options.withDefaults(), closed: make(chan struct{})}
	s.close = sync.OnceFunc(func() { close(s.closed) })
	s.ledger = newLedger(s.options, func(resource string) {
		if name, ok := strings.CutPrefix(resource, breakerPrefix); ok {
			s.watchers.mark(name)
		}
	})
	if options.Level != nil {
		s.configured = options.Level.Level()
	}
	return s, nil
}

// Register adds the control API to a grpc.Server.
func (s *Server) Register(registrar grpc.ServiceRegistrar) {
	controlv1.RegisterControlServiceServer(registrar, s)
}

// Close ends watches, the context of a drain and every timer, and refuses
// further changes. It reverts nothing: changes are of the process that ends.
func (s *Server) Close() {
	s.ledger.close()
	s.close()
}

// change makes the wish of a request come true. The request is checked first;
// find and then are as in the ledger.
func (s *Server) change(ctx context.Context, request proto.Message, w wish, find func() (target, error), then func()) (*controlv1.Change, error) {
	w.actor = s.options.Identity(ctx)
	return s.ledger.change(ctx, w, func() (target, error) {
		if err := s.check(ctx, request); err != nil {
			return target{}, err
		}
		switch {
		case clean(w.mutation.GetReason()) == "":
			return target{}, invalid("mutation.reason", "must say something")
		case w.mutation.GetTtl() == nil && !w.release && !w.lasting:
			return target{}, invalid("mutation.ttl", "a change ends by itself: say when")
		}
		return find()
	}, then)
}

// ListChanges implements gctl.control.v1.ControlService.
func (s *Server) ListChanges(context.Context, *controlv1.ListChangesRequest) (*controlv1.ListChangesResponse, error) {
	response := &controlv1.ListChangesResponse{Changes: s.ledger.changes(), Etags: map[string]string{}}
	s.ledger.mu.Lock()
	defer s.ledger.mu.Unlock()
	if s.options.Level != nil {
		response.Etags[levelResource] = s.ledger.etag(levelResource, s.level())
	}
	if s.options.Serving != nil {
		response.Etags[servingResource] = s.ledger.etag(servingResource, s.serving())
	}
	if s.options.Drain != nil {
		response.Etags[drainResource] = s.ledger.etag(drainResource, s.drained())
	}
	return response, nil
}
