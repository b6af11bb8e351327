package control

import (
	"cmp"
	"context"
	"errors"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/rpc"
	"github.com/gctl-dev/gctl/rpc/message"
)

// The domain and the reasons that the control API gives (see svc/kit/control).
const (
	domain     = "gctl.control.v1"
	reasonEtag = "ETAG_MISMATCH"
)

// reason is an error's own words, and what callers decide by.
type reason struct {
	text string
	kind error
}

// Error returns the words.
func (r *reason) Error() string { return r.text }

// Unwrap returns what callers decide by.
func (r *reason) Unwrap() error { return r.kind }

// explain turns the end of an RPC into an error for people. The end of the
// command's own context stays what it is.
func (c *controller) explain(ctx context.Context, what string, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return context.Cause(ctx)
	}
	s := status.Convert(err)
	if s.Code() == codes.Unauthenticated {
		c.headers.Refused()
	}
	info := infoOf(s)
	words, hint := rpc.Fault(s, c.at)
	e := &fleet.Error{What: what, Instance: c.instance.ID, Err: errors.New(rpc.CodeName(s.Code()) + ": " + words)}
	if info == nil { // the API's own text says it all
		e.Hint = hint
		e.Details = message.DetailLines(s.Proto().GetDetails(), protoregistry.GlobalTypes)
	}
	own := errors.New(cmp.Or(words, rpc.CodeName(s.Code())))
	switch s.Code() {
	case codes.Unimplemented:
		if info == nil {
			e.Err = &reason{"no control API (gctl.control.v1) is served at " + c.at, fleet.ErrNoControl}
			e.Hint = `the catalog's meta "admin" says where it is; services built on the kit serve it with --admin-listen`
			return e
		}
		e.Err = &reason{own.Error(), fleet.ErrNoPart}
	case codes.NotFound:
		e.Err = &reason{own.Error(), fleet.ErrNotFound}
	case codes.FailedPrecondition:
		e.Err = own
		if info.GetReason() == reasonEtag {
			e.Err = &reason{own.Error(), fleet.ErrChanged}
			e.Hint = "look again what it is now, and decide anew"
		}
	case codes.PermissionDenied, codes.Unauthenticated:
		e.Hint = "the context's admin says who you are to control APIs: admin: {tls: {cert: FILE, key: FILE}}, or headers, or auth"
	case codes.DeadlineExceeded:
		e.Err = errors.New("no answer in time")
		e.Hint = "it hangs or is overloaded: gctl explain " + c.instance.Addr
	case codes.InvalidArgument, codes.ResourceExhausted:
		e.Err = own
	}
	return e
}

// infoOf returns what the control API says about its own error, nil where it was
// not the API that answered.
func infoOf(s *status.Status) *errdetails.ErrorInfo {
	for _, d := range s.Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok && info.GetDomain() == domain {
			return info
		}
	}
	return nil
}
