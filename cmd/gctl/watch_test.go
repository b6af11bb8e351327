package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/fleettest"
	"github.com/gctl-dev/gctl/internal/testkit"
	"github.com/gctl-dev/gctl/svc/kit"
)

// What is on the screen is told by the instances themselves: nobody polls here.
func TestBreakersAndHealthOnTheScreenAreToldWithoutAPoll(t *testing.T) {
	service := testkit.NewManaged(t, kit.Config{Plaintext: true})
	home := t.TempDir()
	catalog := filepath.Join(home, "fleet.yaml")
	write(t, catalog, "services:\n  odd:\n    meta: {tls: \"false\"}\n    instances:\n"+
		"      - {id: odd-1, address: \""+service.Addr()+"\", meta: {admin: \""+service.AdminAddr()+"\"}}\n")
	write(t, filepath.Join(home, "gctl", "config.yaml"),
		"current: here\ncontexts:\n  here: {catalog: \"file://"+catalog+"\", prometheus: \"http://"+testkit.ClosedAddr(t)+"\"}\n")
	for _, name := range []string{"HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"} {
		t.Setenv(name, home)
	}
	f := newFactory()
	sources, err := openSources(f)
	if err != nil {
		t.Fatal(err)
	}
	for i := range sources {
		if name := sources[i].Name; name == fleet.BreakerFeed || name == fleet.HealthFeed {
			sources[i].Interval = time.Hour
		}
	}
	store := fleet.NewStore(t.Context(), fleet.StoreOptions{Sources: sources})
	t.Cleanup(store.Close)
	store.Attend([]fleet.Subject{{Service: "odd"}})
	var in fleet.Instance
	var breaker *fleet.Breaker
	fleettest.Await(t, store, "its breakers and its health are known", func(s *fleet.Snapshot) bool {
		odd := s.Service("odd")
		if odd == nil || len(odd.BreakersOf("odd-1")) == 0 || len(odd.HealthOf("odd-1")) == 0 {
			return false
		}
		in, breaker = odd.Instance("odd-1").Instance, odd.BreakersOf("odd-1")[0]
		return true
	})
	plane, err := f.ControlPlane()
	if err != nil {
		t.Fatal(err)
	}
	c, err := plane.Controller(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	change := func(w fleet.Wish) {
		t.Helper()
		w.Mutation = fleet.Mutation{Reason: "test", TTL: time.Hour, ETag: "*"}
		if _, err := c.Apply(t.Context(), w); err != nil {
			t.Fatal(err)
		}
	}
	forced := func(want fleet.Override) {
		t.Helper()
		fleettest.Await(t, store, "the breaker is "+string(want), func(s *fleet.Snapshot) bool {
			for _, b := range s.Service("odd").BreakersOf("odd-1") {
				if b.Name == breaker.Name {
					return b.Override == want
				}
			}
			return false
		})
	}
	change(fleet.Wish{Resource: fleet.ResourceBreaker + breaker.Name, Override: fleet.ForcedOpen})
	forced(fleet.ForcedOpen)
	change(fleet.Wish{Resource: fleet.ResourceBreaker + breaker.Name, Release: true})
	forced(fleet.NotForced)
	change(fleet.Wish{Resource: fleet.ResourceServing})
	fleettest.Await(t, store, "it is out of traffic", func(s *fleet.Snapshot) bool {
		return s.Service("odd").HealthOf("odd-1")[0].State == fleet.NotServing
	})
}
