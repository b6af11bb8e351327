package internal

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"

	userv1 "github.com/gctl-dev/gctl/svc/user/api"
	"github.com/gctl-dev/gctl/svc/user/repository"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

const (
	changeBatch = 100
	tokenPrefix = "c."

	// checkpointEvery is how many changes of others a watch of some users
	// passes over before it tells how far it is: well before the store forgets
	// them.
	checkpointEvery = 1000
)

// changeToken says where to resume behind the change with that number of the
// store with that identity.
func changeToken(store string, seq int64) string {
	return tokenPrefix + store + "." + strconv.FormatInt(seq, 36)
}

// parseChangeToken returns the number in a token. Numbers of another store mean
// nothing here; tokens without an identity are from before there was one.
func parseChangeToken(field, token, store string) (int64, error) {
	rest, ok := strings.CutPrefix(token, tokenPrefix)
	of, digits, found := strings.Cut(rest, ".")
	if !found {
		of, digits = "", rest
	}
	seq, err := strconv.ParseInt(digits, 36, 64)
	switch {
	case !ok || err != nil || seq < 0:
		return 0, invalid(field, "not a token of this service")
	case of != store:
		return 0, errForeign()
	}
	return seq, nil
}

// WatchUsers implements user.v1.UserService.
func (s *Server) WatchUsers(r *userv1.WatchUsersRequest, stream grpc.ServerStreamingServer[userv1.UserChange]) error {
	ctx := stream.Context()
	var after int64
	var err error
	if r.GetToken() == "" {
		after, err = s.users.Position(ctx)
	} else {
		after, err = parseChangeToken("token", r.GetToken(), s.users.Identity())
	}
	if err != nil {
		return toStatus(err, "")
	}
	if err := stream.SendHeader(metadata.MD{}); err != nil {
		return err
	}
	if r.GetInitialCheckpoint() {
		if err := stream.Send(s.checkpoint(after)); err != nil {
			return err
		}
	}
	told := after // the client has a token of this change
	return s.follow(ctx, after, nil, func(c repository.Change) error {
		message := changeToProto(c, s.users.Identity())
		if len(r.GetIds()) > 0 && !slices.Contains(r.GetIds(), c.User.ID) {
			if c.Seq-told < checkpointEvery {
				return nil
			}
			message = s.checkpoint(c.Seq)
		}
		told = c.Seq
		return stream.Send(message)
	})
}

// checkpoint says that the client has everything up to the change.
func (s *Server) checkpoint(seq int64) *userv1.UserChange {
	return &userv1.UserChange{
		Change: &userv1.UserChange_Checkpoint{Checkpoint: &userv1.Checkpoint{}},
		Token:  changeToken(s.users.Identity(), seq),
	}
}

// follow passes each change behind after to emit, as they come. Once until is
// closed it goes on to the last change there is then, however many others make
// meanwhile, and returns nil; a nil until never is.
func (s *Server) follow(ctx context.Context, after int64, until <-chan struct{}, emit func(repository.Change) error) error {
	end := int64(math.MaxInt64)
	for {
		select {
		case <-until:
			var err error
			if end, err = s.users.Position(ctx); err != nil {
				return toStatus(err, "")
			}
			until = nil
		default:
		}
		changes, err := s.users.Changes(ctx, after, changeBatch)
		if err != nil {
			return toStatus(err, "")
		}
		for _, c := range changes {
			if err := emit(c); err != nil {
				return err
			}
			after = c.Seq
		}
		switch {
		case after >= end:
			return nil
		case len(changes) == changeBatch:
			continue
		}
		select {
		case <-s.stopping:
			return errStopping()
		default:
		}
		if err := s.wait(ctx, after, until); err != nil {
			return toStatus(err, "")
		}
	}
}

// wait returns when there is something to look at: a change behind after, the
// end of the server, or until.
func (s *Server) wait(ctx context.Context, after int64, until <-chan struct{}) error {
	waiting, wake := context.WithCancel(ctx)
	defer wake()
	go func() {
		select {
		case <-until:
		case <-s.stopping:
		case <-waiting.Done():
		}
		wake()
	}()
	if err := s.users.Wait(waiting, after); err != nil && waiting.Err() == nil {
		return err
	}
	return ctx.Err()
}
