package edge

import (
	"context"
	"log/slog"
	"sync/atomic"

	"golang.org/x/time/rate"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"github.com/gctl-dev/gctl/svc/kit"
)

// Domain is the domain of the ErrorInfo in the errors of the edge that are not
// about one request. Its metadata name the "target".
const Domain = "gctl.kit"

// The reasons in that ErrorInfo, all with UNAVAILABLE.
const (
	ReasonNoInstance   = "NO_INSTANCE"   // nothing was sent: there is no instance, or none that takes connections
	ReasonNoAnswer     = "NO_ANSWER"     // the request was sent and the answer is lost: it may have been done, and can be repeated where the method is idempotent
	ReasonStreamBroken = "STREAM_BROKEN" // a stream ended in the middle of its answers: resume it
	ReasonStopping     = "STOPPING"      // the edge stops and ended a stream: resume it by another connection
)

// unreachedLines is how many calls a second are logged that did not reach the
// service; the metrics say how many there are.
const unreachedLines = 100

// DialOptions are what the connection of an edge is to be made with. By them it
// tells what the service answered from what happened on the way, which is
// nothing for callers to know: addresses, and how instances are looked after.
// Errors of a connection without them pass as they are.
func DialOptions() []grpc.DialOption {
	return []grpc.DialOption{grpc.WithStatsHandler(watcher{})}
}

// reach is how far the last attempt of a call came: whether it began, was sent,
// got the first of its answer, and got the status.
type reach struct{ began, sent, heard, answered atomic.Bool }

type reachKey struct{}

func withReach(ctx context.Context) (context.Context, *reach) {
	r := &reach{}
	return context.WithValue(ctx, reachKey{}, r), r
}

// watcher keeps the reach of calls.
type watcher struct{}

// TagConn implements stats.Handler.
func (watcher) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn implements stats.Handler.
func (watcher) HandleConn(context.Context, stats.ConnStats) {}

// TagRPC implements stats.Handler.
func (watcher) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

// HandleRPC implements stats.Handler.
func (watcher) HandleRPC(ctx context.Context, event stats.RPCStats) {
	r, ok := ctx.Value(reachKey{}).(*reach)
	if !ok {
		return
	}
	switch event.(type) {
	case *stats.Begin:
		r.began.Store(true)
		r.sent.Store(false)
		r.heard.Store(false)
		r.answered.Store(false)
	case *stats.OutHeader:
		r.sent.Store(true)
	case *stats.InHeader:
		r.heard.Store(true)
	case *stats.InTrailer: // which has the status
		r.answered.Store(true)
	}
}

// unreached tells callers of a service that was not reached.
type unreached struct {
	target string
	log    *slog.Logger
	lines  *rate.Limiter
}

func newUnreached(o *Options) *unreached {
	return &unreached{o.Target, o.Log, rate.NewLimiter(unreachedLines, unreachedLines)}
}

// public returns the error that the caller gets. One that the connection made
// goes to the log.
func (u *unreached) public(ctx context.Context, m *method, r *reach, err error) error {
	s := status.Convert(err)
	// What interceptors say, as a breaker does, has details; grpc-go's own has none.
	if err == nil || s.Code() != codes.Unavailable || len(s.Proto().GetDetails()) > 0 || !r.began.Load() || r.answered.Load() {
		return err
	}
	reason, text := u.explain(m, r)
	if u.lines.Allow() {
		u.log.WarnContext(ctx, text, "target", u.target, "method", m.path[1:], "reason", reason, "error", s.Message())
	}
	return u.unavailable(reason, text)
}

// explain says what happened to a call that has no status.
func (u *unreached) explain(m *method, r *reach) (reason, text string) {
	switch {
	case !r.sent.Load():
		return ReasonNoInstance, "no instance of " + u.target + " can be reached"
	case m.answers && r.heard.Load():
		return ReasonStreamBroken, "the stream of " + u.target + " broke off: resume it"
	case m.idempotent:
		return ReasonNoAnswer, "no answer came from " + u.target + ": call again"
	default:
		return ReasonNoAnswer, "no answer came from " + u.target + "; the call may have been done"
	}
}

// stopping is what streams get when the edge stops.
func (u *unreached) stopping() error {
	return u.unavailable(ReasonStopping, "the edge is stopping: connect again")
}

func (u *unreached) unavailable(reason, text string) error {
	return kit.Status(codes.Unavailable, text,
		&errdetails.ErrorInfo{Reason: reason, Domain: Domain, Metadata: map[string]string{"target": u.target}})
}
