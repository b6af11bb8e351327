package stack

import "context"

// Jaeger is a running all-in-one Jaeger that keeps traces in memory.
type Jaeger struct {
	OTLP  string // host:port that takes spans over OTLP/gRPC, in plaintext
	Query string // host:port of the HTTP API and the web interface
	run   *running
}

// StartJaeger starts a Jaeger and waits until it is ready.
func StartJaeger(ctx context.Context) (*Jaeger, error) {
	r, err := launch{
		name:  "jaeger",
		ports: 8,
		args: func(_ string, ports []int) ([]string, error) {
			return []string{
				"--collector.otlp.grpc.host-port=" + loopback(ports[0]),
				"--query.http-server.host-port=" + loopback(ports[1]),
				"--admin.http.host-port=" + loopback(ports[2]),
				"--query.grpc-server.host-port=" + loopback(ports[3]),
				"--collector.otlp.http.host-port=" + loopback(ports[4]),
				"--collector.grpc-server.host-port=" + loopback(ports[5]),
				"--collector.http-server.host-port=" + loopback(ports[6]),
				"--http-server.host-port=" + loopback(ports[7]),
				// Nobody sends to the agent.
				"--processor.jaeger-binary.server-host-port=" + loopback(0),
				"--processor.jaeger-compact.server-host-port=" + loopback(0),
				"--processor.zipkin-compact.server-host-port=" + loopback(0),
				"--memory.max-traces=50000",
				"--log-level=warn",
			}, nil
		},
		ready: func(ports []int) string { return "http://" + loopback(ports[2]) + "/" },
	}.start(ctx)
	if err != nil {
		return nil, err
	}
	return &Jaeger{OTLP: loopback(r.ports[0]), Query: loopback(r.ports[1]), run: r}, nil
}

// Stop ends the Jaeger; its traces are gone.
func (j *Jaeger) Stop() error { return j.run.Stop() }

// JaegerFor starts a Jaeger for a test and stops it at the test's end.
func JaegerFor(t TB) *Jaeger {
	t.Helper()
	Need(t, "jaeger")
	j, err := StartJaeger(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := j.Stop(); err != nil {
			t.Error(err)
		}
	})
	return j
}
