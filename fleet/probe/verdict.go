package probe

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/rpc"
)

var errNoAnswer = errors.New("no answer in time")

// says turns the status that an instance sent into its health.
func says(h fleet.Health, s healthpb.HealthCheckResponse_ServingStatus) fleet.Health {
	switch s {
	case healthpb.HealthCheckResponse_SERVING:
		h.State = fleet.Serving
	case healthpb.HealthCheckResponse_NOT_SERVING:
		h.State = fleet.NotServing
	case healthpb.HealthCheckResponse_SERVICE_UNKNOWN:
		h.State, h.Err = fleet.Unimplemented, noSuchName(&h)
	default:
		h.Err = &fleet.Error{What: "it says that its health is " + s.String(), Instance: h.Instance.ID}
	}
	return h
}

func noSuchName(h *fleet.Health) error {
	return &fleet.Error{What: fmt.Sprintf("its health service knows no %q", h.Name), Instance: h.Instance.ID}
}

// failed tells why there is no verdict. The end of ctx, which is the asker's, says
// nothing of the instance.
func (p *Prober) failed(ctx context.Context, h fleet.Health, connected bool, err error) fleet.Health {
	if ended(ctx) {
		h.Err = context.Cause(ctx)
		if h.Err == nil {
			h.Err = context.DeadlineExceeded
		}
		return h
	}
	if !connected {
		return p.unreached(h, err)
	}
	s := status.Convert(err)
	words, hint := rpc.Fault(s, h.Instance.Addr)
	e := &fleet.Error{Instance: h.Instance.ID, Err: errors.New(rpc.CodeName(s.Code()) + " " + words), Hint: hint}
	h.Err = e
	switch code := s.Code(); {
	case rpc.NotGRPC(s):
		h.State, e.What = fleet.Unreachable, "it speaks HTTP/2 but not gRPC"
	case code == codes.Unimplemented:
		h.State, e.What, e.Err = fleet.Unimplemented, "it has no health service", nil
		e.Hint = ""
	case code == codes.NotFound:
		h.State, h.Err = fleet.Unimplemented, noSuchName(&h)
	case code == codes.DeadlineExceeded:
		h.State, e.Err = fleet.TimedOut, nil
		e.What = fmt.Sprintf("connected, but no answer within %s", p.timeout)
		e.Hint = "the process hangs, or is overloaded"
	case code == codes.Unavailable:
		h.State, e.What = fleet.Unreachable, "the connection was lost before the answer"
	case code == codes.Unauthenticated, code == codes.PermissionDenied:
		e.What, e.Hint = "it refuses to tell its health", "it may want credentials: -H 'authorization: ...'"
	default:
		e.What = "it does not tell its health"
	}
	return h
}

// ended tells whether the asker's time is over. An RPC may end by its deadline a
// moment before the context does.
func ended(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(deadline)
}

// unreached is for an instance to which there is no connection.
func (p *Prober) unreached(h fleet.Health, err error) fleet.Health {
	h.State, h.Err = fleet.Unreachable, err
	found, known := rpc.Diagnose(err)
	if ce, ok := errors.AsType[*rpc.ConnectError](err); ok {
		found, known = ce.Finding, true
	}
	if errors.Is(err, errNoAnswer) || known && found.Cause == rpc.CauseNoAnswer {
		h.State = fleet.TimedOut
		h.Err = &fleet.Error{
			What: fmt.Sprintf("no answer within %s", p.timeout), Instance: h.Instance.ID,
			Hint: "a firewall may swallow the packets, or the process hangs: gctl explain " + h.Instance.Addr,
		}
	}
	return h
}
