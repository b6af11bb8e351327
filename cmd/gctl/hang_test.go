package main

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/testkit"
	"github.com/gctl-dev/gctl/svc/kit"
)

// One instance that hangs costs its own breakers and metrics only, however the
// store reads them.
func TestAnInstanceThatHangsBlindsNoSource(t *testing.T) {
	whole, hung := testkit.NewManaged(t, kit.Config{Plaintext: true}), testkit.Listen(t).Addr().String()
	home := t.TempDir()
	catalog := filepath.Join(home, "fleet.yaml")
	write(t, catalog, "services:\n  odd:\n    meta: {tls: \"false\"}\n    instances:\n"+
		"      - {id: odd-1, address: \""+whole.Addr()+"\", meta: {admin: \""+whole.AdminAddr()+"\", metrics: \""+whole.AdminAddr()+"\"}}\n"+
		"      - {id: odd-2, address: \""+hung+"\", meta: {admin: \""+hung+"\", metrics: \""+hung+"\"}}\n")
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
	store := fleet.NewStore(t.Context(), fleet.StoreOptions{Sources: sources})
	t.Cleanup(store.Close)
	wanted := map[string]bool{fleet.BreakerFeed: true, fleet.MetricsFeed: true}
	for snap := range store.Snapshots(t.Context()) {
		for _, s := range snap.Sources() {
			if !wanted[s.Name] {
				continue
			}
			if s.Err != nil {
				t.Fatalf("%s: %v", s.Name, s.Err)
			}
			if slices.ContainsFunc(s.Missing, func(m fleet.Missing) bool { return m.Instance.ID == "odd-2" }) {
				delete(wanted, s.Name)
			}
		}
		if len(wanted) == 0 {
			if facts := snap.Service("odd"); facts == nil || len(facts.BreakersOf("odd-1")) == 0 {
				t.Errorf("the breakers of the other one are not there: %+v", facts)
			}
			return
		}
	}
}
