package consul_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/consul"
	"github.com/gctl-dev/gctl/internal/stack"
)

// fails demands that both questions to a catalog fail, with an error that
// has the kind, says want and hints at hint.
func fails(t *testing.T, c fleet.Catalog, kind fleet.Kind, want, hint string) {
	t.Helper()
	_, err1 := c.Instances(t.Context(), "user")
	_, err2 := c.Services(t.Context())
	for _, err := range []error{err1, err2} {
		var e *fleet.Error
		if !errors.As(err, &e) {
			t.Errorf("error = %v, want a fleet.Error", err)
			continue
		}
		if e.Kind != kind || !strings.Contains(e.Error(), want) || !strings.Contains(e.Hint, hint) {
			t.Errorf("error = %v (kind %d)\nhint: %s\nwant %q (kind %d), hint with %q", e, e.Kind, e.Hint, want, kind, hint)
		}
		if strings.ContainsAny(e.Error(), "\n\t") || strings.Contains(e.Error(), "secret") {
			t.Errorf("error = %q, want one line without the token", e)
		}
	}
}

// fake is a server that a real Consul cannot be brought to be.
func fake(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return s.URL
}

func answer(code int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(code)
		fmt.Fprint(w, body)
	}
}

func TestNothingListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	fails(t, open(t, consul.Options{Address: l.Addr().String()}), fleet.Failed, l.Addr().String()+" refuses connections", "CONSUL_HTTP_ADDR")
	fails(t, open(t, consul.Options{Address: "consul.invalid:8500"}), fleet.Failed, "cannot be resolved", "CONSUL_HTTP_ADDR")
}

func TestAConsulThatNeverAnswers(t *testing.T) {
	quit := make(chan struct{})
	silent := fake(t, func(http.ResponseWriter, *http.Request) { <-quit })
	stuck := fake(t, func(w http.ResponseWriter, _ *http.Request) { // in the middle of its answer
		fmt.Fprint(w, `[{"Node":`)
		w.(http.Flusher).Flush()
		<-quit
	})
	t.Cleanup(func() { close(quit) })
	for _, addr := range []string{silent, stuck} {
		c := open(t, consul.Options{Address: addr, Timeout: 100 * time.Millisecond})
		fails(t, c, fleet.Failed, ": no answer in time (100ms)", "--timeout")

		// The caller's time ends first, for a reason of the caller's.
		ctx, cancel := context.WithTimeoutCause(t.Context(), 20*time.Millisecond, errors.New("lunch"))
		_, err := open(t, consul.Options{Address: addr}).Instances(ctx, "user")
		cancel()
		if err == nil || !strings.Contains(err.Error(), "gave no answer in time: lunch") {
			t.Errorf("error = %v, want the caller's reason", err)
		}
	}
}

func TestAnswersThatAreNotConsuls(t *testing.T) {
	page := "<html><body>Welcome</body></html>"
	for name, c := range map[string]struct {
		answer     http.HandlerFunc
		want, hint string
	}{
		"a page":            {answer(200, "text/html; charset=utf-8", page), "not JSON", "check the address"},
		"a page as error":   {answer(502, "text/html", page), "does not answer as Consul does: 502 Bad Gateway", "check the address"},
		"not found":         {answer(404, "text/plain", "404 page not found"), "does not answer as Consul does: 404", "check the address"},
		"a redirect":        {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) }, "does not answer", "check the address"},
		"garbage":           {answer(200, "application/json", "\x00\x1b[31m}{"), "answer cannot be read", "check the address"},
		"another type":      {answer(200, "application/json", `{"a": 1}`), "answer cannot be read", "check the address"},
		"another element":   {answer(200, "application/json", `[1, 2]`), "answer cannot be read", "check the address"},
		"an end in between": {answer(200, "application/json", `[{"Node": {"Node": "a"`), "answer cannot be read", "check the address"},
		"nothing at all":    {answer(200, "application/json", ``), "answer cannot be read", "check the address"},
		"too many requests": {answer(429, "text/plain", "slow down"), "turns requests away: 429", "200 connections"},
		"an odd failure":    {answer(500, "text/plain", "rpc error:\n\tmaking call"), "could not answer: 500 Internal Server Error: rpc error: making call", ""},
	} {
		t.Run(name, func(t *testing.T) {
			fails(t, open(t, consul.Options{Address: fake(t, c.answer), Token: "secret"}), fleet.Failed, c.want, c.hint)
		})
	}
}

