package scrape_test

import (
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/scrape"
)

// counting serves the metrics of a process that is a hundred seconds old and has
// served 300 calls, 30 of which failed.
func counting(t *testing.T, started time.Time) fleet.Instance {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `process_start_time_seconds %d
grpc_server_handled_total{grpc_service="a.B",grpc_method="Get",grpc_type="unary",grpc_code="OK"} 270
grpc_server_handled_total{grpc_service="a.B",grpc_method="Get",grpc_type="unary",grpc_code="Internal"} 30
`, started.Unix())
	}))
	t.Cleanup(server.Close)
	address := strings.TrimPrefix(server.URL, "http://")
	return fleet.Instance{ID: "user-1", Service: "user", Addr: address, Meta: map[string]string{fleet.MetaMetrics: address}}
}

func TestSinceStart(t *testing.T) {
	started := time.Now().Add(-100 * time.Second).Truncate(time.Second)
	in := counting(t, started)
	r := scrape.New(scrape.Options{})
	list, err := r.SinceStart(t.Context(), fleet.REDQuery{Service: "user", Instances: []fleet.Instance{in}, By: []fleet.Dimension{fleet.ByMethod, fleet.ByInstance}})
	if err != nil || len(list.REDs) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	red := list.REDs[0]
	if calls := red.Rate * red.Window.Seconds(); math.Abs(calls-300) > 5 || math.Abs(red.ErrorRatio-0.1) > 0.001 || red.Method != "a.B/Get" || red.Instance != "user-1" {
		t.Errorf("%.0f calls of %+v", calls, red)
	}
	if red.Window < 99*time.Second || red.Window > 130*time.Second {
		t.Errorf("window %s, want the age of the process", red.Window)
	}
	starts, err := r.StartTimes(t.Context(), []fleet.Instance{in}, time.Time{})
	if err != nil || !starts["user-1"].Equal(started) {
		t.Errorf("started %v, %v; want %s", starts, err, started)
	}
	if _, err := r.StartTimes(t.Context(), []fleet.Instance{in}, started); err == nil {
		t.Error("the past was told")
	}
}

func TestSinceStartOfNobody(t *testing.T) {
	r := scrape.New(scrape.Options{Timeout: 200 * time.Millisecond})
	silent := fleet.Instance{ID: "user-1", Service: "user", Addr: "127.0.0.1:1", Meta: map[string]string{fleet.MetaMetrics: "127.0.0.1:1"}}
	if _, err := r.SinceStart(t.Context(), fleet.REDQuery{Service: "user", Instances: []fleet.Instance{silent}}); err == nil {
		t.Error("nobody answered, and that is no error")
	}
}
