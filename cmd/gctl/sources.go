package main

import (
	"context"
	"fmt"
	"sync"
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
		unhurried(fleet.BreakerSource(newAllBreakers(f), breakersEvery), metricsEvery, f.Now),
		fleet.MetricsSource(&lateMetrics{f: f}, metricsEvery, metricsWindow, identity),
	}, nil
}

// unhurried makes a source of breakers ask every so often only, as long as no
// instance says where its control API is: what only metrics can tell does not
// change sooner.
func unhurried(s fleet.Source, every time.Duration, now func() time.Time) fleet.Source {
	poll := s.Poll
	var asked time.Time
	s.Poll = func(ctx context.Context, known *fleet.Snapshot) (fleet.Facts, error) {
		if now().Sub(asked) < every && !anyControlled(known) {
			return fleet.Facts{Partial: true}, nil // it is all as it was
		}
		facts, err := poll(ctx, known)
		if asked = now(); err != nil {
			asked = time.Time{}
		}
		return facts, err
	}
	return s
}

func anyControlled(known *fleet.Snapshot) bool {
	for _, s := range known.Services() {
		for _, in := range s.Instances {
			if in.Meta[fleet.MetaAdmin] != "" {
				return true
			}
		}
	}
	return false
}

// allBreakers reads breakers as gctl breakers does; those that only metrics can
// tell it reads as often as metrics, however often it is asked itself.
type allBreakers struct{ f commands.Factory }

func newAllBreakers(f *commands.Factory) *allBreakers {
	a := &allBreakers{f: *f}
	paced := &pacedBreakers{every: metricsEvery, now: time.Now}
	a.f.BreakerReaders = func() ([]fleet.BreakerReader, error) {
		readers, err := f.BreakerReaders()
		if err != nil {
			return nil, err
		}
		paced.of(readers[1])
		return []fleet.BreakerReader{readers[0], paced}, nil
	}
	return a
}

func (a *allBreakers) Breakers(ctx context.Context, callers []fleet.Instance, target string) (fleet.BreakerList, error) {
	able, rest := commands.SplitByAdmin(callers)
	return commands.ReadBreakers(ctx, &a.f, able, rest, target)
}

// WatchBreakers implements fleet.BreakerWatcher.
func (a *allBreakers) WatchBreakers(ctx context.Context, in fleet.Instance, notify func(fleet.BreakerUpdate)) error {
	plane, err := a.f.ControlPlane()
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

// pacedBreakers asks another reader at most every so often, and answers from what
// it said last in between.
type pacedBreakers struct {
	every time.Duration
	now   func() time.Time

	mu     sync.Mutex
	reader fleet.BreakerReader
	asked  time.Time
	about  map[string]bool // the callers it was asked about
	list   fleet.BreakerList
	err    error
}

func (p *pacedBreakers) of(r fleet.BreakerReader) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reader = r
}

func nameOfCaller(in *fleet.Instance) string { return in.Service + "\x00" + in.ID }

func (p *pacedBreakers) Breakers(ctx context.Context, callers []fleet.Instance, target string) (fleet.BreakerList, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := p.now(); p.asked.IsZero() || now.Sub(p.asked) >= p.every {
		list, err := p.reader.Breakers(ctx, callers, target)
		if err != nil && ctx.Err() != nil {
			return list, err // of this asker, and no other
		}
		p.asked, p.list, p.err, p.about = now, list, err, map[string]bool{}
		for i := range callers {
			p.about[nameOfCaller(&callers[i])] = true
		}
	}
	if p.err != nil {
		return fleet.BreakerList{}, p.err
	}
	wanted := map[string]bool{}
	var list fleet.BreakerList
	for i := range callers {
		key := nameOfCaller(&callers[i])
		if wanted[key] = true; !p.about[key] {
			list.Missing = append(list.Missing, fleet.Missing{
				Instance: callers[i], What: "breakers", Err: fmt.Errorf("its metrics were not asked yet, which is done every %s", p.every),
			})
		}
	}
	for i := range p.list.Breakers {
		if wanted[nameOfCaller(&p.list.Breakers[i].Caller)] {
			list.Breakers = append(list.Breakers, p.list.Breakers[i])
		}
	}
	for _, m := range p.list.Missing {
		if wanted[nameOfCaller(&m.Instance)] {
			list.Missing = append(list.Missing, m)
		}
	}
	return list, nil
}
