package kit_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/gctl-dev/gctl/internal/testkit"
	"github.com/gctl-dev/gctl/svc/kit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// odd is a service whose handlers misbehave.
func odd(handler func(context.Context) error) *grpc.ServiceDesc {
	return &grpc.ServiceDesc{
		ServiceName: "test.Odd", HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Call", Handler: func(srv any, ctx context.Context, dec func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
			in := &emptypb.Empty{}
			if err := dec(in); err != nil {
				return nil, err
			}
			call := func(ctx context.Context, _ any) (any, error) { return &emptypb.Empty{}, handler(ctx) }
			return interceptor(ctx, in, &grpc.UnaryServerInfo{Server: srv, FullMethod: "/test.Odd/Call"}, call)
		}}},
	}
}

// buffer is a log that may be read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// serve runs a server until the returned function is called, which drains it.
func serve(t *testing.T, config kit.Config, handler func(context.Context) error) (addr string, log *buffer, drain func()) {
	t.Helper()
	config.Listen = "127.0.0.1:0"
	log = &buffer{}
	s, err := kit.New(t.Context(), kit.Options{Config: config, Service: "odd", LogTo: log})
	if err != nil {
		t.Fatal(err)
	}
	s.RegisterService(odd(handler), struct{}{})
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	drain = sync.OnceFunc(func() {
		cancel()
		if err := <-ran; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	t.Cleanup(drain)
	return s.Addr(), log, drain
}

func dial(t *testing.T, addr string, c credentials.TransportCredentials) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(c))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func call(t *testing.T, conn *grpc.ClientConn) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	return conn.Invoke(ctx, "/test.Odd/Call", &emptypb.Empty{}, &emptypb.Empty{})
}

func TestAPanicCostsOneCall(t *testing.T) {
	first := true
	addr, log, _ := serve(t, kit.Config{Plaintext: true}, func(context.Context) error {
		if first {
			first = false
			panic("secret")
		}
		return nil
	})
	conn := dial(t, addr, insecure.NewCredentials())
	if err := call(t, conn); status.Code(err) != codes.Internal || strings.Contains(err.Error(), "secret") {
		t.Errorf("error = %v", err)
	}
	if err := call(t, conn); err != nil {
		t.Errorf("the next call: %v", err)
	}
	if !strings.Contains(log.String(), "secret") {
		t.Errorf("log = %s", log)
	}
}

