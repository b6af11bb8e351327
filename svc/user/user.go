// Package user is the user service: user.v1.UserService over a store, ready to
// be registered with a server of the kit.
package user

import (
	"context"
	"fmt"
	"strings"

	"google.golang.org/grpc"

	"github.com/gctl-dev/gctl/svc/user/internal"
	"github.com/gctl-dev/gctl/svc/user/repository"
	"github.com/gctl-dev/gctl/svc/user/repository/sqlite"
)

// Name is the service's name in a catalog.
const Name = "user"

// Service is the user service and its store.
type Service struct {
	server *internal.Server
	users  repository.Repository
}

// New opens the store, sqlite:///path/users.db, and returns the service over
// it. When stopping is closed, streams without an end of their own end.
func New(ctx context.Context, store string, stopping <-chan struct{}) (*Service, error) {
	scheme, _, _ := strings.Cut(store, "://")
	if scheme != "sqlite" {
		return nil, fmt.Errorf("store %q: not of the form sqlite:///path/users.db", store)
	}
	users, err := sqlite.Open(ctx, store)
	if err != nil {
		return nil, err
	}
	return &Service{server: internal.NewServer(users, stopping), users: users}, nil
}

// Register registers the service with a server.
func (s *Service) Register(r grpc.ServiceRegistrar) { s.server.Register(r) }

// Close closes the store. Call it after the server has stopped.
func (s *Service) Close() error { return s.users.Close() }
