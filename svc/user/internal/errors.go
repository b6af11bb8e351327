package internal

import (
	"context"
	"errors"
	"strings"

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
	reasonReused   = "REQUEST_ID_REUSED"
	reasonEtag     = "ETAG_MISMATCH"
	reasonTooOld   = "TOKEN_TOO_OLD"
	reasonForeign  = "TOKEN_OF_OTHER_STORE"
	reasonStopping = "STOPPING"
	reasonAway     = "STORE_UNAVAILABLE"
	reasonSlow     = "STORE_SLOW"
	reasonFull     = "STORE_FULL"
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
	case errors.Is(err, repository.ErrReused):
		return kit.Status(codes.InvalidArgument, "request_id: belongs to another request",
			info(reasonReused),
			&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{violation("request_id", "belongs to another request")}})
	case errors.Is(err, repository.ErrTooOld):
		return kit.Status(codes.OutOfRange, "the token is too old: start again without one", info(reasonTooOld))
	case errors.Is(err, repository.ErrAway), errors.Is(err, repository.ErrSlow), errors.Is(err, repository.ErrFull):
		return storeError{err} // before what it may wrap
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return status.FromContextError(err).Err()
	}
	if _, ok := status.FromError(err); ok {
		return err
	}
	// What the store says is for the log, not for clients.
	return storeError{err}
}

// storeError is an error of the store that is no answer. Its status does not
// show the cause.
type storeError struct{ cause error }

func (e storeError) Error() string { return "store: " + e.cause.Error() }

func (e storeError) Unwrap() error { return e.cause }

// GRPCStatus says what the client gets.
func (e storeError) GRPCStatus() *status.Status {
	var err error
	switch {
	case errors.Is(e.cause, repository.ErrAway):
		err = kit.Status(codes.Unavailable, "the user store is away", info(reasonAway))
	case errors.Is(e.cause, repository.ErrSlow):
		err = kit.Status(codes.DeadlineExceeded, "the user store did not answer in time", info(reasonSlow))
	case errors.Is(e.cause, repository.ErrFull):
		err = kit.Status(codes.ResourceExhausted, "the user store is full", info(reasonFull))
	default:
		err = status.Error(codes.Internal, "the user store failed")
	}
	return status.Convert(err)
}

func errStopping() error {
	return kit.Status(codes.Unavailable, "this instance is stopping: resume with the last token", info(reasonStopping))
}

func errForeign() error {
	return kit.Status(codes.OutOfRange, "the token is of another store: start again without one", info(reasonForeign))
}

// invalid is the error about one field of a request that no rule covers.
func invalid(field, text string) error { return (&violations{violation(field, text)}).err() }

func violation(field, text string) *errdetails.BadRequest_FieldViolation {
	return &errdetails.BadRequest_FieldViolation{Field: field, Description: text}
}

// violations are what is wrong with a request.
type violations []*errdetails.BadRequest_FieldViolation

// add notes what is wrong with a field, if anything is.
func (v *violations) add(field string, err error) {
	if err != nil {
		*v = append(*v, violation(field, err.Error()))
	}
}

// err returns the error about all of them, nil if there are none.
func (v *violations) err() error {
	if len(*v) == 0 {
		return nil
	}
	texts := make([]string, len(*v))
	for i, f := range *v {
		texts[i] = f.GetField() + ": " + f.GetDescription()
	}
	return kit.Status(codes.InvalidArgument, strings.Join(texts, "; "),
		&errdetails.ErrorInfo{Reason: kit.ReasonInvalid, Domain: domain}, &errdetails.BadRequest{FieldViolations: *v})
}

func info(reason string, pairs ...string) *errdetails.ErrorInfo {
	metadata := map[string]string{}
	for i := 0; i+1 < len(pairs); i += 2 {
		metadata[pairs[i]] = pairs[i+1]
	}
	return &errdetails.ErrorInfo{Reason: reason, Domain: domain, Metadata: metadata}
}