func TestDrainLetsCallsInFlightEnd(t *testing.T) {
	entered, finish := make(chan struct{}), make(chan struct{})
	addr, _, drain := serve(t, kit.Config{Plaintext: true}, func(context.Context) error {
		close(entered)
		<-finish
		return nil
	})
	conn := dial(t, addr, insecure.NewCredentials())
	// A client that is only connected to see health must not hold up anything.
	watch, err := healthpb.NewHealthClient(conn).Watch(t.Context(), &healthpb.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	expect := func(want healthpb.HealthCheckResponse_ServingStatus) {
		t.Helper()
		if r, err := watch.Recv(); err != nil || r.GetStatus() != want {
			t.Errorf("health = %v, %v, want %v", r, err, want)
		}
	}
	expect(healthpb.HealthCheckResponse_SERVING)
	called := make(chan error, 1)
	go func() { called <- call(t, conn) }()
	<-entered
	drained := make(chan struct{})
	go func() { defer close(drained); drain() }()
	expect(healthpb.HealthCheckResponse_NOT_SERVING)
	if _, err := watch.Recv(); status.Code(err) != codes.Canceled {
		t.Errorf("the health watch ended with %v", err)
	}
	close(finish)
	if err := <-called; err != nil {
		t.Errorf("the call in flight: %v", err)
	}
	<-drained
}

func TestTLS(t *testing.T) {
	ca := testkit.NewCA(t)
	cert, key := testkit.Files(t, ca.Cert(t, []string{"127.0.0.1"}))
	pair := ca.Cert(t, []string{"client"})
	fine := func(context.Context) error { return nil }
	open, _, _ := serve(t, kit.Config{TLSCert: cert, TLSKey: key}, fine)
	mutual, _, _ := serve(t, kit.Config{TLSCert: cert, TLSKey: key, TLSClientCA: ca.File}, fine)
	anonymous := credentials.NewTLS(&tls.Config{RootCAs: ca.Pool})
	known := credentials.NewTLS(&tls.Config{RootCAs: ca.Pool, Certificates: []tls.Certificate{pair}})
	old := credentials.NewTLS(&tls.Config{RootCAs: ca.Pool, MaxVersion: tls.VersionTLS12})
	for name, test := range map[string]struct {
		addr string
		with credentials.TransportCredentials
		want codes.Code
	}{
		"TLS 1.3":                     {open, anonymous, codes.OK},
		"TLS 1.2":                     {open, old, codes.Unavailable},
		"plaintext client":            {open, insecure.NewCredentials(), codes.Unavailable},
		"with a client certificate":   {mutual, known, codes.OK},
		"without the certificate":     {mutual, anonymous, codes.Unavailable},
		"certificate is not demanded": {open, known, codes.OK},
	} {
		if err := call(t, dial(t, test.addr, test.with)); status.Code(err) != test.want {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
}

func TestNewSaysWhatIsWrong(t *testing.T) {
	ca := testkit.NewCA(t)
	cert, key := testkit.Files(t, ca.Cert(t, []string{"127.0.0.1"}))
	junk := filepath.Join(t.TempDir(), "junk.pem")
	if err := os.WriteFile(junk, []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, config := range map[string]kit.Config{
		"or --plaintext to serve without TLS": {},
		"contradicts the --tls flags":         {Plaintext: true, TLSClientCA: ca.File},
		"cannot be negative":                  {Plaintext: true, DrainWait: -1},
		"--advertise":                         {Plaintext: true, Advertise: "nowhere"},
		junk:                                  {TLSCert: cert, TLSKey: junk},
		"no certificate in it":                {TLSCert: cert, TLSKey: key, TLSClientCA: junk},
		"--listen":                            {Plaintext: true, Listen: "256.0.0.1:x"},
	} {
		if _, err := kit.New(t.Context(), kit.Options{Config: config}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New(%+v) = %v, want %q", config, err, want)
		}
	}
}

func TestFlagsBeatTheEnvironment(t *testing.T) {
	var c kit.Config
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	c.Flags(flags)
	flags.Bool("version", false, "")
	if err := flags.Parse([]string{"--instance=flag"}); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"X_INSTANCE": "env", "X_TLS_CLIENT_CA": "ca.pem", "X_DRAIN_WAIT": "7s", "X_PLAINTEXT": "true", "X_VERSION": "v3"}
	if err := kit.FromEnv(flags, "X", func(name string) (string, bool) { v, ok := env[name]; return v, ok }); err != nil {
		t.Fatal(err)
	}
	if c.Instance != "flag" || c.TLSClientCA != "ca.pem" || c.DrainWait != 7*time.Second || !c.Plaintext || c.Listen != "127.0.0.1:9090" {
		t.Errorf("config = %+v", c)
	}
}

func TestAllThatIsWrongWithTheEnvironmentIsNamed(t *testing.T) {
	_, flags := settings()
	env := map[string]string{"X_DRAIN_WAIT": "5", "X_PLAINTEXT": "on", "X_LEGACY_METRICS": "", "X_TRACE_RATIO": "1/2"}
	err := kit.FromEnv(flags, "X", func(name string) (string, bool) { v, ok := env[name]; return v, ok })
	if err == nil {
		t.Fatal("no error")
	}
	want := []string{
		`X_DRAIN_WAIT: "5" is no valid value: want a duration with its unit, for example 300ms, 5s or 1m30s`,
		`X_LEGACY_METRICS: "" is no valid value: want true or false`,
		`X_PLAINTEXT: "on" is no valid value: want true or false`,
		`X_TRACE_RATIO: "1/2" is no valid value: want a number, for example 0.25`,
	}
	if lines := strings.Split(err.Error(), "\n"); !slices.Equal(slices.Sorted(slices.Values(lines)), want) {
		t.Errorf("error = %v, want %q", err, want)
	}
}
