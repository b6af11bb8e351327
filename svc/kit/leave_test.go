package kit_test

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

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
	if lines := r.log.lines(t, "there is no catalog to leave: the instance was never registered"); len(lines) != 1 {
		t.Errorf("log = %s", r.log)
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
