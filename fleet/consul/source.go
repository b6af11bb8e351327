package consul

import (
	"context"
	"time"

	"github.com/gctl-dev/gctl/discovery/consul"
	"github.com/gctl-dev/gctl/fleet"
)

// overdue is when a Consul that says nothing is overdue: every 20 s it says at
// least that nothing changed, and one that hangs has failed before this.
const overdue = 45 * time.Second

// Source watches the whole fleet by a few aggregated queries: see
// consul.WatchFleet.
func (c *Catalog) Source() fleet.Source {
	return fleet.Source{Name: fleet.CatalogFeed, StaleAfter: overdue, Watch: func(ctx context.Context, feed *fleet.Feed) error {
		return c.client.WatchFleet(ctx, func(u consul.FleetUpdate) {
			if u.Err != nil {
				feed.Fail(c.explain(ctx, u.Err))
				return
			}
			feed.Say(c.facts(&u))
		})
	}}
}

func (c *Catalog) facts(u *consul.FleetUpdate) fleet.Facts {
	facts := fleet.Facts{Partial: !u.Whole, Provenance: c.provenance("GET " + consul.FleetPath), Notes: []string{}}
	if u.Hidden {
		facts.Notes = append(facts.Notes, fleet.Hidden)
	}
	for service, endpoints := range u.Services {
		facts.Of = append(facts.Of, service)
		for i := range endpoints {
			in := instance(&endpoints[i])
			if i > 0 && endpoints[i-1].ID == in.ID { // IDs are unique on one machine only
				in.ID += "@" + endpoints[i].Node
			}
			facts.Instances = append(facts.Instances, in)
		}
	}
	return facts
}
