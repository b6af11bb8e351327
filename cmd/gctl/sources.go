package main

import (
	"context"
	"time"

	"github.com/gctl-dev/gctl/commands"
	"github.com/gctl-dev/gctl/fleet"
)

// How often a store asks what cannot tell by itself.
const (
	breakersEvery = 2 * time.Second // of those that nobody looks at, and that are closed: the others are watched
	metricsEvery  = 15 * time.Second
	metricsWindow = 5 * time.Minute
)

// openSources lists the sources of a store: the catalog, which is one itself if it
// can watch its whole fleet at once, and what instances say of themselves. Nobody
// but the catalog's address need be known: the others open when they are asked.
func openSources(f *commands.Factory) ([]fleet.Source, error) {
	catalog, err := f.Catalog()
	if err != nil {
		return nil, err
	}
	source := fleet.CatalogSource(catalog)
	if whole, ok := catalog.(interface{ Source() fleet.Source }); ok {
		source = whole.Source()
	}
	c, err := f.Context()
	if err != nil {
		return nil, err
	}
	identity := func(all []fleet.Instance) *fleet.Identity {
		return fleet.NewIdentity(fleet.IdentityOptions{Instances: all, Map: commands.NamesOf(c)})
	}
	return []fleet.Source{
		source,
		fleet.HealthSource(commands.NewProber(f)),
		fleet.BreakerSource(&lateControl{lateBreakers{f, 0}}, &lateBreakers{f, 1}, breakersEvery, metricsEvery),
		fleet.MetricsSource(&lateMetrics{f: f}, metricsEvery, metricsWindow, identity),
	}, nil
}

// lateBreakers is one of the readers of breakers, which are opened when they are asked.
type lateBreakers struct {
	f     *commands.Factory
	which int // of BreakerReaders
}

func (l *lateBreakers) Breakers(ctx context.Context, callers []fleet.Instance, target string) (fleet.BreakerList, error) {
	readers, err := l.f.BreakerReaders()
	if err != nil {
		return fleet.BreakerList{}, err
	}
	return readers[l.which].Breakers(ctx, callers, target)
}

// lateControl reads breakers from control APIs, and watches them there.
type lateControl struct{ lateBreakers }

// WatchBreakers implements fleet.BreakerWatcher.
func (l *lateControl) WatchBreakers(ctx context.Context, in fleet.Instance, notify func(fleet.BreakerUpdate)) error {
	plane, err := l.f.ControlPlane()
	if err != nil {
		return err
	}
	c, err := plane.Controller(ctx, in)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	return c.WatchBreakers(ctx, "", notify)
}
