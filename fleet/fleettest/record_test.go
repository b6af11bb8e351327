package fleettest_test

import (
	"context"
	"flag"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/attribute"
	otelprom "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	grpcotel "google.golang.org/grpc/stats/opentelemetry"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/emptypb"
)

// underscores is the strategy that exporters had from the beginning.
var underscores = otelprom.WithTranslationStrategy("UnderscoreEscapingWithSuffixes")

var record = flag.Bool("record", false, "write testdata anew")

// TestRecordedExpositions makes the calls that the recordings are of, by the real
// libraries where they are at hand, and compares names and labels with what was
// recorded; with -record it writes testdata.
func TestRecordedExpositions(t *testing.T) {
	for name, expose := range map[string]func(t *testing.T, r *prometheus.Registry){
		"grpc-go": func(t *testing.T, r *prometheus.Registry) { realCalls(t, r, underscores, grpcGo) },
		"grpc-go-utf8": func(t *testing.T, r *prometheus.Registry) {
			realCalls(t, r, otelprom.WithTranslationStrategy("NoTranslation"), grpcGo)
		},
		"otel-rpc":           func(t *testing.T, r *prometheus.Registry) { realCalls(t, r, underscores, otelRPC) },
		"otel-rpc-0.65.0":    otelWrong,
		"otel-rpc-old":       otelOld,
		"go-grpc-middleware": middleware,
		"go-zero":            goZero,
		"kratos":             kratos,
	} {
		t.Run(name, func(t *testing.T) {
			r := prometheus.NewRegistry()
			expose(t, r)
			text := exposition(t, r)
			file := filepath.Join("testdata", name+".prom")
			if *record {
				if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			recorded, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := shape(text), shape(string(recorded)); !slices.Equal(got, want) {
				t.Errorf("the library has\n%s\nrecorded is\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

func exposition(t *testing.T, r *prometheus.Registry) string {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody)
	req.Header.Set("Accept", "text/plain;version=1.0.0;escaping=allow-utf-8")
	w := httptest.NewRecorder()
	promhttp.HandlerFor(r, promhttp.HandlerOpts{}).ServeHTTP(w, req)
	return w.Body.String()
}

// shape are the series without their values, and without versions.
func shape(text string) []string {
	var lines []string
	value := regexp.MustCompile(` [^ ]+$`)
	version := regexp.MustCompile(`otel_scope_(version|schema_url)="[^"]*"`)
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "# HELP") {
			lines = append(lines, version.ReplaceAllString(value.ReplaceAllString(line, ""), "$1"))
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

// The calls of every recording.
const (
	service   = "user.v1.UserService"
	getUser   = "GetUser"
	listUsers = "ListUsers"
)

type outcome struct {
	method string
	code   codes.Code
	took   time.Duration
}

// outcomes are ten calls: eight of GetUser, of which two find nobody, and two of
// ListUsers that fail.
func outcomes() []outcome {
	var all []outcome
	for i := range 10 {
		o := outcome{getUser, codes.OK, 20 * time.Millisecond}
		switch {
		case i >= 8:
			o = outcome{listUsers, codes.Unavailable, 200 * time.Millisecond}
		case i >= 6:
			o.code = codes.NotFound
		}
		all = append(all, o)
	}
	return all
}

// realCalls makes the calls over a connection in memory.
func realCalls(t *testing.T, r *prometheus.Registry, translation otelprom.Option, instrument func(metric.MeterProvider) (grpc.ServerOption, grpc.DialOption)) {
	t.Helper()
	exporter, err := otelprom.New(otelprom.WithRegisterer(r), translation, otelprom.WithoutTargetInfo())
	if err != nil {
		t.Fatal(err)
	}
	server, client := instrument(sdkmetric.NewMeterProvider(sdkmetric.WithReader(exporter)))
	listener := bufconn.Listen(1 << 16)
	s := grpc.NewServer(server)
	all, n := outcomes(), 0
	handle := func(_ any, _ context.Context, _ func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		o := all[n]
		n++
		if *record {
			time.Sleep(o.took) // what is recorded are durations
		}
		return &emptypb.Empty{}, status.Error(o.code, "")
	}
	s.RegisterService(&grpc.ServiceDesc{
		ServiceName: service, HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: getUser, Handler: handle}, {MethodName: listUsers, Handler: handle}},
	}, struct{}{})
	served := make(chan error, 1)
	go func() { served <- s.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:///user", client, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range all {
		err := conn.Invoke(t.Context(), "/"+service+"/"+o.method, &emptypb.Empty{}, &emptypb.Empty{}, grpc.StaticMethod())
		if status.Code(err) != o.code {
			t.Fatal(err)
		}
	}
	conn.Close()
	s.GracefulStop()
	<-served
}

func grpcGo(p metric.MeterProvider) (grpc.ServerOption, grpc.DialOption) {
	o := grpcotel.Options{MetricsOptions: grpcotel.MetricsOptions{MeterProvider: p}}
	return grpcotel.ServerOption(o), grpcotel.DialOption(o)
}

func otelRPC(p metric.MeterProvider) (grpc.ServerOption, grpc.DialOption) {
	return grpc.StatsHandler(otelgrpc.NewServerHandler(otelgrpc.WithMeterProvider(p))),
		grpc.WithStatsHandler(otelgrpc.NewClientHandler(otelgrpc.WithMeterProvider(p)))
}

const scope = "go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"

// otelWrong is what otelgrpc 0.65.0 wrote, instrument for instrument.
func otelWrong(t *testing.T, r *prometheus.Registry) {
	otelHistograms(t, r, "0.65.0", "call.duration", "s", func(o outcome) []attribute.KeyValue {
		return []attribute.KeyValue{
			attribute.String("rpc.system.name", "grpc"), attribute.String("rpc.method", service+"/"+o.method),
			attribute.String("rpc.response.status_code", screaming(o.code)),
		}
	})
}

// otelOld is what otelgrpc wrote up to 0.64.0.
func otelOld(t *testing.T, r *prometheus.Registry) {
	otelHistograms(t, r, "0.63.0", "duration", "ms", func(o outcome) []attribute.KeyValue {
		return []attribute.KeyValue{
			attribute.String("rpc.system", "grpc"), attribute.String("rpc.service", service), attribute.String("rpc.method", o.method),
			attribute.Int64("rpc.grpc.status_code", int64(o.code)),
		}
	})
}

func otelHistograms(t *testing.T, r *prometheus.Registry, version, name, unit string, attributes func(outcome) []attribute.KeyValue) {
	t.Helper()
	exporter, err := otelprom.New(otelprom.WithRegisterer(r), underscores, otelprom.WithoutTargetInfo())
	if err != nil {
		t.Fatal(err)
	}
	meter := sdkmetric.NewMeterProvider(sdkmetric.WithReader(exporter)).Meter(scope, metric.WithInstrumentationVersion(version))
	for _, side := range []string{"server", "client"} {
		h, err := meter.Float64Histogram("rpc."+side+"."+name, metric.WithUnit(unit))
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range outcomes() {
			h.Record(t.Context(), float64(o.took.Milliseconds()), metric.WithAttributes(attributes(o)...))
		}
	}
}

// middleware has the names and labels of go-grpc-middleware's
// providers/prometheus.
func middleware(_ *testing.T, r *prometheus.Registry) {
	for _, side := range []string{"server", "client"} {
		handled := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "grpc_" + side + "_handled_total"}, []string{"grpc_type", "grpc_service", "grpc_method", "grpc_code"})
		started := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "grpc_" + side + "_started_total"}, []string{"grpc_type", "grpc_service", "grpc_method"})
		seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "grpc_" + side + "_handling_seconds", Buckets: prometheus.DefBuckets}, []string{"grpc_type", "grpc_service", "grpc_method"})
		r.MustRegister(handled, started, seconds)
		for _, o := range outcomes() {
			started.WithLabelValues("unary", service, o.method).Inc()
			handled.WithLabelValues("unary", service, o.method, o.code.String()).Inc()
			seconds.WithLabelValues("unary", service, o.method).Observe(o.took.Seconds())
		}
	}
}

