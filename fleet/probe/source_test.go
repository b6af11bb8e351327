package probe_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/fleettest"
	"github.com/gctl-dev/gctl/fleet/probe"
	"github.com/gctl-dev/gctl/internal/testkit"
)

// served is a server of grpc-go with its health service.
func served(t *testing.T, id string) (fleet.Instance, *health.Server) {
	t.Helper()
	h := health.NewServer()
	_, addr := testkit.Server{NoHealth: true, Register: func(s *grpc.Server) { healthpb.RegisterHealthServer(s, h) }}.Start(t)
	return fleet.Instance{ID: id, Service: "user", Addr: addr, Catalog: fleet.Passing}, h
}

// observe is a store over the health of instances, which are polled every so often.
func observe(t *testing.T, every time.Duration, o probe.Options, instances ...fleet.Instance) *fleet.Store {
	t.Helper()
	source := fleet.HealthSource(newProber(t, o))
	source.Interval = every
	store := fleet.NewStore(t.Context(), fleet.StoreOptions{Every: time.Millisecond, Sources: []fleet.Source{
		{Name: fleet.CatalogFeed, Watch: func(ctx context.Context, f *fleet.Feed) error {
			f.Say(fleet.Facts{Instances: instances})
			<-ctx.Done()
			return ctx.Err()
		}},
		source,
	}})
	t.Cleanup(store.Close)
	return store
}

func awaitState(t *testing.T, store *fleet.Store, id string, want fleet.HealthState) {
	t.Helper()
	fleettest.Await(t, store, id+" is "+string(want), func(s *fleet.Snapshot) bool {
		user := s.Service("user")
		if user == nil {
			return false
		}
		all := user.HealthOf(id)
		return len(all) == 1 && all[0].State == want
	})
}

// never is for servers that are to say by themselves what changes.
const never = time.Hour

func TestAChangeOfAWatchedInstanceArrivesWithoutAPoll(t *testing.T) {
	in, h := served(t, "u1")
	other, _ := served(t, "u2")
	store := observe(t, never, probe.Options{Timeout: 20 * time.Second, Interval: never}, in, other)
	store.Attend([]fleet.Subject{{Service: "user", Instance: "u1"}})
	awaitState(t, store, "u1", fleet.Serving)
	awaitState(t, store, "u2", fleet.Serving)
	for range 3 {
		h.SetServingStatus("", healthpb.HealthCheckResponse_NOT_SERVING)
		awaitState(t, store, "u1", fleet.NotServing)
		h.SetServingStatus("", healthpb.HealthCheckResponse_SERVING)
		awaitState(t, store, "u1", fleet.Serving)
	}
	for _, e := range store.Snapshot().Events() {
		if e.Instance != "u1" {
			t.Errorf("an event of %s: %+v", e.Instance, e)
		}
	}
}

func TestWhatIsInTroubleIsWatchedThoughNobodyLooks(t *testing.T) {
	in, h := served(t, "u1")
	h.SetServingStatus("", healthpb.HealthCheckResponse_NOT_SERVING)
	store := observe(t, never, probe.Options{Timeout: 20 * time.Second, Interval: never}, in)
	awaitState(t, store, "u1", fleet.NotServing)
	h.SetServingStatus("", healthpb.HealthCheckResponse_SERVING)
	awaitState(t, store, "u1", fleet.Serving)
}

func TestAnInstanceThatNobodyWatchesIsAskedInItsTurn(t *testing.T) {
	in, h := served(t, "u1")
	store := observe(t, fleettest.SoonAfter, probe.Options{Timeout: 20 * time.Second, Interval: never}, in)
	awaitState(t, store, "u1", fleet.Serving)
	h.SetServingStatus("", healthpb.HealthCheckResponse_NOT_SERVING)
	awaitState(t, store, "u1", fleet.NotServing)
}

// Servers without Watch, and those that refuse it, are checked, over one connection.
func TestAWatchedInstanceWithoutWatchIsChecked(t *testing.T) {
	var bad atomic.Bool
	in := serveOdd(t, checksUntil(&bad, nil))
	in.Service = "user"
	store := observe(t, never, impatient, in)
	store.Attend([]fleet.Subject{{Service: "user"}})
	awaitState(t, store, "odd", fleet.Serving)
	bad.Store(true)
	awaitState(t, store, "odd", fleet.NotServing)
}

// One that stands still, and says nothing of it, is found out all the same.
func TestAWatchedInstanceThatStandsStillIsFoundOut(t *testing.T) {
	p := startProcess(t)
	in := fleet.Instance{ID: "u1", Service: "user", Addr: p.addr}
	store := observe(t, never, impatient, in)
	store.Attend([]fleet.Subject{{Service: "user"}})
	awaitState(t, store, "u1", fleet.Serving)
	p.awaitChecks(3) // the first one is that of the round, the others the watch asks
	p.gate.Shut(true)
	awaitState(t, store, "u1", fleet.TimedOut)
	p.gate.Shut(false)
	awaitState(t, store, "u1", fleet.Serving)
}

// Many at once, each with its own server, are watched, change and go.
func TestManyWatchesOfRealServers(t *testing.T) {
	var all []fleet.Instance
	var healths []*health.Server
	for i := range 40 {
		in, h := served(t, fmt.Sprintf("u%02d", i))
		all, healths = append(all, in), append(healths, h)
	}
	store := observe(t, never, probe.Options{Timeout: 20 * time.Second, Interval: never}, all...)
	store.Attend([]fleet.Subject{{Service: "user"}})
	for _, want := range []fleet.HealthState{fleet.NotServing, fleet.Serving} {
		for _, h := range healths {
			h.SetServingStatus("", statuses[want])
		}
		for _, in := range all {
			awaitState(t, store, in.ID, want)
		}
	}
	store.Close() // goleak finds what is left
}
