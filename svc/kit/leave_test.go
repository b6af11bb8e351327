package kit_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/durationpb"

	controlv1 "github.com/gctl-dev/gctl/api/gctl/control/v1"
	"github.com/gctl-dev/gctl/internal/stack"
	"github.com/gctl-dev/gctl/svc/kit"
)

const couldNotLeave = "could not leave the catalog"

func TestLeavingACatalogThatWasNeverThere(t *testing.T) {
	r := startOdd(t, kit.Config{Consul: "127.0.0.1:1"}, nil)
	until(t, "it tried", func() bool { return len(r.log.lines(t, "not registered")) > 0 })
	r.signal()
	if err := r.end(t); err != nil {
		t.Errorf("Run = %v", err)
	}
	if lines := r.log.lines(t, couldNotLeave); len(lines) > 0 {
		t.Errorf("log = %v", lines)
	}
	lines := r.log.lines(t, "could not leave the catalog, where the instance is not known to be registered")
	if len(lines) != 1 || !strings.Contains(fmt.Sprint(lines[0]["error.message"]), "connection refused") {
		t.Errorf("log = %s", r.log)
	}
}

// Who drains it is told: nobody knows that the instance is not there, since the
// answer to its registration may have been lost.
func TestADrainTellsThatTheCatalogWasNotLeft(t *testing.T) {
	r := startOdd(t, kit.Config{Consul: "127.0.0.1:1", AdminListen: "127.0.0.1:0"}, nil)
	until(t, "it tried", func() bool { return len(r.log.lines(t, "not registered")) > 0 })
	stream := drainOnDemand(t, r)
	for {
		response, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		if response.GetStep() != controlv1.DrainStep_DRAIN_STEP_DEREGISTERED {
			continue
		}
		if p := response.GetProblem(); !strings.Contains(p, "not known to be registered") || !strings.Contains(p, "connection refused") {
			t.Errorf("problem = %q", p)
		}
		return
	}
}

