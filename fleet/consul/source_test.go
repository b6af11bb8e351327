package consul_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/consul"
	"github.com/gctl-dev/gctl/fleet/fleettest"
	"github.com/gctl-dev/gctl/internal/stack"
)

func source(t *testing.T, opts consul.Options) fleet.Source {
	t.Helper()
	return open(t, opts).(*consul.Catalog).Source()
}

func storeOf(t *testing.T, s fleet.Source) *fleet.Store {
	t.Helper()
	store := fleet.NewStore(t.Context(), fleet.StoreOptions{Sources: []fleet.Source{s}})
	t.Cleanup(store.Close)
	return store
}

// shown is every instance with its verdict.
func shown(s *fleet.Snapshot) string {
	var out []string
	for _, f := range s.Services() {
		for _, in := range f.Instances {
			out = append(out, fmt.Sprint(f.Name, "/", in.ID, "=", in.Catalog))
		}
	}
	return strings.Join(out, " ")
}

func TestSourceConformance(t *testing.T) {
	fleettest.Source(t, func(t *testing.T) fleettest.SourceWorld {
		w := world(t)
		return fleettest.CatalogSource(w.Catalog.(*consul.Catalog).Source(), w)
	})
}

func TestTheFleetWithAndWithoutChecks(t *testing.T) {
	agent := stack.ConsulFor(t, stack.ConsulOptions{})
	node := func(name, status string) {
		put(t, agent.Addr, "", "/v1/catalog/register", map[string]any{
			"Node": name, "Address": "10.0.0.1", "Check": map[string]any{"CheckID": "alive", "Name": "alive", "Status": status}})
	}
	service := func(node, service, id, kind string) {
		s := map[string]any{"ID": id, "Service": service, "Kind": kind, "Port": 1, "Tags": []string{"a"}}
		if kind != "" {
			s["Proxy"] = map[string]any{"DestinationServiceName": "user"}
		}
		put(t, agent.Addr, "", "/v1/catalog/register", map[string]any{"Node": node, "Address": "10.0.0.1", "SkipNodeUpdate": true, "Service": s})
	}
	check := func(node, id, status string) {
		put(t, agent.Addr, "", "/v1/catalog/register", map[string]any{"Node": node, "Address": "10.0.0.1", "SkipNodeUpdate": true,
			"Check": map[string]any{"Node": node, "CheckID": "c:" + id, "Name": "c", "Status": status, "ServiceID": id, "Type": "grpc"}})
	}
	node("n1", "passing")
	node("n2", "passing")
	service("n1", "user", "u1", "")
	service("n1", "user", "u2", "")
	check("n1", "u2", "warning")
	service("n2", "user", "u2", "") // the same ID on another machine
	service("n2", "proxy", "p1", "connect-proxy")
	store := storeOf(t, source(t, consul.Options{Address: agent.Addr}))
	tagged := storeOf(t, source(t, consul.Options{Address: agent.Addr, Tags: []string{"a"}}))
	none := storeOf(t, source(t, consul.Options{Address: agent.Addr, Tags: []string{"b"}}))
	await := func(store *fleet.Store, want string) *fleet.Snapshot {
		t.Helper()
		last := ""
		defer func() {
			if t.Failed() {
				t.Logf("shown: %s", last)
			}
		}()
		return fleettest.Await(t, store, want, func(s *fleet.Snapshot) bool {
			last = shown(s)
			state, _ := s.Source(fleet.CatalogFeed)
			return last == want && state.Status == fleet.SourceFresh
		})
	}
	await(store, "consul/consul=passing user/u1=passing user/u2=warning user/u2@n2=passing")
	await(tagged, "user/u1=passing user/u2=warning user/u2@n2=passing")
	await(none, "")
	node("n2", "critical") // takes with it what has no check of its own
	await(store, "consul/consul=passing user/u1=passing user/u2=warning user/u2@n2=critical")
	check("n1", "u2", "critical")
	await(store, "consul/consul=passing user/u1=passing user/u2=critical user/u2@n2=critical")
	node("n2", "passing")
	check("n1", "u2", "passing")
	snap := await(store, "consul/consul=passing user/u1=passing user/u2=passing user/u2@n2=passing")
	if in := snap.Service("user").Instance("u2"); !in.GRPC || in.Addr != "10.0.0.1:1" || !strings.Contains(in.Provenance.Source, agent.Addr) {
		t.Errorf("u2 = %+v", in)
	}
	var kinds []string
	for _, e := range snap.Events() {
		kinds = append(kinds, fmt.Sprint(e.Instance, " ", e.From, ">", e.To))
	}
	want := []string{"u2@n2 passing>critical", "u2 warning>critical", "u2@n2 critical>passing", "u2 critical>passing"}
	slices.Sort(kinds)
	slices.Sort(want)
	if !slices.Equal(kinds, want) {
		t.Errorf("events = %q, want %q", kinds, want)
	}
	put(t, agent.Addr, "", "/v1/catalog/deregister", map[string]any{"Node": "n1", "ServiceID": "u1"})
	put(t, agent.Addr, "", "/v1/catalog/deregister", map[string]any{"Node": "n1", "ServiceID": "u2"})
	await(store, "consul/consul=passing user/u2=passing")
}

