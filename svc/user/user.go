// Package user is the user service: user.v1.UserService over a store, ready to
// be registered with a server of the kit.
package user

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"

	"github.com/gctl-dev/gctl/svc/kit"
	"github.com/gctl-dev/gctl/svc/user/internal"
	"github.com/gctl-dev/gctl/svc/user/repository"
	"github.com/gctl-dev/gctl/svc/user/repository/postgres"
	"github.com/gctl-dev/gctl/svc/user/repository/sqlite"
)

// Name is the service's name in a catalog.
const Name = "user"

// Options say how the service runs. The zero value is fine.
type Options struct {
	// Stopping is closed when the server begins to refuse calls: streams without
	// an end of their own end then.
	Stopping <-chan struct{}
	// TracerProvider gets a span for each statement that a call has the store
	// do, with its text and without its values.
	TracerProvider trace.TracerProvider
}

// Service is the user service and its store.
type Service struct {
	server *internal.Server
	users  repository.Repository
}

// New opens the store and returns the service over it. A store is a file,
// sqlite:///path/users.db, which instances on one machine may share, or a
// PostgreSQL database, postgres://user:password@host:port/database, which any
// number of instances share. No error shows a password.
func New(ctx context.Context, store string, o Options) (*Service, error) {
	users, err := open(ctx, store, o.TracerProvider)
	if err != nil {
		return nil, err
	}
	return &Service{server: internal.NewServer(users, o.Stopping), users: users}, nil
}

// Setup opens the store of --store and registers the service over it with a server
// of the kit, whose health follows the store's.
func Setup(ctx context.Context, server *kit.Server, store string) error {
	service, err := New(ctx, store, Options{Stopping: server.Stopping(), TracerProvider: server.TracerProvider()})
	var wrong *repository.AddressError
	if errors.As(err, &wrong) {
		return fmt.Errorf("%w: --store: %s", kit.ErrUsage, wrong.Problem)
	}
	if err != nil {
		return err
	}
	server.Log().InfoContext(ctx, "store opened", "store", service.users.Address())
	server.OnStop(service.Close)
	server.DependOn("store", service.Check)
	service.Register(server)
	return nil
}

func open(ctx context.Context, store string, provider trace.TracerProvider) (repository.Repository, error) {
	scheme, _, ok := strings.Cut(store, "://")
	switch {
	case ok && scheme == "sqlite":
		return sqlite.Open(ctx, store, sqlite.Options{TracerProvider: provider})
	case ok && (scheme == "postgres" || scheme == "postgresql"):
		return postgres.Open(ctx, store, postgres.Options{TracerProvider: provider})
	default: // not shown: it may hold a password
		return nil, &repository.AddressError{
			Problem: "neither of the form sqlite:///path/users.db nor postgres://user:password@host:port/database",
		}
	}
}

// Register registers the service with a server.
func (s *Service) Register(r grpc.ServiceRegistrar) { s.server.Register(r) }

// Check returns an error while the store does not answer, within 5 s or as long
// as ctx allows: an instance without its store is not serving.
func (s *Service) Check(ctx context.Context) error {
	_, err := s.users.Position(ctx)
	return err
}

// Close closes the store. Call it after the server has stopped.
func (s *Service) Close() error { return s.users.Close() }
