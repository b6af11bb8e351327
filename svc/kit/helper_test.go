package kit_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/gctl-dev/gctl/svc/kit"
	hellov1 "github.com/gctl-dev/gctl/svc/kit/example/hello/api"
)

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// greeter is the hello service with a handler of the test's.
type greeter struct {
	hellov1.UnimplementedHelloServiceServer

	say func(ctx context.Context, name string) error
}

func (g greeter) Say(ctx context.Context, r *hellov1.SayRequest) (*hellov1.SayResponse, error) {
	return &hellov1.SayResponse{Text: r.GetName()}, g.say(ctx, r.GetName())
}

// streams is a service of one method, whose handler is the test's.
func streams(handler grpc.StreamHandler) *grpc.ServiceDesc {
	return &grpc.ServiceDesc{ServiceName: "test.Streams", HandlerType: (*any)(nil), Streams: []grpc.StreamDesc{
		{StreamName: "Call", ServerStreams: true, ClientStreams: true, Handler: handler},
	}}
}

var both = grpc.StreamDesc{ServerStreams: true, ClientStreams: true} //nolint:gochecknoglobals // a constant

// running is a server that runs until it is stopped, or the test ends.
type running struct {
	*kit.Server

	log     *buffer
	signals chan os.Signal
	sent    atomic.Int64
	ended   chan struct{}
	err     error // of Run, once ended
}

// start runs a server with what setup registers. At the end of the test it is
// stopped by two signals, and Run must return without an error.
func start(t *testing.T, options kit.Options, setup func(*kit.Server)) *running {
	t.Helper()
	r := &running{log: &buffer{}, signals: make(chan os.Signal, 2), ended: make(chan struct{})}
	options.LogTo = r.log
	if options.Service == "" {
		options.Service = "test"
	}
	if options.Listen == "" {
		options.Listen = "127.0.0.1:0"
	}
	var err error
	if r.Server, err = kit.New(t.Context(), options); err != nil {
		t.Fatal(err)
	}
	setup(r.Server)
	go func() {
		defer close(r.ended)
		r.err = r.RunWith(context.Background(), r.signals)
	}()
	t.Cleanup(func() {
		r.signal()
		r.signal()
		if err := r.end(t); err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	return r
}

// signal sends the process a signal, unless two are under way already: each time
// another one than before, since the same at once is taken for an echo.
func (r *running) signal() {
	sig := []os.Signal{syscall.SIGTERM, os.Interrupt}[r.sent.Add(1)%2]
	select {
	case r.signals <- sig:
	default:
	}
}

// end waits until Run returns.
func (r *running) end(t *testing.T) error {
	t.Helper()
	select {
	case <-r.ended:
		return r.err
	case <-time.After(patience):
		t.Fatal("Run does not return")
		return nil
	}
}

// dial connects to the API in plaintext.
func (r *running) dial(t *testing.T) *grpc.ClientConn {
	t.Helper()
	return dial(t, r.Addr(), insecure.NewCredentials())
}

// get returns a page of the metrics server.
func (r *running) get(t *testing.T, path string) (code int, body string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.MetricsAddr()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(data)
}

// metric waits until a line of the metrics begins with a name, holds all the
// labels and has the value.
func (r *running) metric(t *testing.T, name, value string, labels ...string) {
	t.Helper()
	until(t, "the metric "+name+strings.Join(labels, ",")+" is "+value, func() bool {
		_, page := r.get(t, "/metrics")
		for line := range strings.Lines(page) {
			fits := strings.HasPrefix(line, name) && strings.HasSuffix(line, " "+value+"\n")
			for _, l := range labels {
				fits = fits && strings.Contains(line, l)
			}
			if fits {
				return true
			}
		}
		return false
	})
}

// lines returns the lines of the log with this message that have all the values.
func (b *buffer) lines(t *testing.T, message string, with ...string) []map[string]any {
	t.Helper()
	var found []map[string]any
	for line := range strings.Lines(b.String()) {
		fields := map[string]any{}
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		fits := fields["message"] == message
		for i := 0; i+1 < len(with); i += 2 {
			fits = fits && fields[with[i]] == with[i+1]
		}
		if fits {
			found = append(found, fields)
		}
	}
	return found
}

// until waits for something to become true.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for timeout := time.After(patience); !ok(); {
		select {
		case <-tick.C:
		case <-timeout:
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// within returns a context that ends before the test loses its patience.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// say calls the hello service.
func say(t *testing.T, conn *grpc.ClientConn, name string) error {
	t.Helper()
	_, err := hellov1.NewHelloServiceClient(conn).Say(within(t), &hellov1.SayRequest{Name: name})
	return err
}

// reason returns the reason in the ErrorInfo of an error, or its code.
func reason(err error) string {
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok {
			return info.GetReason()
		}
	}
	return status.Code(err).String()
}

// gate holds calls up until it is opened.
type gate struct {
	entered chan struct{} // one for each call
	opened  chan struct{}
	open    func()
}

func newGate() *gate {
	g := &gate{entered: make(chan struct{}, 2000), opened: make(chan struct{})}
	g.open = sync.OnceFunc(func() { close(g.opened) })
	return g
}

// pass is a call that comes through.
func (g *gate) pass(ctx context.Context) error {
	g.entered <- struct{}{}
	select {
	case <-g.opened:
	case <-ctx.Done():
	}
	return status.FromContextError(ctx.Err()).Err()
}

// healthOf returns what the health service says, or the code of its error.
func healthOf(t *testing.T, conn *grpc.ClientConn) string {
	t.Helper()
	response, err := healthpb.NewHealthClient(conn).Check(within(t), &healthpb.HealthCheckRequest{})
	if err != nil {
		return status.Code(err).String()
	}
	return response.GetStatus().String()
}
