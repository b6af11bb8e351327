// Package internal serves user.v1 over a repository. Business code stands in
// the handlers; validation by the schema's rules has happened before them.
package internal

import (
	"google.golang.org/grpc"

	userv1 "github.com/gctl-dev/gctl/svc/user/api"
	"github.com/gctl-dev/gctl/svc/user/repository"
)

// Server implements user.v1.UserService.
type Server struct {
	userv1.UnimplementedUserServiceServer

	users    repository.Repository
	stopping <-chan struct{}
}

// NewServer returns a server over a repository. Streams without an end of
// their own end with UNAVAILABLE when stopping is closed.
func NewServer(users repository.Repository, stopping <-chan struct{}) *Server {
	return &Server{users: users, stopping: stopping}
}

// Register registers the service.
func (s *Server) Register(r grpc.ServiceRegistrar) { userv1.RegisterUserServiceServer(r, s) }
