package testkit

import (
	"context"
	"encoding/hex"
	"maps"
	"slices"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/gctl-dev/gctl/fleet"
)

// SendOTLP sends traces to a collector at host:port by the generated client of
// OTLP over gRPC.
func SendOTLP(ctx context.Context, addr string, traces ...fleet.Trace) (*collector.ExportTraceServiceResponse, error) {
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return collector.NewTraceServiceClient(conn).Export(ctx, OTLP(traces...), grpc.WaitForReady(true))
}

// OTLP is the request that exports traces.
func OTLP(traces ...fleet.Trace) *collector.ExportTraceServiceRequest {
	request := &collector.ExportTraceServiceRequest{}
	for _, t := range traces {
		for i := range t.Spans {
			s := &t.Spans[i]
			attributes := otlpAttributes(s.Resource)
			if s.Resource["service.name"] == "" && s.Service != "" {
				attributes = append(attributes, otlpAttributes(map[string]string{"service.name": s.Service})...)
			}
			request.ResourceSpans = append(request.ResourceSpans, &tracepb.ResourceSpans{
				Resource:   &resource.Resource{Attributes: attributes},
				ScopeSpans: []*tracepb.ScopeSpans{{Spans: []*tracepb.Span{otlpSpan(t.ID, s)}}},
			})
		}
	}
	return request
}

func otlpSpan(trace string, s *fleet.Span) *tracepb.Span {
	kinds := map[fleet.SpanKind]tracepb.Span_SpanKind{
		fleet.SpanInternal: tracepb.Span_SPAN_KIND_INTERNAL, fleet.SpanServer: tracepb.Span_SPAN_KIND_SERVER,
		fleet.SpanClient: tracepb.Span_SPAN_KIND_CLIENT, fleet.SpanProducer: tracepb.Span_SPAN_KIND_PRODUCER,
		fleet.SpanConsumer: tracepb.Span_SPAN_KIND_CONSUMER,
	}
	out := &tracepb.Span{
		TraceId: unhex(trace), SpanId: unhex(s.ID), ParentSpanId: unhex(s.Parent), Name: s.Name, Kind: kinds[s.Kind],
		StartTimeUnixNano: uint64(s.Start.UnixNano()), EndTimeUnixNano: uint64(s.End().UnixNano()),
		Attributes: otlpAttributes(s.Attributes), Status: &tracepb.Status{Message: s.Message},
	}
	if s.Error {
		out.Status.Code = tracepb.Status_STATUS_CODE_ERROR
	}
	for _, e := range s.Events {
		out.Events = append(out.Events, &tracepb.Span_Event{
			TimeUnixNano: uint64(e.At.UnixNano()), Name: e.Name, Attributes: otlpAttributes(e.Attributes),
		})
	}
	return out
}

func otlpAttributes(m map[string]string) []*common.KeyValue {
	var list []*common.KeyValue
	for _, key := range slices.Sorted(maps.Keys(m)) {
		list = append(list, &common.KeyValue{Key: key, Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: m[key]}}})
	}
	return list
}

func unhex(text string) []byte {
	raw, err := hex.DecodeString(text)
	if err != nil {
		panic(err) // a test wrote it
	}
	return raw
}
