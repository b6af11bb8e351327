package telemetry_test

import (
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gctl-dev/gctl/svc/kit/telemetry"
)

// BenchmarkServer is one unary call over loopback by a client that is not
// instrumented, to a server that is not, or is in one of these ways. The client
// costs about half of it.
func BenchmarkServer(b *testing.B) {
	s := &sink{}
	otlp, stop := collect(b, s, "127.0.0.1:0")
	defer stop()
	for _, test := range []struct {
		name string
		on   bool
		o    telemetry.Options
	}{
		{name: "bare"},
		{"metrics", true, telemetry.Options{}},
		{"metrics+legacy", true, telemetry.Options{LegacyMetrics: true}},
		{"metrics+unsampled", true, telemetry.Options{OTLP: otlp, Sample: -1}},
		{"metrics+1%sampled", true, telemetry.Options{OTLP: otlp, Sample: 0.01}},
		{"metrics+sampled", true, telemetry.Options{OTLP: otlp}},
	} {
		b.Run(test.name, func(b *testing.B) {
			var options []grpc.ServerOption
			if test.on {
				tel, _ := start(b, test.o)
				options = tel.ServerOptions()
			}
			load(b, dial(b, serve(b, moody, options...)))
		})
	}
}

// BenchmarkClient is the same with the client instrumented instead.
func BenchmarkClient(b *testing.B) {
	for _, test := range []struct {
		name string
		on   bool
	}{{"bare", false}, {"metrics", true}} {
		b.Run(test.name, func(b *testing.B) {
			var options []grpc.DialOption
			if test.on {
				tel, _ := start(b, telemetry.Options{})
				options = tel.DialOptions(telemetry.Client{Target: "echo"})
			}
			load(b, dial(b, serve(b, moody), options...))
		})
	}
}

func load(b *testing.B, conn *grpc.ClientConn) {
	b.Helper()
	b.ReportAllocs()
	b.SetParallelism(16)
	in := wrapperspb.String("hello")
	b.RunParallel(func(p *testing.PB) {
		out := &wrapperspb.StringValue{}
		for p.Next() {
			if err := conn.Invoke(b.Context(), say, in, out, grpc.StaticMethod()); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
