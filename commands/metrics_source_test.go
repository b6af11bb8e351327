package commands

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gctl-dev/gctl/fleet"
)

// crowd is a catalog of many services that counts how many questions are open.
type crowd struct {
	fleet.Catalog

	n          int
	open, most atomic.Int32
	met        chan struct{} // closed when two are asked at once
	once       sync.Once
}

func (c *crowd) Services(context.Context) (fleet.ServiceList, error) {
	var list fleet.ServiceList
	for i := range c.n {
		list.Services = append(list.Services, fleet.Service{Name: fmt.Sprintf("s%03d", i)})
	}
	return list, nil
}

func (c *crowd) Instances(ctx context.Context, service string) (fleet.InstanceList, error) {
	now := c.open.Add(1)
	defer c.open.Add(-1)
	for most := c.most.Load(); now > most && !c.most.CompareAndSwap(most, now); most = c.most.Load() {
	}
	if now > 1 {
		c.once.Do(func() { close(c.met) })
	}
	select {
	case <-c.met:
		return fleet.InstanceList{Service: service, Instances: []fleet.Instance{{ID: service + "-1", Service: service}}}, nil
	case <-ctx.Done():
		return fleet.InstanceList{}, ctx.Err()
	}
}

func TestTheInstancesOfAllServicesAreAskedInParallelWithinBounds(t *testing.T) {
	c := &crowd{n: 200, met: make(chan struct{})}
	f, _ := testFactory(nil)
	f.Catalog = func() (fleet.Catalog, error) { return c, nil }
	got, err := instancesFor(t.Context(), f, "", false)
	if err != nil || len(got) != c.n {
		t.Fatalf("%d instances, %v", len(got), err)
	}
	for i := range got {
		if want := fmt.Sprintf("s%03d-1", i); got[i].ID != want {
			t.Fatalf("instance %d is %s, want %s", i, got[i].ID, want)
		}
	}
	if most := c.most.Load(); most < 2 || most > searchAtOnce {
		t.Errorf("%d were asked at once", most)
	}
}
