package consul_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/consul"
	"github.com/gctl-dev/gctl/fleet/fleettest"
	"github.com/gctl-dev/gctl/internal/stack"
)

// breakable stands before a Consul and answers in its place while there is a fault.
func breakable(t *testing.T, agent string) (addr string, fault *atomic.Pointer[http.HandlerFunc]) {
	t.Helper()
	fault = &atomic.Pointer[http.HandlerFunc]{}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	return fake(t, func(w http.ResponseWriter, r *http.Request) {
		req, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+agent+r.URL.RequestURI(), nil)
		if err != nil {
			t.Error(err)
			return
		}
		resp, err := client.Do(req)
		var body []byte
		if err == nil {
			body, err = io.ReadAll(resp.Body)
			resp.Body.Close()
		}
		if broken := fault.Load(); broken != nil { // also for what was asked before
			(*broken)(w, r)
			return
		}
		if err != nil {
			return // who asked is gone
		}
		maps.Copy(w.Header(), resp.Header)
		w.Header().Del("Content-Length")
		w.WriteHeader(resp.StatusCode)
		_, _ = w.Write(body)
	}), fault
}

func endless(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("X-Consul-Index", "7")
	w.Header().Set("Content-Type", "application/json")
	_, err := fmt.Fprint(w, "[")
	for err == nil {
		_, err = fmt.Fprint(w, strings.Repeat(`{"Node": "n", "Services": [], "Checks": []},`, 1000))
	}
}

// Whatever Consul does, the snapshot says so and why while it lasts, keeps what is
// known, other sources go on, and all is well again soon after.
func TestAConsulThatIsOutOfOrderForAWhile(t *testing.T) {
	agent := stack.ConsulFor(t, stack.ConsulOptions{})
	n := 0
	for name, c := range map[string]struct {
		fault http.HandlerFunc
		want  string
	}{
		"it hangs": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, ": no answer in time"},
		"it hangs in an answer": {func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, "[{")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, ": no answer in time"},
		"it answers garbage":       {answer(200, "application/json", "\x00}{"), "does not answer as Consul does"},
		"it answers half a body":   {answer(200, "application/json", `[{"Node": "n", "Services": [{"ID"`), "does not answer as Consul does"},
		"it answers a page":        {answer(200, "text/html", "<html>"), "does not answer as Consul does"},
		"it forbids":               {answer(403, "text/plain", "Permission denied"), "does not permit this: 403"},
		"it fails":                 {answer(500, "text/plain", "rpc error"), "could not answer: 500"},
		"it turns requests away":   {answer(429, "text/plain", "slow down"), "turns requests away: 429"},
		"its answer has no end":    {endless, "does not answer as Consul does: answer is too large"},
		"it closes the connection": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "cannot be reached"},
	} {
		t.Run(name, func(t *testing.T) {
			addr, fault := breakable(t, agent.Addr)
			patience := 500 * time.Millisecond
			if strings.HasSuffix(c.want, "too large") { // that much takes its time on a busy machine
				patience = 3 * time.Second
			}
			catalog, err := consul.Impatient(addr, patience)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(catalog.Close)
			rounds := 0
			store := fleet.NewStore(t.Context(), fleet.StoreOptions{Every: time.Millisecond, Sources: []fleet.Source{catalog.Source(), {
				Name: "other", Interval: 20 * time.Millisecond, Poll: func(context.Context, *fleet.Snapshot) (fleet.Facts, error) {
					rounds++
					return fleet.Facts{Notes: []string{fmt.Sprint(rounds)}}, nil
				},
			}}})
			t.Cleanup(store.Close)
			register(t, agent.Addr, fleet.Instance{ID: "u1", Service: "user", Addr: "127.0.0.1:1", Catalog: fleet.Passing})
			is := func(s *fleet.Snapshot, status fleet.SourceStatus, version string) bool {
				state, _ := s.Source(fleet.CatalogFeed)
				f := s.Service("user")
				return state.Status == status && f != nil && f.Instance("u1") != nil && (version == "" || f.Instance("u1").Version == version)
			}
			fleettest.Await(t, store, "the instance is there", func(s *fleet.Snapshot) bool { return is(s, fleet.SourceFresh, "") })

			fault.Store(&c.fault)
			broken := fleettest.Await(t, store, "the source fails", func(s *fleet.Snapshot) bool { return is(s, fleet.SourceFailing, "") })
			state, _ := broken.Source(fleet.CatalogFeed)
			if state.Err == nil || !strings.Contains(state.Err.Error(), c.want) || state.At.IsZero() {
				t.Errorf("state = %+v, want %q", state, c.want)
			}
			other, _ := broken.Source("other")
			fleettest.Await(t, store, "the other source goes on", func(s *fleet.Snapshot) bool {
				now, _ := s.Source("other")
				return now.Status == fleet.SourceFresh && now.At.After(other.At) && now.Notes[0] != other.Notes[0]
			})

			n++
			version := fmt.Sprint("v", n)
			register(t, agent.Addr, fleet.Instance{ID: "u1", Service: "user", Addr: "127.0.0.1:1", Catalog: fleet.Passing, Meta: map[string]string{"version": version}})
			fault.Store(nil)
			well := fleettest.Await(t, store, "it is well again", func(s *fleet.Snapshot) bool { return is(s, fleet.SourceFresh, version) })
			turns := 0
			for _, e := range well.Events() {
				if e.Kind == fleet.SourceChanged {
					turns++
				}
			}
			if turns != 2 {
				t.Errorf("it failed and was well again %d times: %+v", turns, well.Events())
			}
		})
	}
}
