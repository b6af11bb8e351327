package telemetry_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"

	"github.com/gctl-dev/gctl/internal/testkit"
	"github.com/gctl-dev/gctl/svc/kit/telemetry"
)

// sink is a collector that keeps spans, or holds every export until it ends.
type sink struct {
	collector.UnimplementedTraceServiceServer

	hold bool

	mu    sync.Mutex
	spans []*tracepb.Span
	holds int // exports that are held
}

func (s *sink) Export(ctx context.Context, r *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	if s.hold {
		s.mu.Lock()
		s.holds++
		s.mu.Unlock()
		<-ctx.Done()
		return nil, ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range r.GetResourceSpans() {
		for _, scope := range r.GetScopeSpans() {
			s.spans = append(s.spans, scope.GetSpans()...)
		}
	}
	return &collector.ExportTraceServiceResponse{}, nil
}

func (s *sink) names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for _, span := range s.spans {
		names = append(names, strings.ToLower(strings.TrimPrefix(span.GetKind().String(), "SPAN_KIND_"))+" "+span.GetName())
	}
	return names
}

// collect serves the sink at addr until the returned function is called.
func collect(t testing.TB, s *sink, addr string, options ...grpc.ServerOption) (at string, stop func()) {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(options...)
	collector.RegisterTraceServiceServer(server, s)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	stop = sync.OnceFunc(func() {
		server.Stop()
		<-ended
	})
	t.Cleanup(stop)
	return l.Addr().String(), stop
}

// awaitEnd waits until so many spans have ended: a server's may do so after its
// caller has the answer.
func awaitEnd(t *testing.T, tel *telemetry.Telemetry, spans int) {
	t.Helper()
	contains(t, tel, fmt.Sprintf(`otlp_spans_total\{state="ended"\} %d.0`, spans))
}

// traced starts telemetry with traces, and a server and a client of it.
func traced(t *testing.T, o telemetry.Options) (*telemetry.Telemetry, *buffer, *grpc.ClientConn) {
	t.Helper()
	tel, log := start(t, o)
	addr := serve(t, moody, tel.ServerOptions()...)
	return tel, log, dial(t, addr, tel.DialOptions(telemetry.Client{Target: "echo"})...)
}

func TestSpansAreSentBeforeTheEnd(t *testing.T) {
	s := &sink{}
	addr, _ := collect(t, s, "127.0.0.1:0")
	tel, _, conn := traced(t, telemetry.Options{OTLP: addr})
	if _, err := call(t.Context(), conn, "hi"); err != nil {
		t.Fatal(err)
	}
	awaitEnd(t, tel, 2)
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(s.names(), ", "); got != "server test.Echo/Say, client test.Echo/Say" && got != "client test.Echo/Say, server test.Echo/Say" {
		t.Errorf("spans: %s", got)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if string(s.spans[0].GetTraceId()) != string(s.spans[1].GetTraceId()) {
		t.Error("two traces, want one")
	}
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Errorf("a second Shutdown = %v", err)
	}
}

func TestACallersDecisionToSampleIsFollowed(t *testing.T) {
	s := &sink{}
	addr, _ := collect(t, s, "127.0.0.1:0")
	tel, _ := start(t, telemetry.Options{OTLP: addr, Sample: -1})
	conn := dial(t, serve(t, moody, tel.ServerOptions()...)) // not traced itself
	unsampled := strings.TrimSuffix(traceparent, "01") + "00"
	for _, parent := range []string{"", unsampled, traceparent} {
		ctx := t.Context()
		if parent != "" {
			ctx = metadata.AppendToOutgoingContext(ctx, "traceparent", parent)
		}
		if _, err := call(ctx, conn, ""); err != nil {
			t.Fatal(err)
		}
	}
	awaitEnd(t, tel, 1)
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(s.spans) != 1 || fmt.Sprintf("%x", s.spans[0].GetTraceId()) != traceID {
		t.Errorf("spans: %v, want that of the sampled caller", s.spans)
	}
}

func TestQuestionsForHealthMakeNoTraces(t *testing.T) {
	s := &sink{}
	addr, _ := collect(t, s, "127.0.0.1:0")
	tel, _, conn := traced(t, telemetry.Options{OTLP: addr})
	_, _ = healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{})
	if err := tel.Shutdown(t.Context()); err != nil || len(s.spans) != 0 {
		t.Errorf("spans: %v, %v", s.names(), err)
	}
	if strings.Contains(scrape(t, tel), `grpc_target_instance=`) {
		t.Error("and no attempts of calls")
	}
}

// silent returns the address of a listener that accepts connections and never
// says a word.
func silent(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-ended
	})
	return l.Addr().String()
}

