package recording_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/state/recording"
)

// anHour records an hour of 50 services with 4 instances each: each 15 s the rates of
// every method and instance are other ones, each second the health or a breaker of
// an instance is.
func anHour(b *testing.B) string {
	b.Helper()
	dir := b.TempDir()
	now := start
	live := fleet.NewStore(b.Context(), fleet.StoreOptions{})
	defer live.Close()
	r, err := recording.NewRecorder(recording.Options{Dir: dir, Now: func() time.Time { return now }})
	if err != nil {
		b.Fatal(err)
	}
	for second := range 3600 {
		now = start.Add(time.Duration(second+1) * time.Second)
		d := changesOf(second, now)
		live.Apply(&d)
		if err := r.Record(live.Flush()); err != nil {
			b.Fatal(err)
		}
	}
	if err := r.Close(); err != nil {
		b.Fatal(err)
	}
	return dir
}

func changesOf(second int, now time.Time) fleet.Delta {
	d := fleet.Delta{At: now}
	for s := range 50 {
		name := fmt.Sprint("service-", s)
		for i := range 4 {
			in := fleet.Instance{ID: fmt.Sprintf("%s-%d", name, i), Service: name, Addr: fmt.Sprintf("10.0.%d.%d:9090", s, i), Version: "v1.2.3", Zone: "a", Catalog: fleet.Passing}
			if second == 0 {
				d.Instances = append(d.Instances, fleet.InstanceFact{Instance: in, Provenance: fleet.Provenance{Source: "consul 127.0.0.1:8500", Query: "GET /v1/internal/ui/nodes", At: now, Feed: "catalog"}})
			}
			if second == 0 || (second+s*4+i)%200 == 0 {
				d.Health = append(d.Health, fleet.Health{Instance: in, State: fleet.Serving, Latency: time.Duration(1+second%7*3) * time.Millisecond, Provenance: fleet.Provenance{Source: "probe", At: now, Feed: "health"}})
				d.Breakers = append(d.Breakers, fleet.Breaker{Caller: in, Name: "next", Target: "service-0", State: fleet.BreakerClosed, Trips: int64(second), Provenance: fleet.Provenance{Source: "control", At: now, Feed: "breakers"}})
				d.Events = append(d.Events, fleet.Event{At: now, Kind: fleet.HealthChanged, Service: name, Instance: in.ID, To: "serving"})
			}
		}
		if second%15 == 0 {
			d.REDs = append(d.REDs, rates(name, second, now)...)
		}
	}
	return d
}

func rates(service string, second int, now time.Time) []fleet.RED {
	var list []fleet.RED
	for m := range 14 { // ten methods, four instances
		r := fleet.RED{Service: service, Method: fmt.Sprint("shop.v1.Service/Method", m), Side: fleet.ServerSide, Window: time.Minute,
			Rate: float64(second + m), ErrorRatio: float64(second%100) / 1000, P50: 0.01, P95: 0.02, P99: float64(second) / 1e4,
			Codes: map[string]float64{"OK": float64(second), "UNAVAILABLE": 0.1}, Dialect: "otel",
			Provenance: fleet.Provenance{Source: "prometheus 127.0.0.1:9090", Query: "sum by (method) (rate(x[1m]))", At: now, Feed: "metrics"}}
		if m >= 10 {
			r.Method, r.Instance = "", fmt.Sprintf("%s-%d", service, m-10)
		}
		list = append(list, r)
	}
	return list
}

// BenchmarkStep is one step of a scrubber, forward or back, in an hour of 50
// services; in the folder as it was recorded, and in one exported file. The
// slowest step is one that goes on in another segment.
func BenchmarkStep(b *testing.B) {
	dir := anHour(b)
	folder, err := recording.Open(dir)
	if err != nil {
		b.Fatal(err)
	}
	single := exportedBench(b, folder)
	for name, rec := range map[string]*recording.Recording{"folder": folder, "file": single} {
		times, err := rec.Timeline(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		for direction, by := range map[string]int{"forward": 1, "back": -1} {
			b.Run(name+"/"+direction, func(b *testing.B) { steps(b, rec, times, by) })
		}
	}
	b.Run("timeline", func(b *testing.B) {
		for b.Loop() {
			if _, err := folder.Timeline(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func steps(b *testing.B, rec *recording.Recording, times []time.Time, by int) {
	b.Helper()
	at := len(times) / 2
	look := func() {
		if _, _, err := rec.At(b.Context(), times[at]); err != nil {
			b.Fatal(err)
		}
	}
	look()
	var slowest time.Duration
	slow, n := 0, 0
	for b.Loop() {
		at = (at + by + len(times)) % len(times)
		if at == 0 || at == len(times)-1 { // from one end to the other is no step
			b.StopTimer()
			look()
			b.StartTimer()
			continue
		}
		began := time.Now()
		look()
		took := time.Since(began)
		slowest = max(slowest, took)
		n++
		if took > 5*time.Millisecond {
			slow++
		}
	}
	b.ReportMetric(float64(slowest.Microseconds())/1000, "slowest-ms")
	b.ReportMetric(100*float64(slow)/float64(max(1, n)), "%above5ms")
}

func exportedBench(b *testing.B, r *recording.Recording) *recording.Recording {
	b.Helper()
	path := filepath.Join(b.TempDir(), "hour.rec")
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	if _, err := r.Export(b.Context(), f, time.Time{}, time.Time{}); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("exported %d bytes in %s", info.Size(), time.Since(began))
	single, err := recording.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	return single
}
