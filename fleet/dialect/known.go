package dialect

import (
	"slices"
	"sync"
)

// otel returns the names that exporters to Prometheus give an instrument of
// OpenTelemetry, by their translation strategy
// (https://github.com/prometheus/otlptranslator): underscores or UTF-8, with the
// unit or without.
func otel(instrument, unit string) []string {
	under := underscored(instrument)
	return []string{under + "_" + unit, instrument + "_" + unit, instrument, under}
}

const milli = 0.001

// known are the dialects by preference: what sees every call and names methods in
// full comes first. The table is made when it is first needed, since most commands
// never do.
//
//nolint:gochecknoglobals // a table that the language cannot make constant
var known = sync.OnceValue(func() []Dialect { return slices.Concat(libraries(), meshes()) })

// libraries count in the process itself.
func libraries() []Dialect {
	return []Dialect{
		{
			// The kit's own, which knows the instance that answered; see docs/kit.md.
			Name: "kit instances",
			Client: &Names{
				Calls: []string{"grpc_client_instance_attempts_total"}, Duration: []string{"grpc_client_instance_attempt_duration_seconds"}, Unit: 1,
				Code: []string{"grpc_status"}, Callee: []string{"grpc_target"}, Answered: "grpc_target_instance",
			},
		},
		{
			// https://github.com/grpc/proposal/blob/master/A66-otel-stats.md
			Name: "grpc-go OpenTelemetry",
			Server: &Names{
				Duration: otel("grpc.server.call.duration", "seconds"), Unit: 1,
				Method: []string{"grpc.method"}, Code: []string{"grpc.status"},
			},
			Client: &Names{
				Duration: otel("grpc.client.attempt.duration", "seconds"), Unit: 1,
				Method: []string{"grpc.method"}, Code: []string{"grpc.status"}, Callee: []string{"grpc.target"},
			},
		},
		{
			// https://github.com/grpc-ecosystem/go-grpc-middleware, providers/prometheus,
			// and its predecessor go-grpc-prometheus.
			Name: "go-grpc-middleware",
			Server: &Names{
				Calls: []string{"grpc_server_handled_total"}, Duration: []string{"grpc_server_handling_seconds"}, Unit: 1,
				Method: []string{"grpc_service", "grpc_method"}, Code: []string{"grpc_code"},
			},
			Client: &Names{
				Calls: []string{"grpc_client_handled_total"}, Duration: []string{"grpc_client_handling_seconds"}, Unit: 1,
				Method: []string{"grpc_service", "grpc_method"}, Code: []string{"grpc_code"},
			},
		},
		{
			// https://opentelemetry.io/docs/specs/semconv/rpc/rpc-metrics/
			Name: "OpenTelemetry RPC",
			Server: &Names{
				Duration: otel("rpc.server.call.duration", "seconds"), Unit: 1, Scoped: true,
				Method: []string{"rpc.method"}, Code: []string{"rpc.response.status_code"},
			},
			Client: &Names{
				Duration: otel("rpc.client.call.duration", "seconds"), Unit: 1, Scoped: true,
				Method: []string{"rpc.method"}, Code: []string{"rpc.response.status_code"}, Callee: []string{"server.address"},
			},
		},
		{
			// The same before version 1.39 of the conventions.
			Name: "OpenTelemetry RPC, old",
			Server: &Names{
				Duration: otel("rpc.server.duration", "milliseconds"), Unit: milli,
				Method: []string{"rpc.service", "rpc.method"}, Code: []string{"rpc.grpc.status_code"},
			},
			Client: &Names{
				Duration: otel("rpc.client.duration", "milliseconds"), Unit: milli,
				Method: []string{"rpc.service", "rpc.method"}, Code: []string{"rpc.grpc.status_code"}, Callee: []string{"server.address"},
			},
		},
		{
			// https://github.com/zeromicro/go-zero, zrpc/internal.
			Name: "go-zero",
			Server: &Names{
				Calls: []string{"rpc_server_requests_code_total"}, Duration: []string{"rpc_server_requests_duration_ms"}, Unit: milli,
				Method: []string{"method"}, Code: []string{"code"},
			},
			Client: &Names{
				Calls: []string{"rpc_client_requests_code_total"}, Duration: []string{"rpc_client_requests_duration_ms"}, Unit: milli,
				Method: []string{"method"}, Code: []string{"code"},
			},
		},
		{
			// https://github.com/go-kratos/kratos, middleware/metrics. The default name
			// of its histogram ends in _bucket already.
			Name: "kratos",
			Server: &Names{
				Calls: []string{"server_requests_code_total"}, Duration: kratos("server_requests_seconds"), Unit: 1, HTTP: true,
				Where: [][2]string{{"kind", "grpc"}}, Method: []string{"operation"}, Code: []string{"code"},
			},
			Client: &Names{
				Calls: []string{"client_requests_code_total"}, Duration: kratos("client_requests_seconds"), Unit: 1, HTTP: true,
				Where: [][2]string{{"kind", "grpc"}}, Method: []string{"operation"}, Code: []string{"code"},
			},
		},
	}
}

// meshes count beside it.
func meshes() []Dialect {
	return []Dialect{
		{
			// https://istio.io/latest/docs/reference/config/metrics/
			Name: "Istio",
			Server: &Names{
				Calls: []string{"istio_requests_total"}, Duration: []string{"istio_request_duration_milliseconds"}, Unit: milli, Mesh: true,
				Where: [][2]string{{"reporter", "destination"}, {"request_protocol", "grpc"}},
				Code:  []string{"grpc_response_status"}, Callee: istioCallee, Caller: istioCaller,
			},
			Client: &Names{
				Calls: []string{"istio_requests_total"}, Duration: []string{"istio_request_duration_milliseconds"}, Unit: milli, Mesh: true,
				Where: [][2]string{{"reporter", "source"}, {"request_protocol", "grpc"}},
				Code:  []string{"grpc_response_status"}, Callee: istioCallee, Caller: istioCaller,
			},
		},
		{
			// https://linkerd.io/2/reference/proxy-metrics/
			Name: "Linkerd",
			Server: &Names{
				Calls: []string{"response_total"}, Duration: []string{"response_latency_ms"}, Unit: milli, Mesh: true,
				Where: [][2]string{{"direction", "inbound"}},
				Code:  []string{"grpc_status", "classification"}, Callee: []string{"deployment", "workload_name"},
			},
			Client: &Names{
				Calls: []string{"response_total"}, Duration: []string{"response_latency_ms"}, Unit: milli, Mesh: true,
				Where: [][2]string{{"direction", "outbound"}},
				Code:  []string{"grpc_status", "classification"}, Callee: []string{"dst_service", "dst_deployment"}, Caller: []string{"deployment", "workload_name"},
			},
		},
	}
}

//nolint:gochecknoglobals // constants that the language cannot express
var (
	istioCallee = []string{"destination_canonical_service", "destination_service_name", "destination_workload"}
	istioCaller = []string{"source_canonical_service", "source_workload"}
)

func kratos(name string) []string {
	return []string{name, name + "_bucket", name + "_bucket_seconds"}
}