// drainOnDemand has the control API drain a server in plaintext.
func drainOnDemand(t *testing.T, r *running) grpc.ServerStreamingClient[controlv1.DrainResponse] {
	t.Helper()
	stream, err := controlv1.NewControlServiceClient(dial(t, r.AdminAddr(), insecure.NewCredentials())).Drain(within(t),
		&controlv1.DrainRequest{Mutation: &controlv1.Mutation{Reason: "a test", Etag: "*"}, Deadline: durationpb.New(patience)})
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

const joins = "draining already: the next signal stops at once"

// A signal that comes while the control API has the server drained asks for what is
// under way, and cuts nothing off. The next one does.
func TestASignalJoinsADrainOnDemand(t *testing.T) {
	r := startOdd(t, kit.Config{AdminListen: "127.0.0.1:0", DrainWait: time.Hour}, nil)
	stream := drainOnDemand(t, r)
	until(t, "it drains", func() bool { return len(r.log.lines(t, "draining on demand of the control API")) > 0 })
	r.signal()
	until(t, "the signal joins the drain", func() bool { return len(r.log.lines(t, joins)) == 1 })
	if err := call(t, r.dial(t)); err != nil {
		t.Errorf("a call while clients get time to notice: %v", err)
	}
	r.signal()
	last := ""
	for {
		response, err := stream.Recv()
		if err != nil {
			break
		}
		last = response.GetProblem()
	}
	if err := r.end(t); err != nil || last != "a second signal cut it short" {
		t.Errorf("Run = %v, the drain ended with %q", err, last)
	}
}

// So it is where something ceased to serve.
func TestASignalJoinsTheDrainOfAFailedListener(t *testing.T) {
	log := &buffer{}
	s, err := kit.New(t.Context(), kit.Options{Service: "odd", LogTo: log, Config: kit.Config{Plaintext: true, Listen: "127.0.0.1:0", DrainWait: time.Hour}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.CloseListener(); err != nil {
		t.Fatal(err)
	}
	signals := make(chan os.Signal)
	ran := make(chan error, 1)
	go func() { ran <- s.RunWith(t.Context(), signals) }()
	until(t, "it drains", func() bool { return len(log.lines(t, "draining: something ceased to serve")) > 0 })
	for _, sig := range []os.Signal{syscall.SIGTERM, syscall.SIGTERM} { // the second one is an echo
		select {
		case signals <- sig:
		case err := <-ran:
			t.Fatalf("Run = %v after the first signal", err)
		}
	}
	signals <- os.Interrupt
	if err := <-ran; err == nil {
		t.Error("Run = nil, want what ceased to serve")
	}
	if len(log.lines(t, joins)) != 1 || len(log.lines(t, "second signal: stopping at once")) != 1 {
		t.Errorf("log = %s", log)
	}
}

func TestLeavingACatalogThatIsGone(t *testing.T) {
	agent := stack.ConsulFor(t, stack.ConsulOptions{})
	r := startOdd(t, kit.Config{Consul: agent.Addr}, nil)
	until(t, "it is registered", func() bool { return len(r.log.lines(t, "registered")) > 0 })
	if err := agent.Stop(); err != nil {
		t.Fatal(err)
	}
	r.signal()
	if err := r.end(t); err != nil {
		t.Errorf("Run = %v", err)
	}
	if lines := r.log.lines(t, couldNotLeave); len(lines) != 1 {
		t.Errorf("log = %s", r.log)
	}
}

// startHTTP runs a server with an HTTP front beside its API.
func startHTTP(t *testing.T, options kit.Options, handler http.HandlerFunc) (r *running, url string) {
	t.Helper()
	options.Plaintext = true
	r = start(t, options, func(s *kit.Server) {
		addr, err := s.ServeHTTP(t.Context(), "127.0.0.1:0", handler, false)
		if err != nil {
			t.Fatal(err)
		}
		url = "http://" + addr
	})
	return r, url
}

// httpClient returns a client that keeps its connections.
func httpClient(t *testing.T, version2 bool) *http.Client {
	t.Helper()
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!version2)
	protocols.SetUnencryptedHTTP2(version2)
	transport := &http.Transport{Protocols: protocols}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// fetch makes a request, and tells whether its connection ends with the answer, and
// what the answer is.
func fetch(t *testing.T, client *http.Client, url string) (ends bool, body string, err error) {
	t.Helper()
	request, err := http.NewRequestWithContext(within(t), http.MethodGet, url, nil)
	if err != nil {
		return false, "", err
	}
	response, err := client.Do(request)
	if err != nil {
		return false, "", err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	return response.Close, string(data), err
}

// While clients get time to notice, answers over HTTP/1.1 end their connections.
// Requests in flight are answered whole, and those that come on a connection which
// was idle are too.
func TestHTTPClientsAreToldToConnectElsewhere(t *testing.T) {
	g := newGate()
	r, url := startHTTP(t, kit.Options{Config: kit.Config{DrainWait: time.Hour, DrainTimeout: time.Hour}}, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "begun ")
		_ = http.NewResponseController(w).Flush()
		if r.URL.Path == "/hold" && g.pass(r.Context()) != nil {
			return
		}
		_, _ = io.WriteString(w, r.RemoteAddr)
	})
	client := httpClient(t, false)
	ends, was, err := fetch(t, client, url)
	if err != nil || ends {
		t.Fatalf("before the drain: the connection ends: %v, error = %v", ends, err)
	}
	held := make(chan error, 1)
	go func() {
		ends, body, err := fetch(t, httpClient(t, false), url+"/hold")
		if ends || body == "begun " {
			t.Errorf("in flight: the connection ends: %v, %q", ends, body)
		}
		held <- err
	}()
	<-g.entered
	r.signal()
	// The drain is at its second step once this is so; the connection was idle then.
	until(t, "answers end their connection", func() bool {
		ends, now, err := fetch(t, client, url)
		if err != nil || now != was {
			t.Fatalf("on the connection that was idle: %q, want %q, error = %v", now, was, err)
		}
		return ends
	})
	if ends, now, err := fetch(t, client, url); err != nil || !ends || now == was {
		t.Errorf("on a new connection: it ends: %v, %q, error = %v", ends, now, err)
	}
	g.open()
	if err := <-held; err != nil {
		t.Errorf("in flight: %v", err)
	}
}

// The same over HTTP/2, where connections end by a GOAWAY behind which what is in
// flight goes on.
func TestHTTP2ClientsAreToldToConnectElsewhere(t *testing.T) {
	g := newGate()
	r, url := startHTTP(t, kit.Options{Config: kit.Config{DrainWait: time.Hour}}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hold" && g.pass(r.Context()) != nil {
			return
		}
		_, _ = io.WriteString(w, r.RemoteAddr)
	})
	client := httpClient(t, true)
	_, was, err := fetch(t, client, url)
	if err != nil {
		t.Fatal(err)
	}
	held := make(chan string, 1)
	go func() {
		_, body, err := fetch(t, client, url+"/hold")
		if err != nil {
			t.Errorf("in flight: %v", err)
		}
		held <- body
	}()
	<-g.entered
	r.signal()
	until(t, "requests come by another connection", func() bool {
		_, now, err := fetch(t, client, url)
		if err != nil {
			t.Fatal(err)
		}
		return now != was
	})
	g.open()
	if body := <-held; body != was {
		t.Errorf("in flight: %q, want %q", body, was)
	}
}

