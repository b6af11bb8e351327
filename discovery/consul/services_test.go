package consul_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/gctl-dev/gctl/discovery/consul"
	"github.com/gctl-dev/gctl/internal/stack"
)

// world fills a catalog with one service for each case that the counting must get
// right.
func world(t *testing.T, a *stack.Consul) {
	t.Helper()
	for _, body := range []map[string]any{
		node("good", "passing"), node("bad", "critical"),
		instance("good", "checked", "c-1", "passing", "v1"),
		instance("good", "checked", "c-2", "warning", "v2"),
		instance("bad", "checked", "c-3", "passing", "v1"), // its machine is critical
		instance("good", "unchecked", "u-1", ""),
		instance("good", "unchecked", "u-2", ""),
		instance("good", "mixed", "m-1", "", "v1"),
		instance("good", "mixed", "m-2", "critical"),
		instance("good", "troubled", "t-1", ""),
		instance("bad", "troubled", "t-2", ""), // without a check on a critical machine
		instance("good", "twins", "t", "passing"),
		instance("bad", "twins", "t", "passing"), // the same ID on another machine
	} {
		put(t, a, "/v1/catalog/register", body)
	}
	proxy := instance("good", "checked-sidecar-proxy", "p-1", "passing")
	proxy["Service"].(map[string]any)["Kind"] = "connect-proxy"
	proxy["Service"].(map[string]any)["Proxy"] = map[string]any{"DestinationServiceName": "checked"}
	put(t, a, "/v1/catalog/register", proxy)
	gateway := instance("good", "gateway", "g-1", "passing")
	gateway["Service"].(map[string]any)["Kind"] = "mesh-gateway"
	put(t, a, "/v1/catalog/register", gateway)
	resting := instance("good", "resting", "r-1", "passing")
	put(t, a, "/v1/catalog/register", resting)
	resting["Check"] = map[string]any{"CheckID": "_service_maintenance:r-1", "Name": "m", "Status": "critical", "ServiceID": "r-1"}
	put(t, a, "/v1/catalog/register", resting)
}

var wantCounts = map[string]string{
	"consul":    "1: 1 passing, 0 warning, 0 critical, 0 maintenance",
	"checked":   "3: 1 passing, 1 warning, 1 critical, 0 maintenance",
	"unchecked": "2: 2 passing, 0 warning, 0 critical, 0 maintenance",
	"mixed":     "2: 1 passing, 0 warning, 1 critical, 0 maintenance",
	"troubled":  "2: 1 passing, 0 warning, 1 critical, 0 maintenance",
	"twins":     "2: 1 passing, 0 warning, 1 critical, 0 maintenance",
	"resting":   "1: 0 passing, 0 warning, 0 critical, 1 maintenance",
}

func checkServices(t *testing.T, got []consul.Service, want map[string]string) {
	t.Helper()
	if !slices.IsSortedFunc(got, func(a, b consul.Service) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("the services are not sorted by name")
	}
	seen := map[string]bool{}
	for _, s := range got {
		seen[s.Name] = true
		if w, ok := want[s.Name]; !ok {
			t.Errorf("%s is listed, it should not be", s.Name)
		} else if counts(s) != w {
			t.Errorf("%s = %s, want %s", s.Name, counts(s), w)
		}
	}
	for name := range want {
		if !seen[name] {
			t.Errorf("%s is not listed", name)
		}
	}
}

func TestServicesCountsInstancesWithAndWithoutChecks(t *testing.T) {
	a, c := agent(t)
	world(t, a)
	list, err := c.Services(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	checkServices(t, list.Services, wantCounts)
	if list.Hidden {
		t.Error("nothing is hidden here")
	}
	i := slices.IndexFunc(list.Services, func(s consul.Service) bool { return s.Name == "checked" })
	if s := list.Services[i]; !slices.Equal(s.Tags, []string{"v1", "v2"}) || !s.GRPC {
		t.Errorf("tags = %v, gRPC = %v; want [v1 v2] and true", s.Tags, s.GRPC)
	}

	t.Run("with a tag", func(t *testing.T) {
		tagged := newClient(t, consul.Config{Address: a.Addr, Tags: []string{"v1"}})
		list, err := tagged.Services(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		checkServices(t, list.Services, map[string]string{
			"checked": "2: 1 passing, 0 warning, 1 critical, 0 maintenance",
			"mixed":   "1: 1 passing, 0 warning, 0 critical, 0 maintenance",
		})
	})
	t.Run("without the UI's paths", func(t *testing.T) {
		proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: a.Addr})
		proxy.Transport = &http.Transport{DisableKeepAlives: true}
		front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Path, "/internal/") {
				http.NotFound(w, r)
				return
			}
			proxy.ServeHTTP(w, r)
		}))
		t.Cleanup(front.Close)
		plain := newClient(t, consul.Config{Address: front.URL})
		list, err := plain.Services(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		checkServices(t, list.Services, wantCounts)
	})
}
