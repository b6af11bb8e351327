package edge_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	userv1 "github.com/gctl-dev/gctl/svc/user/api"
)

// stub is a user service that tells what it sees.
type stub struct {
	userv1.UnimplementedUserServiceServer

	seen  chan metadata.MD   // of GetUser and WatchUsers
	left  chan time.Duration // until the deadline; 0 without
	ended chan error         // of WatchUsers and GetUser("wait"), why the context ended
}

// newStub starts a stub and returns its address.
func newStub(t testing.TB) (*stub, string) {
	t.Helper()
	s := &stub{seen: make(chan metadata.MD, 100), left: make(chan time.Duration, 100), ended: make(chan error, 100)}
	return s, serveUsers(t, s)
}

// serveUsers serves a user service and returns its address.
func serveUsers(t testing.TB, users userv1.UserServiceServer, options ...grpc.ServerOption) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(append(options, grpc.MaxRecvMsgSize(64<<20))...)
	userv1.RegisterUserServiceServer(server, users)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		<-served
	})
	return listener.Addr().String()
}

func (s *stub) meet(ctx context.Context) {
	md, _ := metadata.FromIncomingContext(ctx)
	select {
	case s.seen <- md:
	default:
	}
	left := time.Duration(0)
	if end, ok := ctx.Deadline(); ok {
		left = time.Until(end)
	}
	select { // a test that asks for more than this does not want to know
	case s.left <- left:
	default:
	}
}

// GetUser answers by the ID: "wait" until the call is over, "big" with much,
// "fail" with a status, details, headers and trailers.
func (s *stub) GetUser(ctx context.Context, r *userv1.GetUserRequest) (*userv1.User, error) {
	s.meet(ctx)
	err := errors.Join(
		grpc.SetHeader(ctx, metadata.Pairs("x-said", "first", "x-bytes-bin", "\x00\x01")),
		grpc.SetTrailer(ctx, metadata.Pairs("x-last", "word")))
	if err != nil { // the call is over already
		s.ended <- err
		return nil, err
	}
	switch r.GetId() {
	case "wait":
		<-ctx.Done()
		s.ended <- ctx.Err()
		return nil, status.FromContextError(ctx.Err()).Err()
	case "big":
		return &userv1.User{DisplayName: string(make([]byte, 2<<20))}, nil
	case "away", "busy", "full":
		return nil, told(r.GetId())
	case "fail":
		st, err := status.New(codes.FailedPrecondition, "not thus: 100 % “wrong”").WithDetails(&errdetails.ErrorInfo{Reason: "WHY", Domain: "user.v1"})
		if err != nil {
			return nil, err
		}
		return nil, st.Err()
	}
	return &userv1.User{Id: r.GetId()}, nil
}

// DeleteUser waits until the call is over.
func (s *stub) DeleteUser(ctx context.Context, _ *userv1.DeleteUserRequest) (*userv1.DeleteUserResponse, error) {
	s.meet(ctx)
	<-ctx.Done()
	s.ended <- ctx.Err()
	return nil, status.FromContextError(ctx.Err()).Err()
}

// ImportUsers sends headers before it has an answer, and then waits until the call
// is over.
func (s *stub) ImportUsers(stream grpc.ClientStreamingServer[userv1.ImportUsersRequest, userv1.ImportUsersResponse]) error {
	if err := stream.SendHeader(metadata.Pairs("x-said", "first")); err != nil {
		return err
	}
	_, err := s.DeleteUser(stream.Context(), nil)
	return err
}

// told is a status of the service itself: two with a RetryInfo, one without.
func told(id string) error {
	s := status.New(codes.ResourceExhausted, "the store is full")
	var err error
	switch id {
	case "away":
		s, err = status.New(codes.Unavailable, "the store is away").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(50 * time.Millisecond)})
	case "busy":
		s, err = status.New(codes.ResourceExhausted, "too many").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(1200 * time.Millisecond)})
	}
	if err != nil {
		return err
	}
	return s.Err()
}

// WatchUsers sends a change at once, and then until the call is over as many as
// are wanted.
func (s *stub) WatchUsers(r *userv1.WatchUsersRequest, stream grpc.ServerStreamingServer[userv1.UserChange]) error {
	s.meet(stream.Context())
	change := &userv1.UserChange{Token: "1"}
	if r.GetToken() == "away" {
		return status.Error(codes.Unavailable, "the store is away")
	}
	if r.GetToken() == "flood" {
		change.Token = string(make([]byte, 64<<10))
	}
	for {
		if err := stream.Send(change); err != nil {
			s.ended <- err
			return err
		}
		if r.GetToken() != "flood" {
			<-stream.Context().Done()
			s.ended <- stream.Context().Err()
			return stream.Context().Err()
		}
	}
}
