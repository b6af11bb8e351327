package consul_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/gctl-dev/gctl/discovery"
	"github.com/gctl-dev/gctl/discovery/consul"
)

func TestLookupJoinsTheChecksOfMachineAndInstance(t *testing.T) {
	a, c := agent(t)
	world(t, a)
	resting := node("asleep", "passing")
	put(t, a, "/v1/catalog/register", resting)
	put(t, a, "/v1/catalog/register", instance("asleep", "checked", "c-4", "passing"))
	resting["Check"] = map[string]any{"CheckID": "_node_maintenance", "Name": "m", "Status": "critical"}
	put(t, a, "/v1/catalog/register", resting)

	for service, want := range map[string]string{
		"checked":               "c-1@good passing, c-2@good warning, c-3@bad critical, c-4@asleep maintenance",
		"unchecked":             "u-1@good passing, u-2@good passing",
		"troubled":              "t-1@good passing, t-2@bad critical",
		"twins":                 "t@bad critical, t@good passing",
		"resting":               "r-1@good maintenance",
		"checked-sidecar-proxy": "",
		"gateway":               "",
		"nobody":                "",
	} {
		r, err := c.Lookup(t.Context(), service)
		if err != nil {
			t.Fatal(err)
		}
		var rows []string
		for _, e := range r.Endpoints {
			rows = append(rows, e.ID+"@"+e.Node+" "+e.Status)
		}
		if got := strings.Join(rows, ", "); got != want {
			t.Errorf("%s = %s, want %s", service, got, want)
		}
	}
	r, err := newClient(t, consul.Config{Address: a.Addr, Tags: []string{"v1"}}).Lookup(t.Context(), "checked")
	if err != nil || len(r.Endpoints) != 2 {
		t.Errorf("with the tag v1: %+v, %v; want two endpoints", r, err)
	}
}

// answering is a Consul that gives one answer to everything, and the requests it
// got.
func answering(t *testing.T, body string) (addr string, requests func() []*http.Request) {
	t.Helper()
	var mu sync.Mutex
	var got []*http.Request
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		got = append(got, r)
		mu.Unlock()
		fmt.Fprint(w, body)
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String(), func() []*http.Request {
		mu.Lock()
		defer mu.Unlock()
		return got
	}
}

func TestAnAddressIsTheServicesOrElseTheNodes(t *testing.T) {
	addr, _ := answering(t, `[
		{"Node":{"Address":"10.0.0.1"},"Service":{"ID":"a","Port":1}},
		{"Node":{"Address":"10.0.0.1"},"Service":{"ID":"b","Address":"fd00::2","Port":2}},
		{"Node":{"Address":"10.0.0.1"},"Service":{"ID":"c","SocketPath":"/run/c.sock"}},
		{"Node":{"Address":"10.0.0.1"},"Service":{"ID":"d","Address":"d.example.com","Port":4},"Checks":[{"Status":"unheard of"}]}]`)
	r, err := newClient(t, consul.Config{Address: addr}).Lookup(t.Context(), "user")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"10.0.0.1:1", "[fd00::2]:2", "unix:/run/c.sock", "d.example.com:4"} {
		if got := r.Endpoints[i].Addr; got != want {
			t.Errorf("address %d = %s, want %s", i, got, want)
		}
	}
	if s := r.Endpoints[3].Status; s != discovery.Critical {
		t.Errorf("an unknown verdict counts as %s, want critical", s)
	}
}

func TestAnAnswerIsBounded(t *testing.T) {
	addr, _ := answering(t, `[{"Node":{"Address":"`+strings.Repeat("x", 2000)+`"}}]`)
	_, err := newClient(t, consul.Config{Address: addr, MaxAnswer: 1000}).Lookup(t.Context(), "user")
	if err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("Lookup = %v, want that the answer is too large", err)
	}
	if _, err := newClient(t, consul.Config{Address: addr, MaxAnswer: 3000}).Lookup(t.Context(), "user"); err != nil {
		t.Error(err)
	}
}

func TestWhatIsConfiguredIsSent(t *testing.T) {
	addr, requests := answering(t, `[]`)
	t.Setenv("CONSUL_HTTP_TOKEN", "from-env")
	t.Setenv("CONSUL_HTTP_AUTH", "ann:pw")
	t.Setenv("CONSUL_NAMESPACE", "team")
	t.Setenv("CONSUL_PARTITION", "p1")
	t.Setenv("CONSUL_HTTP_ADDR", "http://"+addr+"/behind/")
	for _, cfg := range []consul.Config{
		{Datacenter: "dc2", Tags: []string{"a", "b"}},
		{Token: "explicit", Namespace: "other"},
	} {
		if _, err := newClient(t, cfg).Lookup(t.Context(), "user"); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, r := range requests() {
		user, pw, _ := r.BasicAuth()
		got = append(got, fmt.Sprint(r.URL, " ", r.Header.Get("X-Consul-Token"), " ", user, ":", pw))
	}
	want := []string{
		"/behind/v1/health/service/user?dc=dc2&ns=team&partition=p1&tag=a&tag=b from-env ann:pw",
		"/behind/v1/health/service/user?ns=other&partition=p1 explicit ann:pw",
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("request %d = %s, want %s", i, got[i], want[i])
		}
	}
}
