package fleet_test

import (
	"context"
	"fmt"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// ExampleStore runs one source that is asked again and again, and waits for what
// it says.
func ExampleStore() {
	ask := func(context.Context, *fleet.Snapshot) (fleet.Facts, error) {
		return fleet.Facts{Instances: []fleet.Instance{
			{ID: "user-1", Service: "user", Addr: "10.0.0.1:9090", Catalog: fleet.Passing},
			{ID: "user-2", Service: "user", Addr: "10.0.0.2:9090", Catalog: fleet.Critical},
		}}, nil
	}
	store := fleet.NewStore(context.Background(), fleet.StoreOptions{Sources: []fleet.Source{
		{Name: fleet.CatalogFeed, Interval: time.Second, Poll: ask},
	}})
	defer store.Close()

	snap, err := store.Wait(context.Background(), 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	user := snap.Service("user")
	fmt.Println(user.Instances[1].ID, user.Instances[1].Catalog, user.Passing, "of", user.Counts.Instances)
	state, _ := snap.Source(fleet.CatalogFeed)
	fmt.Println(state.Name, state.Status)
	// Output:
	// user-2 critical 1 of 2
	// catalog fresh
}

// ExampleStore_Apply plays two recorded differences: a store without sources shows
// them as if it had been there.
func ExampleStore_Apply() {
	store := fleet.NewStore(context.Background(), fleet.StoreOptions{})
	defer store.Close()
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	user := fleet.InstanceFact{Instance: fleet.Instance{ID: "user-1", Service: "user", Version: "v1"}}
	store.Apply(&fleet.Delta{At: noon, Whole: true, Instances: []fleet.InstanceFact{user}})
	before := store.Flush()

	user.Version = "v2"
	store.Apply(&fleet.Delta{At: noon.Add(time.Minute), Instances: []fleet.InstanceFact{user}})
	after := store.Flush()

	changed, _ := after.Since(before)
	fmt.Println(after.At().Format(time.TimeOnly), changed[0].Name, changed[0].Instances[0].Version)
	fmt.Println(before.At().Format(time.TimeOnly), before.Service("user").Instances[0].Version)
	// Output:
	// 12:01:00 user v2
	// 12:00:00 v1
}
