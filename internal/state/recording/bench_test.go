package recording_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/state/recording"
)

// BenchmarkReplay plays 50,000 changes of 10,000 instances, each with its event.
func BenchmarkReplay(b *testing.B) {
	dir := b.TempDir()
	live := fleet.NewStore(b.Context(), fleet.StoreOptions{})
	defer live.Close()
	r, err := recording.NewRecorder(recording.Options{Dir: dir})
	if err != nil {
		b.Fatal(err)
	}
	changes := 0
	for step := range 320 {
		d := fleet.Delta{At: start.Add(time.Duration(step) * 250 * time.Millisecond)}
		n := 125
		if step == 0 {
			n = 10_000
		}
		for i := range n {
			i = (step*125 + i) * 7919 % 10_000
			id, version := fmt.Sprintf("s%d-%d", i/10, i%10), fmt.Sprint("v", step)
			d.Instances = append(d.Instances, fleet.InstanceFact{
				Instance: fleet.Instance{
					ID: id, Service: fmt.Sprint("s", i/10), Addr: "10.1.0.1:9000", Version: version, Zone: "a",
					Meta: map[string]string{"version": version, "zone": "a", "instance": id}, Catalog: fleet.Passing,
				},
				Provenance: fleet.Provenance{Source: "consul 127.0.0.1:8500", Query: "GET /v1/internal/ui/nodes", At: d.At, Feed: fleet.CatalogFeed},
			})
			if step > 0 {
				d.Events = append(d.Events, fleet.Event{At: d.At, Kind: fleet.VersionChanged, Service: fmt.Sprint("s", i/10), Instance: id, To: version})
			}
		}
		changes += n
		live.Apply(&d)
		if err := r.Record(live.Flush()); err != nil {
			b.Fatal(err)
		}
	}
	if err := r.Close(); err != nil {
		b.Fatal(err)
	}
	rec, err := recording.Open(dir)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		store := fleet.NewStore(b.Context(), fleet.StoreOptions{})
		if torn, err := rec.Replay(b.Context(), store, recording.ReplayOptions{}); err != nil || torn != nil {
			b.Fatal(torn, err)
		}
		store.Close()
	}
	b.ReportMetric(float64(changes*b.N)/b.Elapsed().Seconds(), "changes/s")
}
