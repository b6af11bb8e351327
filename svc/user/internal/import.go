package internal

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/gctl-dev/gctl/svc/kit"
	userv1 "github.com/gctl-dev/gctl/svc/user/api"
	"github.com/gctl-dev/gctl/svc/user/repository"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
)

const (
	importBatch   = 500 // users in one transaction
	shownFailures = 100
	maxShownID    = 63 // bytes
)

// ImportUsers implements user.v1.UserService. Users are stored batch by batch:
// what was stored before a stream breaks stays.
func (s *Server) ImportUsers(stream grpc.ClientStreamingServer[userv1.ImportUsersRequest, userv1.ImportUsersResponse]) error {
	i := importer{users: s.users}
	for {
		r, err := stream.Recv()
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if err == nil {
			i.add(r.GetUser())
		}
		if err != nil || len(i.batch) == importBatch {
			if err := i.flush(stream.Context()); err != nil {
				return toStatus(err, "")
			}
		}
		if err != nil {
			return stream.SendAndClose(&i.summary)
		}
	}
}

// importer gathers a batch and sums up.
type importer struct {
	users   repository.Repository
	batch   []repository.User
	indexes []int64 // of the batch's users in the stream
	summary userv1.ImportUsersResponse
}

func (i *importer) add(u *userv1.User) {
	index := i.summary.GetReceived()
	i.summary.Received++
	if err := kit.Validate(&userv1.CreateUserRequest{User: u}); err != nil {
		id := u.GetId()
		if len(id) > maxShownID { // it is no ID anyway
			id = strings.ToValidUTF8(id[:maxShownID], "") + "…"
		}
		i.fail(index, id, status.Convert(err).Message())
		return
	}
	i.batch = append(i.batch, withDefaults(FromProto(u)))
	i.indexes = append(i.indexes, index)
}

func (i *importer) flush(ctx context.Context) error {
	if len(i.batch) == 0 {
		return nil
	}
	results, err := i.users.Put(ctx, i.batch)
	if err != nil {
		return err
	}
	for n, r := range results {
		switch {
		case r.Err != nil:
			i.fail(i.indexes[n], i.batch[n].ID, r.Err.Error())
		case r.Created:
			i.summary.Created++
		default:
			i.summary.Updated++
		}
	}
	i.batch, i.indexes = i.batch[:0], i.indexes[:0]
	return nil
}

func (i *importer) fail(index int64, id, reason string) {
	i.summary.Failed++
	if len(i.summary.GetFailures()) < shownFailures {
		i.summary.Failures = append(i.summary.Failures, &userv1.ImportFailure{Index: index, Id: id, Reason: reason})
	}
}
