package scrape_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/fleettest"
	"github.com/gctl-dev/gctl/fleet/scrape"
)

func TestWhereMetricsAre(t *testing.T) {
	for _, c := range []struct {
		meta map[string]string
		want string
	}{
		{nil, ""},
		{map[string]string{"metrics": "10.0.0.1:9091"}, "http://10.0.0.1:9091/metrics"},
		{map[string]string{"metrics": ":9091"}, "http://10.0.0.9:9091/metrics"},
		{map[string]string{"metrics": "0.0.0.0:9091"}, "http://10.0.0.9:9091/metrics"},
		{map[string]string{"metrics": "[::]:9091"}, "http://10.0.0.9:9091/metrics"},
		{map[string]string{"metrics": "https://user.example/prom"}, "https://user.example/prom"},
		{map[string]string{"metrics": "10.0.0.1:9091", "metrics_path": "stats/prometheus"}, "http://10.0.0.1:9091/stats/prometheus"},
		{map[string]string{"metrics_port": "9102"}, "http://10.0.0.9:9102/metrics"},
		{map[string]string{"prometheus_port": "15020", "metrics_path": "/stats"}, "http://10.0.0.9:15020/stats"},
		{map[string]string{"metrics": "a b:c"}, ""},
	} {
		if got := scrape.Address(&fleet.Instance{Addr: "10.0.0.9:9090", Meta: c.meta}); got != c.want {
			t.Errorf("%v: %q, want %q", c.meta, got, c.want)
		}
	}
}

// TestEachFaultIsOneInstances reads one good instance beside every kind of bad
// one.
func TestEachFaultIsOneInstances(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	answer := func(status int, kind, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, text)
		}
	}
	faults := map[string]struct {
		handler http.HandlerFunc
		want    string
	}{
		"garbage": {answer(200, "text/plain", "what?\n\x1b[2J\n"), "no exposition"},
		"html":    {answer(200, "text/html", "<html>sign in</html>"), "web page"},
		"denied":  {answer(403, "text/plain", "no"), "403"},
		"broken":  {answer(500, "text/plain", "boom"), "500"},
		"half": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, "a 1\n")
		}, "cut off"},
		"enormous": {func(w http.ResponseWriter, _ *http.Request) {
			line := strings.Repeat("x", 1<<16) + " 1\n"
			for range 400 {
				if _, err := io.WriteString(w, line); err != nil {
					return
				}
			}
		}, "longer than"},
		"hanging": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "no answer in time"},
	}
	good := &fleettest.Page{Text: fleettest.Exposition("grpc-go"), Instance: fleet.Instance{ID: "good", Service: "user", Meta: map[string]string{}}}
	serve(t, good)
	list := []fleet.Instance{
		good.Instance,
		{ID: "refused", Service: "user", Meta: map[string]string{"metrics": closed.Addr().String()}},
		{ID: "nowhere", Service: "user"},
	}
	for name, f := range faults {
		s := httptest.NewServer(f.handler)
		t.Cleanup(s.Close)
		list = append(list, fleet.Instance{ID: name, Service: "user", Meta: map[string]string{"metrics": strings.TrimPrefix(s.URL, "http://")}})
	}
	reader := scrape.New(scrape.Options{Pause: 50 * time.Millisecond, Timeout: 2 * time.Second})
	got, err := reader.RED(t.Context(), fleet.REDQuery{Service: "user", Instances: list})
	if err != nil || len(got.REDs) != 1 || !(got.REDs[0].Rate > 1) || len(got.Missing) != len(list)-1 {
		t.Fatalf("%+v, %v", got, err)
	}
	for _, m := range got.Missing {
		want := faults[m.Instance.ID].want
		switch m.Instance.ID {
		case "refused":
			want = "refused"
		case "nowhere":
			want = "meta metrics"
		}
		if !strings.Contains(m.Err.Error(), want) {
			t.Errorf("%s: %v", m.Instance.ID, m.Err)
		}
	}
}

func TestBreakersInTheMetrics(t *testing.T) {
	p := &fleettest.Page{Text: "# nothing\n", Instance: fleet.Instance{ID: "edge-1", Service: "edge", Meta: map[string]string{}}}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "gobreaker__state{name=\"user/read\",state=\"open\"} 1\ngobreaker__state{name=\"user/read\",state=\"closed\"} 0\n"+
			"my_cb_state{name=\"billing\"} 2\nother 1\n")
	}))
	t.Cleanup(s.Close)
	p.Instance.Meta["metrics"] = strings.TrimPrefix(s.URL, "http://")
	callers := []fleet.Instance{p.Instance, {ID: "edge-2", Service: "edge"}}
	reader := scrape.New(scrape.Options{})
	list, err := reader.Breakers(t.Context(), callers, "")
	if err != nil || len(list.Breakers) != 2 || list.Breakers[0].Raw != "2" || list.Breakers[1].State != fleet.BreakerOpen || len(list.Missing) != 1 ||
		list.Breakers[1].Provenance.Source == "" {
		t.Errorf("%+v, %v", list, err)
	}
	if list, _ := reader.Breakers(t.Context(), callers[:1], "user"); len(list.Breakers) != 1 || list.Breakers[0].Name != "user/read" {
		t.Errorf("%+v", list)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := reader.Breakers(ctx, callers, ""); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
