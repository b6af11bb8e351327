package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/commands"
	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/file"
	"github.com/gctl-dev/gctl/internal/config"
)

func serving(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// startWorld is a factory over a catalog of user-1 and user-2, which say where
// their metrics are, and edge-1, which does not; and a Prometheus, if there is one.
func startWorld(t *testing.T, one, two, prometheusAt string) *commands.Factory {
	t.Helper()
	path := filepath.Join(t.TempDir(), "world.yaml")
	world := fmt.Sprintf(`
check: none
services:
  user:
    instances:
    - {id: user-1, address: "10.0.0.1:1", meta: {version: v1, metrics: %q}}
    - {id: user-2, address: "10.0.0.1:2", meta: {version: v2, metrics: %q}}
  edge:
    instances: [{id: edge-1, address: "10.0.0.1:3"}]
`, one, two)
	if err := os.WriteFile(path, []byte(world), 0o600); err != nil {
		t.Fatal(err)
	}
	c := config.Context{Name: "test", Catalog: "file://" + path}
	if prometheusAt != "" {
		c.Prometheus.URL = "http://" + prometheusAt
	}
	f := newFactory()
	f.Context = func() (config.Context, error) { return c, nil }
	f.Catalog = func() (fleet.Catalog, error) { return file.New(file.Options{Path: c.Catalog}) }
	return f
}

func shownEvents(list fleet.EventList) (shown []string) {
	for _, e := range list.Events {
		shown = append(shown, fmt.Sprint(e.At.Unix(), " ", e.Kind, " ", e.Service, " ", e.Instance, " ", e.To, " ", e.Exact, " ", strings.Fields(e.Provenance.Source)[0]))
	}
	return shown
}

func shownMissing(list fleet.EventList) string {
	var shown []string
	for _, m := range list.Missing {
		shown = append(shown, m.What+": "+m.Err.Error())
	}
	return strings.Join(shown, "\n")
}

func TestStartsAsPrometheusSawThem(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	series := func(instance, job string, values ...any) map[string]any {
		var points []any
		for i, v := range values {
			points = append(points, []any{now.Add(time.Duration(i-60) * time.Minute).Unix(), fmt.Sprint(v)})
		}
		return map[string]any{"metric": map[string]string{"__name__": startedAt, "instance": instance, "job": job}, "values": points}
	}
	first, second, old := now.Add(-50*time.Minute).Unix(), now.Add(-10*time.Minute).Unix(), now.Add(-3*time.Hour).Unix()
	addr := serving(t, func(w http.ResponseWriter, r *http.Request) {
		result := map[string]any{"resultType": "vector", "result": []any{}}
		if strings.HasSuffix(r.URL.Path, "/query_range") {
			result = map[string]any{"resultType": "matrix", "result": []any{
				series("10.0.0.1:1", "user", old, old, float64(first)+0.25, float64(first)+0.25, second, second),
				series("10.0.0.1:2", "user", "NaN", "+Inf", -5, 0, 1e300, now.Add(time.Hour).Unix(), now.Add(time.Hour).Unix()),
				series("10.0.0.1:3", "edge", second), series("10.9.9.9:3", "stranger", second),
			}}
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": result})
	})
	f := startWorld(t, "10.0.0.1:1", "10.0.0.1:2", addr)
	list, err := startEvents{f}.Events(t.Context(), "user", now.Add(-time.Hour), now)
	want := []string{fmt.Sprint(first, " process_started user user-1 v1 true prometheus"), fmt.Sprint(second, " process_started user user-1 v1 true prometheus")}
	if err != nil || !slices.Equal(shownEvents(list), want) {
		t.Errorf("%v, %v; want %v", shownEvents(list), err, want)
	}
	if missing := shownMissing(list); !strings.HasPrefix(missing, "start of user user-2: its clock is ahead: it says that it started at ") || strings.Contains(missing, "\n") {
		t.Errorf("missing = %q", missing)
	}
	if list, err = (startEvents{f}).Events(t.Context(), "", now.Add(-time.Hour), now); err != nil || len(list.Events) != 3 {
		t.Errorf("of all: %v, %v", shownEvents(list), err)
	}
	if list, err = (startEvents{f}).Events(t.Context(), "user", now.Add(-time.Hour), now.Add(-30*time.Minute)); err != nil || len(list.Events) != 1 {
		t.Errorf("until half an hour ago: %v, %v", shownEvents(list), err)
	}
}

func TestStartsAsTheProcessesSay(t *testing.T) {
	now := time.Now()
	metrics := func(at time.Time) string {
		return serving(t, func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, "process_start_time_seconds %d\n", at.Unix())
		})
	}
	f := startWorld(t, metrics(now.Add(-time.Minute)), metrics(now.Add(time.Hour)), "")
	t.Setenv("CONSUL_HTTP_ADDR", "")
	list, err := startEvents{f}.Events(t.Context(), "", now.Add(-time.Hour), now)
	want := []string{fmt.Sprint(now.Add(-time.Minute).Unix(), " process_started user user-1 v1 true metrics")}
	if err != nil || !slices.Equal(shownEvents(list), want) {
		t.Errorf("%v, %v; want %v", shownEvents(list), err, want)
	}
	if missing := shownMissing(list); !strings.Contains(missing, "start of user user-2: its clock is ahead") {
		t.Errorf("missing = %q", missing)
	}
	// The Prometheus that is named does not answer.
	f = startWorld(t, metrics(now.Add(-time.Minute)), metrics(now.Add(-2*time.Minute)), serving(t, func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "no", http.StatusInternalServerError)
	}))
	list, err = startEvents{f}.Events(t.Context(), "", now.Add(-time.Hour), now)
	if err != nil || len(list.Events) != 2 || !strings.HasPrefix(shownMissing(list), "starts before the last ones: ") {
		t.Errorf("%v, %q, %v", shownEvents(list), shownMissing(list), err)
	}
	// Nobody says where metrics are.
	f = startWorld(t, "", "", "")
	if list, err = (startEvents{f}).Events(t.Context(), "user", now.Add(-time.Hour), now); !errors.Is(err, fleet.ErrNoHistory) {
		t.Errorf("%v, %v; want ErrNoHistory", shownEvents(list), err)
	}
}
