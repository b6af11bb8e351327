package consul_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/discovery"
	"github.com/gctl-dev/gctl/discovery/consul"
	"github.com/gctl-dev/gctl/internal/stack"
)

// follow starts a watch and returns its updates; the watch ends with the test.
func follow(t *testing.T, w discovery.Watcher, service string) <-chan discovery.Update {
	t.Helper()
	updates := make(chan discovery.Update)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- w.Watch(ctx, service, func(u discovery.Update) {
			select {
			case updates <- u:
			case <-ctx.Done():
			}
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Watch = %v, want the context's error", err)
		}
	})
	return updates
}

// await reads updates until ok.
func await(t *testing.T, updates <-chan discovery.Update, what string, ok func(discovery.Update) bool) discovery.Update {
	t.Helper()
	timeout := time.After(limit)
	for {
		select {
		case u := <-updates:
			if ok(u) {
				return u
			}
		case <-timeout:
			t.Fatalf("no update in which %s", what)
		}
	}
}

func ids(u discovery.Update) string {
	s := make([]string, 0, len(u.Endpoints))
	for _, e := range u.Endpoints {
		s = append(s, e.ID)
	}
	return strings.Join(s, " ")
}

func TestWatchOutlivesARestartThatResetsTheIndex(t *testing.T) {
	first := stack.ConsulFor(t, stack.ConsulOptions{})
	c := newClient(t, consul.Config{Address: first.Addr})
	for i := range 30 { // an index that the next agent will not reach soon
		if err := c.Register(t.Context(), consul.Registration{Service: "user", ID: "old", Addr: fmt.Sprint("127.0.0.1:", 9000+i)}); err != nil {
			t.Fatal(err)
		}
	}
	updates := follow(t, c, "user")
	await(t, updates, "it is there", func(u discovery.Update) bool { return ids(u) == "old" })
	if err := first.Stop(); err != nil {
		t.Fatal(err)
	}
	u := await(t, updates, "the failure is told", func(u discovery.Update) bool { return u.Err != nil })
	if ids(u) != "old" {
		t.Errorf("after a failure the endpoints are %q, want the last good ones", ids(u))
	}
	stack.ConsulFor(t, stack.ConsulOptions{HTTPPort: first.Port})
	await(t, updates, "the new agent's empty list counts", func(u discovery.Update) bool { return u.Err == nil && ids(u) == "" })
	if err := c.Register(t.Context(), consul.Registration{Service: "user", ID: "new", Addr: "127.0.0.1:9090"}); err != nil {
		t.Fatal(err)
	}
	await(t, updates, "the new one is there", func(u discovery.Update) bool { return ids(u) == "new" })
}

// A real Consul cannot be brought to fail in these ways on demand.
func TestWatchForgetsAListThatIsTooOld(t *testing.T) {
	var broken atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if broken.Load() {
			http.Error(w, "No cluster leader", http.StatusInternalServerError)
			return
		}
		w.Header().Set("X-Consul-Index", "5")
		broken.Store(true)
		fmt.Fprint(w, `[{"Node":{"Address":"10.0.0.1"},"Service":{"ID":"a","Service":"user","Port":1}}]`)
	}))
	t.Cleanup(server.Close)
	c := newClient(t, consul.Config{Address: server.URL, MaxStale: 2 * time.Second})
	updates := follow(t, c, "user")
	await(t, updates, "it is there", func(u discovery.Update) bool { return ids(u) == "a" && u.Err == nil })
	await(t, updates, "it is kept at first", func(u discovery.Update) bool { return ids(u) == "a" && u.Err != nil })
	await(t, updates, "it is dropped later", func(u discovery.Update) bool { return ids(u) == "" && u.Err != nil })
}

func TestWatchDoesNotSpinOnAConsulThatNeverBlocks(t *testing.T) {
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		fmt.Fprint(w, `null`) // and no index
	}))
	t.Cleanup(server.Close)
	c := newClient(t, consul.Config{Address: server.URL})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	news, done := 0, make(chan error, 1)
	began := time.Now()
	go func() { done <- c.Watch(ctx, "user", func(discovery.Update) { news++ }) }()
	eventually(t, "it asks again", func() error {
		if n := asked.Load(); n < 6 {
			return fmt.Errorf("asked %d times", n)
		}
		return nil
	})
	d := time.Since(began)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Watch = %v", err)
	}
	if d < 500*time.Millisecond || news != 1 {
		t.Errorf("asked 6 times in %s and told %d times, want a tenth of a second in between, and once", d, news)
	}
}