func TestPlainTextAndTLSMixedUp(t *testing.T) {
	s := httptest.NewTLSServer(answer(200, "application/json", "[]"))
	s.Config.ErrorLog = nil
	t.Cleanup(s.Close)
	addr := s.Listener.Addr().String()
	fails(t, open(t, consul.Options{Address: addr}), fleet.Failed, "wants HTTPS", "CONSUL_HTTP_SSL=true")
	fails(t, open(t, consul.Options{Address: "consul+https://" + addr}), fleet.Failed, "certificate is not trusted", "CONSUL_CACERT")
	plain := fake(t, answer(200, "application/json", "[]"))
	fails(t, open(t, consul.Options{Address: strings.Replace(plain, "http:", "https:", 1)}), fleet.Failed, "speaks plain HTTP", "CONSUL_HTTP_SSL")
}

func TestARealConsulWithoutWhatWasAskedFor(t *testing.T) {
	agent := stack.ConsulFor(t, stack.ConsulOptions{})
	fails(t, open(t, consul.Options{Address: agent.Addr, Datacenter: "dc2"}), fleet.Usage, `no datacenter "dc2"`, "did you mean dc1?")
	fails(t, open(t, consul.Options{Address: agent.Addr, Datacenter: "frankfurt"}), fleet.Usage, `no datacenter "frankfurt"`, "it knows dc1")
	fails(t, open(t, consul.Options{Address: agent.Addr, Namespace: "team"}), fleet.Usage, "Consul Enterprise", "--namespace")
	if _, err := open(t, consul.Options{Address: agent.Addr, Datacenter: "dc1"}).Services(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAnotherDatacenterIsAskedThroughTheAgentOfThisOne(t *testing.T) {
	first := stack.ConsulFor(t, stack.ConsulOptions{})
	second := stack.ConsulFor(t, stack.ConsulOptions{Datacenter: "dc2", Peer: first})
	there := fleet.Instance{ID: "far-1", Service: "far", Addr: "127.0.0.1:9090", Catalog: fleet.Passing}
	register(t, second.Addr, there)
	c := open(t, consul.Options{Address: first.Addr, Datacenter: "dc2"})
	deadline := time.After(20 * time.Second)
	for { // until the two have joined
		list, err := c.Instances(t.Context(), "far")
		if err == nil && len(list.Instances) == 1 && list.Instances[0].ID == "far-1" {
			break
		}
		select {
		case <-deadline:
			t.Fatalf("Instances = %+v, %v", list, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
	services, err := c.Services(t.Context())
	if err != nil || len(services.Services) != 2 || services.Services[1].Name != "far" {
		t.Errorf("Services = %+v, %v; want consul and far", services.Services, err)
	}
	here, err := open(t, consul.Options{Address: first.Addr}).Instances(t.Context(), "far")
	if err != nil || len(here.Instances) != 0 {
		t.Errorf("Instances of this datacenter = %+v, %v; want none", here, err)
	}
	fails(t, open(t, consul.Options{Address: first.Addr, Datacenter: "dc9"}), fleet.Usage, `no datacenter "dc9"`, "did you mean dc")
}

func TestARealConsulWithoutALeader(t *testing.T) {
	agent := stack.ConsulFor(t, stack.ConsulOptions{NoLeader: true})
	fails(t, open(t, consul.Options{Address: agent.Addr}), fleet.Failed, "has no cluster leader", "raft list-peers")
}

// hold takes the only connection that the agent gives away. The one by which the
// agent was found to be ready may count for a moment longer; then ours is closed
// at once.
func hold(t *testing.T, addr string) {
	t.Helper()
	for range 100 {
		var d net.Dialer
		conn, err := d.DialContext(t.Context(), "tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Cleanup(func() { conn.Close() })
			return
		}
		conn.Close()
	}
	t.Fatal("the agent keeps no connection")
}

func TestARealConsulWithTooManyConnections(t *testing.T) {
	agent := stack.ConsulFor(t, stack.ConsulOptions{HCL: "limits { http_max_conns_per_client = 1 }\n"})
	hold(t, agent.Addr)
	fails(t, open(t, consul.Options{Address: agent.Addr}), fleet.Failed, "turns requests away: 429", "200 connections")
}

func TestConfigurationErrors(t *testing.T) {
	t.Setenv("CONSUL_HTTP_TOKEN_FILE", "/nonexistent/token")
	for _, addr := range []string{"127.0.0.1:8500", "ftp://127.0.0.1"} {
		_, err := consul.New(consul.Options{Address: addr})
		var e *fleet.Error
		if !errors.As(err, &e) || e.Hint == "" {
			t.Errorf("New(%s) = %v, want a fleet.Error with a hint", addr, err)
		}
	}
}
