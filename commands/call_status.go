package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/term"
	"github.com/gctl-dev/gctl/reflection"
	"github.com/gctl-dev/gctl/rpc"
	"github.com/gctl-dev/gctl/rpc/message"
)

// rpcError is an RPC that started and ended with a status other than OK.
type rpcError struct {
	err  *fleet.Error
	code codes.Code
}

// Error returns one line.
func (e *rpcError) Error() string { return e.err.Error() }

// Unwrap returns the error for the user.
func (e *rpcError) Unwrap() error { return e.err }

// ExitCode is 64 and the status' code.
func (e *rpcError) ExitCode() int { return 64 + int(e.code) }

// statusError turns the end of an RPC into an error, nil for OK.
func (c *call) statusError(ctx context.Context, r *rpc.Result) error {
	if r.Status.Code() == codes.OK {
		return nil
	}
	e := &fleet.Error{
		What:     c.methodName() + ": " + rpc.CodeName(r.Status.Code()),
		Instance: r.Instance.ID,
		Details:  message.DetailLines(r.Status.Proto().GetDetails(), c.located.Schema.Types()),
		Hint:     c.statusHint(ctx, r),
	}
	if text := r.Status.Message(); text != "" {
		e.Err = errors.New(text)
	}
	if c.located.Method.IsStreamingServer() || c.located.Method.IsStreamingClient() {
		e.Details = append(e.Details, fmt.Sprintf("after %s sent and %d received", plural(r.Sent, "message"), r.Received))
	}
	return &rpcError{e, r.Status.Code()}
}

// statusHint says what to do about a status where that is known.
func (c *call) statusHint(ctx context.Context, r *rpc.Result) string {
	text := r.Status.Message()
	explain := "gctl explain " + term.Quote(cmp.Or(r.Instance.Addr, c.f.Global.Addr, c.located.Service))
	if hint := c.webHint(r, explain); hint != "" {
		return hint
	}
	switch {
	case strings.Contains(text, "larger than max") && (len(r.Header) == 0 || c.protocol != rpc.GRPC):
		return "the server accepts no request of this size: send less at a time"
	case strings.Contains(text, "larger than max"):
		return "a response may have at most --max-msg-sz bytes; raise it"
	case strings.Contains(text, "Decompressor is not installed"):
		return "the server does not read compressed requests; leave out --compress"
	case r.Status.Code() == codes.DeadlineExceeded && timeIsOver(ctx) && errors.Is(context.Cause(ctx), errTimeout):
		return "give the whole command longer by --timeout"
	case strings.Contains(text, "unexpected HTTP status code"), strings.Contains(text, "unexpected content-type"):
		return "the server's answer is not gRPC; " + explain + " shows it"
	}
	switch r.Status.Code() {
	case codes.DeadlineExceeded:
		return "give the RPC longer by --max-time"
	case codes.Unavailable:
		if len(r.Status.Proto().GetDetails()) > 0 {
			return "" // the server itself said so, and why: nothing is wrong with the way to it
		}
		return explain + " looks closer"
	case codes.Unimplemented:
		if hint := c.goneHint(ctx); hint != "" {
			return hint
		}
		return "this instance may be older or newer than the schema; gctl describe shows what it serves"
	case codes.Unauthenticated:
		return "pass credentials by -H 'authorization: Bearer ...', or save them: gctl context add NAME --auth COMMAND"
	}
	return ""
}

// goneHint fetches the schema again if it came from the cache, so that the next
// call sees what is there now, and says if the method is gone.
func (c *call) goneHint(ctx context.Context) string {
	if c.locator == nil || ctx.Err() != nil {
		return ""
	}
	_, _, err := c.locator.Again(ctx, c.located)
	var e *fleet.Error
	if !reflection.IsUnknown(err) || !errors.As(err, &e) {
		return ""
	}
	return strings.TrimSpace(c.located.Service + " does not have the method any more; " + e.Hint)
}