// hang is a closer that takes its time.
func hang(s *kit.Server) (closing <-chan struct{}, release func()) {
	entered, let := make(chan struct{}), make(chan struct{})
	s.OnStop(func() error { close(entered); <-let; return nil })
	return entered, func() { close(let) }
}

// The second signal may come while the drain is over and what was opened is closed:
// it is not waited for to its end.
func TestASecondSignalDoesNotWaitForWhatIsToBeClosed(t *testing.T) {
	for name, early := range map[string]bool{"while clients notice": true, "while it is closed": false} {
		t.Run(name, func(t *testing.T) {
			var closing <-chan struct{}
			var release func()
			config := kit.Config{Plaintext: true}
			if early {
				config.DrainWait = time.Hour
			}
			r := start(t, kit.Options{Config: config}, func(s *kit.Server) { closing, release = hang(s) })
			defer release()
			r.signal()
			if early {
				until(t, "it drains", func() bool { return len(r.log.lines(t, "draining")) > 0 })
				r.signal()
			}
			<-closing
			select {
			case <-r.ended:
				t.Fatal("a closer is not waited for at all")
			default:
			}
			second := time.Now()
			if !early {
				r.signal()
			}
			if err := r.end(t); err != nil {
				t.Errorf("Run = %v", err)
			}
			if took := time.Since(second); took > 2*time.Second {
				t.Errorf("it took %v after the second signal", took)
			}
			if lines := r.log.lines(t, "second signal: not everything was closed in time"); len(lines) != 1 {
				t.Errorf("log = %s", r.log)
			}
		})
	}
}

// With one signal there is all the time that closers take, and their errors are
// returned.
func TestClosersAreWaitedForAfterOneSignal(t *testing.T) {
	s, err := kit.New(t.Context(), kit.Options{Service: "odd", LogTo: io.Discard, Config: kit.Config{Plaintext: true, Listen: "127.0.0.1:0"}})
	if err != nil {
		t.Fatal(err)
	}
	s.OnStop(func() error { return errEnough })
	closing, release := hang(s)
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	cancel()
	<-closing
	select {
	case err := <-ran:
		t.Fatalf("Run = %v, before all was closed", err)
	default:
	}
	release()
	if err := <-ran; err == nil || err.Error() != errEnough.Error() {
		t.Errorf("Run = %v, want %v", err, errEnough)
	}
}
