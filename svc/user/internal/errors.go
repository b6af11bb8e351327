package internal

import (
	"context"
	"errors"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gctl-dev/gctl/svc/kit"
	"github.com/gctl-dev/gctl/svc/user/repository"
)

// domain stands in every ErrorInfo of the service.
const domain = "user.v1"

// The reasons in the service's ErrorInfos.
const (
	reasonNotFound = "USER_NOT_FOUND"
	reasonTaken    = "USER_EXISTS"
	reasonTooOld   = "TOKEN_TOO_OLD"
	reasonStopping = "STOPPING"
)

// toStatus returns what a client gets to see of an error about the user with
// the given ID.
func toStatus(err error, id string) error {
	var taken *repository.TakenError
	switch {
	case errors.Is(err, repository.ErrNotFound):
		return kit.Status(codes.NotFound, "user "+id+" does not exist",
			info(reasonNotFound, "id", id),
			&errdetails.ResourceInfo{ResourceType: "user.v1.User", ResourceName: id})
	case errors.As(err, &taken):
		return kit.Status(codes.AlreadyExists, taken.Error(), info(reasonTaken, "field", taken.Field, "value", taken.Value))
	case errors.Is(err, repository.ErrTooOld):
		return kit.Status(codes.OutOfRange, "the token is too old: start again without one", info(reasonTooOld))
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return status.FromContextError(err).Err()
	}
	if _, ok := status.FromError(err); ok {
		return err
	}
	// What the store says is for the log, not for clients.
	return storeError{err}
}

// storeError is an unexpected error of the store. Its status does not show the
// cause.
type storeError struct{ cause error }

func (e storeError) Error() string { return "store: " + e.cause.Error() }

func (e storeError) Unwrap() error { return e.cause }

// GRPCStatus says what the client gets.
func (storeError) GRPCStatus() *status.Status {
	return status.New(codes.Unavailable, "the user store does not answer")
}

func errStopping() error {
	return kit.Status(codes.Unavailable, "this instance is stopping: resume with the last token", info(reasonStopping))
}

// invalid is the error about one field of a request that no rule covers.
func invalid(field, text string) error {
	return kit.Status(codes.InvalidArgument, field+": "+text,
		&errdetails.ErrorInfo{Reason: kit.ReasonInvalid, Domain: domain},
		&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: field, Description: text}}})
}

func info(reason string, pairs ...string) *errdetails.ErrorInfo {
	metadata := map[string]string{}
	for i := 0; i+1 < len(pairs); i += 2 {
		metadata[pairs[i]] = pairs[i+1]
	}
	return &errdetails.ErrorInfo{Reason: reason, Domain: domain, Metadata: metadata}
}