// goZero has the names, labels and buckets of go-zero's zrpc interceptors.
func goZero(_ *testing.T, r *prometheus.Registry) {
	for _, side := range []string{"server", "client"} {
		total := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "rpc_" + side + "_requests_code_total"}, []string{"method", "code"})
		ms := prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "rpc_" + side + "_requests_duration_ms", Buckets: []float64{1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2000, 5000},
		}, []string{"method"})
		r.MustRegister(total, ms)
		for _, o := range outcomes() {
			total.WithLabelValues("/"+service+"/"+o.method, number(o.code)).Inc()
			ms.WithLabelValues("/" + service + "/" + o.method).Observe(float64(o.took.Milliseconds()))
		}
	}
}

// kratos has the instruments of kratos' middleware/metrics through the same
// exporter.
func kratos(t *testing.T, r *prometheus.Registry) {
	exporter, err := otelprom.New(otelprom.WithRegisterer(r), underscores, otelprom.WithoutTargetInfo(), otelprom.WithoutScopeInfo())
	if err != nil {
		t.Fatal(err)
	}
	meter := sdkmetric.NewMeterProvider(sdkmetric.WithReader(exporter)).Meter("kratos")
	codeOf := map[codes.Code]int{codes.OK: 0, codes.NotFound: 404, codes.Unavailable: 503}
	for _, side := range []string{"server", "client"} {
		total, err := meter.Int64Counter(side+"_requests_code_total", metric.WithUnit("{call}"))
		if err != nil {
			t.Fatal(err)
		}
		seconds, err := meter.Float64Histogram(side+"_requests_seconds_bucket", metric.WithUnit("s"),
			metric.WithExplicitBucketBoundaries(0.005, 0.01, 0.025, 0.05, 0.1, 0.250, 0.5, 1))
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range outcomes() {
			kind, operation := attribute.String("kind", "grpc"), attribute.String("operation", "/"+service+"/"+o.method)
			total.Add(t.Context(), 1, metric.WithAttributes(kind, operation, attribute.Int("code", codeOf[o.code]), attribute.String("reason", "")))
			seconds.Record(t.Context(), o.took.Seconds(), metric.WithAttributes(kind, operation))
		}
	}
}
