package telemetry

import (
	"context"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/attribute"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"
	grpcotel "google.golang.org/grpc/stats/opentelemetry"
)

// ServerOptions return what makes a server tell about its calls, in this order:
// trace context, request id, metrics, access log. They see each call from
// outside of all interceptors, so a panic that an interceptor recovers, or a
// call that one refuses, is traced, measured and logged as what the caller got.
func (t *Telemetry) ServerOptions() []grpc.ServerOption {
	var options []grpc.ServerOption
	if t.spans != nil {
		options = append(options, grpc.StatsHandler(otelgrpc.NewServerHandler(t.tracing()...)))
	}
	unary := []grpc.UnaryServerInterceptor{answerUnary}
	stream := []grpc.StreamServerInterceptor{answerStream}
	if t.legacy != nil {
		unary = append(unary, t.legacy.unaryServer)
		stream = append(stream, t.legacy.streamServer)
	}
	return append(options,
		grpc.StatsHandler(serverCalls{t}),
		grpcotel.ServerOption(t.grpcMetrics()),
		grpc.ChainUnaryInterceptor(unary...),
		grpc.ChainStreamInterceptor(stream...),
	)
}

// tracing are the options of OpenTelemetry's instrumentation of gRPC, which is
// taken for traces only.
func (t *Telemetry) tracing() []otelgrpc.Option {
	return []otelgrpc.Option{
		otelgrpc.WithTracerProvider(t.spans.provider),
		otelgrpc.WithPropagators(t.propagator),
		otelgrpc.WithMeterProvider(metricnoop.NewMeterProvider()),
	}
}

// serverCalls gives each call of a server its request id, and without tracing
// the caller's trace context, and writes the access log.
type serverCalls struct{ t *Telemetry }

// TagConn implements stats.Handler.
func (serverCalls) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn implements stats.Handler.
func (serverCalls) HandleConn(context.Context, stats.ConnStats) {}

// TagRPC implements stats.Handler.
func (s serverCalls) TagRPC(ctx context.Context, info *stats.RPCTagInfo) context.Context {
	if s.t.spans == nil {
		ctx = s.t.propagator.Extract(ctx, incoming{ctx})
	}
	c := newCall(ctx, info.FullMethodName)
	if span := trace.SpanFromContext(ctx); span.IsRecording() {
		span.SetAttributes(attribute.String("http.request.id", c.id))
	}
	return context.WithValue(ctx, callKey{}, c)
}

// HandleRPC implements stats.Handler.
func (s serverCalls) HandleRPC(ctx context.Context, event stats.RPCStats) {
	if end, ok := event.(*stats.End); ok {
		s.t.logAccess(ctx, end)
	}
}

// incoming reads the metadata of a call, one key at a time: all of it would be
// copied.
type incoming struct{ ctx context.Context } //nolint:containedctx // lives for one look-up

func (i incoming) Get(key string) string {
	values := metadata.ValueFromIncomingContext(i.ctx, key)
	if len(values) != 1 {
		return ""
	}
	return values[0]
}

func (incoming) Set(string, string) {}
func (incoming) Keys() []string     { return nil }

// answerUnary tells the caller the request id: in the header if it is the
// caller's own, in the trailer of a call that failed if it was made up. It is
// not in every answer, because a text that never repeats is what headers cost
// most.
func answerUnary(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	c, ok := ctx.Value(callKey{}).(*call)
	if !ok {
		return handler(ctx, request)
	}
	if c.sent {
		_ = grpc.SetHeader(ctx, metadata.MD{requestIDKey: {c.id}}) // fails only after the header was sent
	}
	response, err := handler(ctx, request)
	if err != nil && !c.sent {
		_ = grpc.SetTrailer(ctx, metadata.MD{requestIDKey: {c.id}})
	}
	return response, err
}

func answerStream(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	c, ok := stream.Context().Value(callKey{}).(*call)
	if !ok {
		return handler(srv, stream)
	}
	if c.sent {
		_ = stream.SetHeader(metadata.MD{requestIDKey: {c.id}})
	}
	err := handler(srv, stream)
	if err != nil && !c.sent {
		stream.SetTrailer(metadata.MD{requestIDKey: {c.id}})
	}
	return err
}
