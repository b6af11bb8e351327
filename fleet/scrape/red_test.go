package scrape

import (
	"math"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

func pageOf(t *testing.T, at time.Time, text string) page {
	t.Helper()
	samples, _, err := parse([]byte(text), wanted)
	if err != nil {
		t.Fatal(err)
	}
	p := page{samples: samples, at: at, names: map[string]bool{}}
	for _, s := range samples {
		p.names[s.name] = true
	}
	return p
}

func TestRatesBetweenTwoPages(t *testing.T) {
	const ok, bad = `grpc_server_handled_total{grpc_service="a",grpc_method="b",grpc_code="OK"} `, `grpc_server_handled_total{grpc_service="a",grpc_method="b",grpc_code="Internal"} `
	at := time.Unix(1_700_000_000, 0)
	for name, c := range map[string]struct {
		first, second string
		rate, errors  float64
	}{
		"growth":                {ok + "100\n", ok + "120\n", 10, 0},
		"a new series":          {ok + "100\n", ok + "100\n" + bad + "4\n", 2, 1},
		"a counter that fell":   {ok + "100\n", ok + "6\n", 3, 0},
		"a series that is gone": {ok + "100\n" + bad + "9\n", ok + "102\n", 1, 0},
		"a restart": { // half a second ago: more calls than the counter's difference says
			"process_start_time_seconds 1.6e9\n" + ok + "10\n", "process_start_time_seconds 1700000001.5\n" + ok + "12\n", 24, 0,
		},
		"a process that jumped into the future": {
			"process_start_time_seconds 1.6e9\n" + ok + "10\n", "process_start_time_seconds 1.8e9\n" + ok + "12\n", 6, 0,
		},
		"a start that is no time": {
			"process_start_time_seconds 1.6e9\n" + ok + "10\n", "process_start_time_seconds +Inf\n" + ok + "12\n", 1, 0,
		},
		"Inf": {ok + "12\n", ok + "+Inf\n", math.NaN(), math.NaN()}, "negative": {ok + "12\n", ok + "-3\n", math.NaN(), math.NaN()},
		"NaN": {ok + "NaN\n", ok + "12\n", math.NaN(), math.NaN()},
	} {
		in := fleet.Instance{ID: "user-1", Service: "user"}
		q := &fleet.REDQuery{Side: fleet.ServerSide, Instances: []fleet.Instance{in}}
		q.Identity = fleet.NewIdentity(fleet.IdentityOptions{Instances: q.Instances})
		pairs := []pair{{first: pageOf(t, at, c.first), second: pageOf(t, at.Add(2*time.Second), c.second)}}
		list := evaluate(q, q.Instances, pairs)
		if len(list.REDs) != 1 {
			t.Fatalf("%s: %+v", name, list)
		}
		r := list.REDs[0]
		same := func(a, b float64) bool { return math.Abs(a-b) < 1e-9 || math.IsNaN(a) && math.IsNaN(b) }
		if !same(r.Rate, c.rate) || !same(r.ErrorRatio, c.errors) || r.Window != 2*time.Second {
			t.Errorf("%s: %+v", name, r)
		}
	}
}
