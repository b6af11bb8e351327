package telemetry

import (
	"context"
	"net"
	"strings"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"
	grpcotel "google.golang.org/grpc/stats/opentelemetry"
)

// Client says what a connection is to.
type Client struct {
	// Target is the value of the label grpc_target in the metrics of instances.
	// grpc-go's own metrics have the full target there, "dns:///host:port".
	Target string
	// Instance returns the ID of the instance at an address (ip:port), or "" if
	// it knows none; the address stands for it then. It is called for each
	// attempt of a call and must be quick. May be nil.
	Instance func(addr string) string
}

// DialOptions return what makes a client connection tell about its calls:
// metrics, also by the instance that answered, a span for each attempt, and the
// trace context and request id of the call in whose course they are made sent
// along. Each connection needs options of its own.
func (t *Telemetry) DialOptions(c Client) []grpc.DialOption {
	var options []grpc.DialOption
	if t.spans != nil {
		options = append(options, grpc.WithStatsHandler(otelgrpc.NewClientHandler(t.tracing()...)))
	}
	options = append(options,
		grpc.WithStatsHandler(clientCalls{t, c}),
		grpcotel.DialOption(t.grpcMetrics()),
	)
	if t.legacy != nil {
		options = append(options,
			grpc.WithChainUnaryInterceptor(t.legacy.unaryClient),
			grpc.WithChainStreamInterceptor(t.legacy.streamClient))
	}
	return options
}

// clientCalls passes on the request id, and without tracing the trace context,
// and counts attempts by instance.
type clientCalls struct {
	t      *Telemetry
	client Client
}

type attemptKey struct{}

// attempt is one attempt of a call. Its events come one after the other.
type attempt struct {
	unary bool
	addr  net.Addr // of the instance, once it was picked
}

// TagConn implements stats.Handler.
func (clientCalls) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn implements stats.Handler.
func (clientCalls) HandleConn(context.Context, stats.ConnStats) {}

// TagRPC implements stats.Handler.
func (h clientCalls) TagRPC(ctx context.Context, info *stats.RPCTagInfo) context.Context {
	ctx = h.forward(ctx)
	if strings.HasPrefix(info.FullMethodName, healthPrefix) {
		return ctx // the connection's own watch says nothing about calls
	}
	return context.WithValue(ctx, attemptKey{}, &attempt{})
}

// forward adds to the metadata what the next server is to know.
func (h clientCalls) forward(ctx context.Context) context.Context {
	var pairs outgoing
	if h.t.spans == nil {
		h.t.propagator.Inject(ctx, &pairs)
	}
	if id := RequestID(ctx); id != "" {
		pairs.Set(requestIDKey, id)
	}
	if len(pairs) == 0 {
		return ctx
	}
	md, _ := metadata.FromOutgoingContext(ctx) // a copy
	if md == nil {
		md = metadata.MD{}
	}
	for i := 0; i < len(pairs); i += 2 {
		if len(md[pairs[i]]) == 0 { // the caller's own choice stands
			md[pairs[i]] = []string{pairs[i+1]}
		}
	}
	return metadata.NewOutgoingContext(ctx, md)
}

// outgoing collects metadata, key after value.
type outgoing []string

// Set implements propagation.TextMapCarrier.
func (o *outgoing) Set(key, value string) { *o = append(*o, key, value) }

// Get implements propagation.TextMapCarrier.
func (*outgoing) Get(string) string { return "" }

// Keys implements propagation.TextMapCarrier.
func (*outgoing) Keys() []string { return nil }

// HandleRPC implements stats.Handler.
func (h clientCalls) HandleRPC(ctx context.Context, event stats.RPCStats) {
	switch event := event.(type) {
	case *stats.Begin:
		if a, ok := ctx.Value(attemptKey{}).(*attempt); ok {
			a.unary = !event.IsClientStream && !event.IsServerStream
		}
	case *stats.OutHeader:
		if a, ok := ctx.Value(attemptKey{}).(*attempt); ok {
			a.addr = event.RemoteAddr
		}
	case *stats.End:
		a, ok := ctx.Value(attemptKey{}).(*attempt)
		if !ok || a.addr == nil { // no instance was to be had
			return
		}
		key := instanceKey{h.client.Target, h.client.instanceAt(a.addr)}
		h.t.instances.count(ctx, key, a.unary, event.EndTime.Sub(event.BeginTime), event.Error)
	}
}
