package telemetry

import (
	"context"
	"log/slog"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"github.com/gctl-dev/gctl/svc/kit/identity"
	"github.com/gctl-dev/gctl/svc/kit/telemetry/ecs"
)

// errorLinesPerSecond bounds the access log above debug: when everything fails
// the metrics say how much, and some lines say what.
const errorLinesPerSecond = 100

// logAccess writes one line at the end of a call: at info if it failed by the
// server's fault, else at debug. Where debug is not logged a good call costs a
// comparison.
func (t *Telemetry) logAccess(ctx context.Context, end *stats.End) {
	c, ok := ctx.Value(callKey{}).(*call)
	if !ok {
		return
	}
	state := status.Convert(end.Error)
	level := slog.LevelDebug
	if serverFault(state.Code()) {
		level = slog.LevelInfo
	}
	if !t.log.Enabled(ctx, level) || level > slog.LevelDebug && !t.log.Enabled(ctx, slog.LevelDebug) && !t.errorLines.Allow() {
		return
	}
	took := end.EndTime.Sub(end.BeginTime)
	attrs := append(ecs.Event("call", took, state.Code() == codes.OK),
		slog.String("rpc.method", cutMethod(strings.TrimPrefix(c.method, "/"))),
		slog.String("rpc.response.status_code", statusName(state.Code())),
		slog.Float64("duration_ms", float64(took.Microseconds())/1000),
	)
	if p, ok := peer.FromContext(ctx); ok && p.Addr != nil {
		attrs = append(attrs, slog.String("client.address", p.Addr.String()))
	}
	if who := identity.Of(ctx); who != "" {
		attrs = append(attrs, slog.String("user.name", who))
	}
	if state.Code() != codes.OK {
		attrs = append(attrs, slog.String("error.message", state.Message()))
	}
	t.log.LogAttrs(ctx, level, "call", attrs...)
}

// serverFault tells whether a code says that the server failed, not the caller.
// The list is that of OpenTelemetry's conventions for spans of gRPC servers
// (https://opentelemetry.io/docs/specs/semconv/rpc/grpc/), without UNIMPLEMENTED,
// which here means a caller of another version.
func serverFault(code codes.Code) bool {
	switch code {
	case codes.Unknown, codes.DeadlineExceeded, codes.Internal, codes.Unavailable, codes.DataLoss:
		return true
	default:
		return false
	}
}

// cutMethod bounds the name of a method, which a caller may make up.
func cutMethod(name string) string {
	if len(name) > 256 {
		return name[:256]
	}
	return name
}