func TestACollectorThatIsAwayOrHangsDelaysNothing(t *testing.T) {
	hanging := &sink{hold: true}
	hangs, _ := collect(t, hanging, "127.0.0.1:0")
	for name, addr := range map[string]string{"away": "127.0.0.1:1", "hangs": hangs, "silent": silent(t)} {
		t.Run(name, func(t *testing.T) {
			tel, _, conn := traced(t, telemetry.Options{OTLP: addr})
			if _, err := call(t.Context(), conn, "connect"); err != nil {
				t.Fatal(err)
			}
			if name == "hangs" { // an export is under way while the calls are made
				eventually(t, "an export", func() error {
					hanging.mu.Lock()
					defer hanging.mu.Unlock()
					if hanging.holds == 0 {
						return errors.New("none yet")
					}
					return nil
				})
			}
			var slowest time.Duration
			for range 2500 { // more spans than the queue holds
				begin := time.Now()
				if _, err := call(t.Context(), conn, "hi"); err != nil {
					t.Fatal(err)
				}
				slowest = max(slowest, time.Since(begin))
			}
			if slowest > 3*time.Second { // an export takes its 5 s
				t.Errorf("a call took %s", slowest)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			begin := time.Now()
			if err := tel.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Shutdown = %v, want that its time was over", err)
			}
			if took := time.Since(begin); took > 2*time.Second {
				t.Errorf("Shutdown took %s, want 300 ms", took)
			}
		})
	}
}

func TestAShutdownWhoseTimeIsOverLeavesNothing(t *testing.T) {
	s := &sink{}
	addr, _ := collect(t, s, "127.0.0.1:0")
	tel, _, conn := traced(t, telemetry.Options{OTLP: addr})
	if _, err := call(t.Context(), conn, ""); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	// What is left running goleak finds.
	if err := tel.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown = %v, want that its time was over", err)
	}
}

func TestFailuresOfTheCollectorAreLoggedOncePerChange(t *testing.T) {
	s := &sink{}
	addr, stop := collect(t, s, "127.0.0.1:0")
	tel, log, conn := traced(t, telemetry.Options{OTLP: addr})
	failed := func() int {
		text := scrape(t, tel)
		_, after, _ := strings.Cut(text, `otlp_spans_total{state="failed"} `)
		n := 0
		_, _ = fmt.Sscanf(after, "%d", &n)
		return n
	}
	// one makes a call and waits until its two spans came out.
	one := func(done func() bool) {
		t.Helper()
		if _, err := call(t.Context(), conn, ""); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the export", func() error {
			if !done() {
				return errors.New("not yet")
			}
			return nil
		})
	}
	one(func() bool { return len(s.names()) == 2 })
	stop()
	for range 2 {
		before := failed()
		one(func() bool { return failed() > before })
	}
	if down := log.lines(t, "traces are not sent"); len(down) != 1 || down[0]["log.level"] != "warn" || down[0]["otlp"] != addr || down[0]["error.message"] == "" {
		t.Errorf("log = %v, want one line", down)
	}
	_, _ = collect(t, s, addr)
	eventually(t, "the line", func() error {
		if _, err := call(t.Context(), conn, ""); err != nil {
			return err
		}
		if up := log.lines(t, "traces are sent again"); len(up) != 1 {
			return fmt.Errorf("log = %v, want one line", up)
		}
		return nil
	})
}

func TestTheAddressDecidesAboutTLS(t *testing.T) {
	ca := testkit.NewCA(t)
	pair := ca.Cert(t, []string{"127.0.0.1"})
	s := &sink{}
	addr, _ := collect(t, s, "127.0.0.1:0", grpc.Creds(credentials.NewServerTLSFromCert(&pair)))
	tel, _, conn := traced(t, telemetry.Options{OTLP: "https://" + addr, OTLPTLS: &tls.Config{RootCAs: ca.Pool}})
	if _, err := call(t.Context(), conn, ""); err != nil {
		t.Fatal(err)
	}
	awaitEnd(t, tel, 2)
	if err := tel.Shutdown(t.Context()); err != nil || len(s.names()) != 2 {
		t.Errorf("spans: %v, %v", s.names(), err)
	}
	for _, wrong := range []string{"127.0.0.1", "udp://127.0.0.1:1", "http://127.0.0.1:1/v1/traces", "http://"} {
		if tel, err := telemetry.New(t.Context(), telemetry.Options{Service: "x", OTLP: wrong}); err == nil || !strings.Contains(err.Error(), wrong) {
			t.Errorf("%q: %v", wrong, err)
			tel.Shutdown(t.Context())
		}
	}
	if _, err := telemetry.New(t.Context(), telemetry.Options{Service: "x", OTLP: "https://127.0.0.1:1", OTLPInsecure: true}); err == nil {
		t.Error("https in plaintext")
	}
}
