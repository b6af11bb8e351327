package internal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/gctl-dev/gctl/svc/kit"
	userv1 "github.com/gctl-dev/gctl/svc/user/api"
	"github.com/gctl-dev/gctl/svc/user/repository"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
)

const snapshotPage = 500

type syncStream = grpc.BidiStreamingServer[userv1.SyncUsersRequest, userv1.SyncUsersResponse]

// SyncUsers implements user.v1.UserService.
//
// One goroutine receives and applies, another one reads the changes, and this
// one sends what both have to say: a client that does not read holds up both.
func (s *Server) SyncUsers(stream syncStream) error {
	first, err := stream.Recv()
	if errors.Is(err, io.EOF) {
		return invalid("start", "must be the first message")
	}
	if err != nil {
		return err
	}
	if first.GetStart() == nil {
		return invalid("start", "must be the first message")
	}
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	session := &syncSession{
		server:   s,
		stream:   stream,
		out:      make(chan *userv1.SyncUsersResponse),
		received: make(chan struct{}),
		failed:   make(chan error, 2),
		panicked: make(chan string, 2),
	}
	go session.part(func() { session.receive(ctx) })
	go session.part(func() { session.send(ctx, first.GetStart().GetToken()) })
	for {
		select {
		case m := <-session.out:
			if err := stream.Send(m); err != nil {
				return err
			}
		case err := <-session.failed: // nil once everything is sent
			return err
		case p := <-session.panicked:
			panic(p)
		case <-ctx.Done():
			return toStatus(ctx.Err(), "")
		}
	}
}

type syncSession struct {
	server   *Server
	stream   syncStream
	out      chan *userv1.SyncUsersResponse
	received chan struct{} // closed when the client is done sending
	failed   chan error
	panicked chan string
}

// part runs one of the session's goroutines. Its panic becomes the handler's,
// which costs the call and not the process.
func (y *syncSession) part(run func()) {
	defer func() {
		if p := recover(); p != nil {
			y.panicked <- fmt.Sprintf("%v\n%s", p, debug.Stack())
		}
	}()
	run()
}

// emit hands m to the sending goroutine.
func (y *syncSession) emit(ctx context.Context, m *userv1.SyncUsersResponse) error {
	select {
	case y.out <- m:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (y *syncSession) receive(ctx context.Context) {
	for {
		r, err := y.stream.Recv()
		if errors.Is(err, io.EOF) {
			close(y.received)
			return
		}
		if err == nil && r.GetStart() != nil {
			err = invalid("start", "is for the first message only")
		}
		if err == nil {
			result := &userv1.SyncUsersResponse_Result{Result: y.server.apply(ctx, r)}
			err = y.emit(ctx, &userv1.SyncUsersResponse{Message: result})
		}
		if err != nil {
			y.failed <- toStatus(err, "")
			return
		}
	}
}

// apply stores one put or delete. Its rules are looked at here, not on receipt:
// a request that breaks them costs only itself.
func (s *Server) apply(ctx context.Context, r *userv1.SyncUsersRequest) *userv1.SyncResult {
	var err error
	switch m := r.GetMessage().(type) {
	case *userv1.SyncUsersRequest_DeleteId:
		request := &userv1.DeleteUserRequest{Id: m.DeleteId}
		if err = kit.Validate(request); err == nil {
			_, err = s.DeleteUser(ctx, request)
		}
	case *userv1.SyncUsersRequest_Put:
		if err = kit.Validate(&userv1.CreateUserRequest{User: m.Put}); err == nil {
			err = s.put(ctx, withDefaults(FromProto(m.Put)))
		}
	}
	result := status.Convert(err)
	return &userv1.SyncResult{RequestId: r.GetRequestId(), Code: int32(result.Code()), Message: result.Message()}
}

// put creates or replaces one user.
func (s *Server) put(ctx context.Context, u repository.User) error {
	results, err := s.users.Put(ctx, []repository.User{u})
	if err == nil {
		err = results[0].Err
	}
	return toStatus(err, u.ID)
}

// send sends the copy of everything, if there is no token, and the changes
// behind it until the client is done.
func (y *syncSession) send(ctx context.Context, token string) {
	y.failed <- y.sendAll(ctx, token)
}

func (y *syncSession) sendAll(ctx context.Context, token string) error {
	var after int64
	var err error
	if token == "" {
		after, err = y.snapshot(ctx)
	} else {
		after, err = parseChangeToken("start.token", token, y.server.users.Identity())
	}
	if err != nil {
		return toStatus(err, "")
	}
	if token != "" { // say at once that a token is too old
		if _, err := y.server.users.Changes(ctx, after, 1); err != nil {
			return toStatus(err, "")
		}
	}
	ready := &userv1.SyncUsersResponse_Ready{Ready: &userv1.SyncReady{Token: changeToken(y.server.users.Identity(), after)}}
	if err := y.emit(ctx, &userv1.SyncUsersResponse{Message: ready}); err != nil {
		return toStatus(err, "")
	}
	return y.server.follow(ctx, after, y.received, func(c repository.Change) error {
		return y.emit(ctx, &userv1.SyncUsersResponse{Message: &userv1.SyncUsersResponse_Change{Change: changeToProto(c, y.server.users.Identity())}})
	})
}

// snapshot sends every user as of the number that it returns. Users changed
// while it reads are left out: their changes have greater numbers and follow.
func (y *syncSession) snapshot(ctx context.Context) (int64, error) {
	position, err := y.server.users.Position(ctx)
	if err != nil {
		return 0, err
	}
	q := repository.Query{Limit: snapshotPage}
	for {
		users, err := y.server.users.List(ctx, q)
		if err != nil {
			return 0, err
		}
		for _, u := range users {
			if u.Revision > position {
				continue
			}
			m := &userv1.SyncUsersResponse_Snapshot{Snapshot: ToProto(u)}
			if err := y.emit(ctx, &userv1.SyncUsersResponse{Message: m}); err != nil {
				return 0, err
			}
		}
		if len(users) < snapshotPage {
			return position, nil
		}
		q.After = &users[len(users)-1]
	}
}
