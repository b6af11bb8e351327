package telemetry

import (
	"context"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
)

// legacyMetrics are the metrics of go-grpc-prometheus
// (https://github.com/grpc-ecosystem/go-grpc-prometheus), by which many alerts
// and dashboards know a gRPC service. As there they count what reaches the
// interceptors, and a client's whole calls, not attempts.
type legacyMetrics struct{ server, client legacySide }

// legacySide is the server's or the client's half.
type legacySide struct {
	started, handled, received, sent *prometheus.CounterVec
	seconds                          *prometheus.HistogramVec
}

func newLegacyMetrics() *legacyMetrics {
	return &legacyMetrics{
		server: newLegacySide("server", "completed by the server, regardless of success or failure"),
		client: newLegacySide("client", "completed by the client, regardless of success or failure"),
	}
}

func newLegacySide(side, completed string) legacySide {
	labels := []string{"grpc_type", "grpc_service", "grpc_method"}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "grpc_" + side + "_" + name, Help: help}, labels)
	}
	return legacySide{
		started:  counter("started_total", "RPCs started on the "+side+".", labels...),
		handled:  counter("handled_total", "RPCs "+completed+".", append(labels, "grpc_code")...),
		received: counter("msg_received_total", "Messages received on the "+side+".", labels...),
		sent:     counter("msg_sent_total", "Messages sent by the "+side+".", labels...),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "grpc_" + side + "_handling_seconds",
			Help: "Time from the start of an RPC to its end, in seconds.", Buckets: prometheus.DefBuckets,
		}, labels),
	}
}

// Describe implements prometheus.Collector.
func (l *legacyMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range l.collectors() {
		c.Describe(ch)
	}
}

// Collect implements prometheus.Collector.
func (l *legacyMetrics) Collect(ch chan<- prometheus.Metric) {
	for _, c := range l.collectors() {
		c.Collect(ch)
	}
}

func (l *legacyMetrics) collectors() []prometheus.Collector {
	var all []prometheus.Collector
	for _, s := range []legacySide{l.server, l.client} {
		all = append(all, s.started, s.handled, s.received, s.sent, s.seconds)
	}
	return all
}

// legacyCall is one RPC that is under way.
type legacyCall struct {
	side           legacySide
	labels         []string
	start          time.Time
	received, sent prometheus.Counter
}

// begin counts the start of an RPC. A method is "other" if known is false,
// because its name may be anything.
func (s legacySide) begin(fullMethod string, kind string, known bool) *legacyCall {
	service, method := "other", "other"
	if known {
		service, method, _ = strings.Cut(strings.TrimPrefix(fullMethod, "/"), "/")
	}
	labels := []string{kind, service, method}
	s.started.WithLabelValues(labels...).Inc()
	return &legacyCall{
		side: s, labels: labels, start: time.Now(),
		received: s.received.WithLabelValues(labels...), sent: s.sent.WithLabelValues(labels...),
	}
}

func (c *legacyCall) end(ctx context.Context, err error) {
	seconds := time.Since(c.start).Seconds()
	c.side.handled.WithLabelValues(append(c.labels, status.Code(err).String())...).Inc()
	observe(ctx, c.side.seconds.WithLabelValues(c.labels...), seconds)
}

// observe adds a value to a histogram, with the trace as its exemplar if it is
// sampled.
func observe(ctx context.Context, histogram prometheus.Observer, value float64) {
	if span := trace.SpanContextFromContext(ctx); span.IsSampled() {
		if o, ok := histogram.(prometheus.ExemplarObserver); ok {
			o.ObserveWithExemplar(value, prometheus.Labels{"trace_id": span.TraceID().String(), "span_id": span.SpanID().String()})
			return
		}
	}
	histogram.Observe(value)
}

// kindOf is the value of grpc_type.
func kindOf(clientStreams, serverStreams bool) string {
	switch {
	case clientStreams && serverStreams:
		return "bidi_stream"
	case clientStreams:
		return "client_stream"
	case serverStreams:
		return "server_stream"
	}
	return "unary"
}

func (l *legacyMetrics) unaryServer(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (response any, err error) {
	call := l.server.begin(info.FullMethod, "unary", true)
	call.received.Inc()
	err = errPanicked // unless the handler returns
	defer func() { call.end(ctx, err) }()
	response, err = handler(ctx, request)
	if err == nil {
		call.sent.Inc()
	}
	return response, err
}

func (l *legacyMetrics) streamServer(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
	// Without a server it is a handler of unknown methods (grpc.UnknownServiceHandler).
	call := l.server.begin(info.FullMethod, kindOf(info.IsClientStream, info.IsServerStream), srv != nil)
	err = errPanicked
	defer func() { call.end(stream.Context(), err) }()
	return handler(srv, legacyServerStream{stream, call})
}

type legacyServerStream struct {
	grpc.ServerStream

	call *legacyCall
}

func (s legacyServerStream) SendMsg(m any) error {
	err := s.ServerStream.SendMsg(m)
	if err == nil {
		s.call.sent.Inc()
	}
	return err
}

func (s legacyServerStream) RecvMsg(m any) error {
	err := s.ServerStream.RecvMsg(m)
	if err == nil {
		s.call.received.Inc()
	}
	return err
}
