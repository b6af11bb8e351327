package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"google.golang.org/grpc"

	userv1 "github.com/gctl-dev/gctl/svc/user/api"
)

// imported is how many users a stream puts, the same ones each time.
const imported = 10

// Streams makes the streaming calls of the user service. It is safe for
// concurrent use.
type Streams struct {
	client  userv1.UserServiceClient
	Changes atomic.Int64 // that watches brought
}

// NewStreams returns the streaming calls by conn.
func NewStreams(conn grpc.ClientConnInterface) *Streams {
	return &Streams{client: userv1.NewUserServiceClient(conn)}
}

// imp is a user that is put again and again.
func imp(n int) *userv1.User {
	return &userv1.User{Id: fmt.Sprintf("import-%d", n), Email: fmt.Sprintf("import-%d@example.com", n), DisplayName: "Imported"}
}

// Import sends some users and reads the sum.
func (s *Streams) Import(ctx context.Context) error {
	stream, err := s.client.ImportUsers(ctx)
	if err != nil {
		return err
	}
	for n := range imported {
		if err := stream.Send(&userv1.ImportUsersRequest{User: imp(n)}); err != nil {
			break // the status is in the answer
		}
	}
	sum, err := stream.CloseAndRecv()
	if err == nil && sum.GetFailed() > 0 {
		err = fmt.Errorf("import: %v", sum.GetFailures())
	}
	return err
}

// Sync gets a copy of everything, puts some users, and reads to the end.
func (s *Streams) Sync(ctx context.Context) error {
	stream, err := s.client.SyncUsers(ctx)
	if err != nil {
		return err
	}
	_ = stream.Send(&userv1.SyncUsersRequest{Message: &userv1.SyncUsersRequest_Start{Start: &userv1.SyncStart{}}})
	for n := range imported {
		// Of a failure the status is in the answer.
		_ = stream.Send(&userv1.SyncUsersRequest{Message: &userv1.SyncUsersRequest_Put{Put: imp(n)}, RequestId: fmt.Sprint(n)})
	}
	_ = stream.CloseSend()
	for {
		m, err := stream.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case m.GetResult().GetCode() != 0:
			return fmt.Errorf("sync: %v", m.GetResult())
		}
	}
}

// Watch follows the changes from token on until n came or the stream ends, and
// returns the token to resume with.
func (s *Streams) Watch(ctx context.Context, token string, n int) (string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := s.client.WatchUsers(ctx, &userv1.WatchUsersRequest{Token: token})
	if err != nil {
		return token, err
	}
	for range n {
		change, err := stream.Recv()
		if err != nil {
			return token, err
		}
		s.Changes.Add(1)
		token = change.GetToken()
	}
	return token, nil
}