func TestHiddenResultsAreNoted(t *testing.T) {
	agent := guarded(t)
	narrow := tokenFor(t, agent.Addr, "bbbbbbbb-2222-3333-4444-555555555555", `
		service "user" { policy = "read" }
		node_prefix "" { policy = "read" }`)
	for token, want := range map[string]struct {
		shown string
		notes int
	}{root: {"consul/consul=passing payments/payments-1=passing user/user-1=passing", 0}, narrow: {"user/user-1=passing", 1}, "": {"", 1}} {
		store := storeOf(t, source(t, consul.Options{Address: agent.Addr, Token: token}))
		fleettest.Await(t, store, "what the token may see is there", func(s *fleet.Snapshot) bool {
			state, _ := s.Source(fleet.CatalogFeed)
			return state.Status == fleet.SourceFresh && shown(s) == want.shown && len(state.Notes) == want.notes
		})
	}
}

func TestAConsulWithoutTheUIsPaths(t *testing.T) {
	agent := stack.ConsulFor(t, stack.ConsulOptions{})
	register(t, agent.Addr, fleet.Instance{ID: "u1", Service: "user", Addr: "127.0.0.1:1", Catalog: fleet.Critical})
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: agent.Addr})
	proxy.ErrorLog = log.New(io.Discard, "", 0) // of watches that end
	addr := fake(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v1/internal/") {
			http.Error(w, "Endpoint is blocked by agent configuration", http.StatusForbidden)
			return
		}
		proxy.ServeHTTP(w, r)
	})
	store := storeOf(t, source(t, consul.Options{Address: addr}))
	fleettest.Await(t, store, "the instances are there all the same", func(s *fleet.Snapshot) bool {
		return shown(s) == "consul/consul=passing user/u1=critical"
	})
}

func TestASourceThatGetsNonsense(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"a page": answer(200, "text/html", "<html>"), "garbage": answer(200, "application/json", "}{"),
		"an end in between": answer(200, "application/json", `[{"Node":`), "a failure": answer(500, "text/plain", "no"),
		"too many": answer(429, "text/plain", "no"),
	} {
		t.Run(name, func(t *testing.T) {
			store := storeOf(t, source(t, consul.Options{Address: fake(t, answer)}))
			fleettest.Await(t, store, "it fails", func(s *fleet.Snapshot) bool {
				state, _ := s.Source(fleet.CatalogFeed)
				return state.Status == fleet.SourceFailing && fleet.KindOf(state.Err) == fleet.Failed && len(s.Services()) == 0
			})
		})
	}
}
