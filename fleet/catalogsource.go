package fleet

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"
)

// CatalogFeed is the name of the source that tells which instances there are.
const CatalogFeed = "catalog"

// relist is how often a CatalogSource asks which services there are.
const relist = 5 * time.Second

// CatalogSource watches every service of a catalog by one Watch each. It is for
// catalogs of few services, such as DNS; one that can watch its whole fleet at
// once has a source of its own.
func CatalogSource(c Catalog) Source {
	return Source{Name: CatalogFeed, Watch: func(ctx context.Context, feed *Feed) error {
		ctx, cancel := context.WithCancel(ctx)
		w := &catalogWatch{
			catalog: c, feed: feed, updates: make(chan catalogUpdate),
			services: map[string]context.CancelFunc{}, failing: map[string]error{}, first: map[string]*Update{},
		}
		defer w.all.Wait()
		defer cancel()
		return w.run(ctx)
	}}
}

type catalogWatch struct {
	catalog  Catalog
	feed     *Feed
	updates  chan catalogUpdate
	all      sync.WaitGroup
	services map[string]context.CancelFunc // those that are watched
	failing  map[string]error              // by service; "" is the list of services
	first    map[string]*Update            // of services at the beginning; nil inside: not heard yet
	listed   ServiceList
	begun    bool // all of them have been heard
}

type catalogUpdate struct {
	service string
	Update
}

func (w *catalogWatch) run(ctx context.Context) error {
	if err := w.list(ctx); err != nil {
		return err
	}
	ticker := time.NewTicker(relist)
	defer ticker.Stop()
	for {
		w.begin()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case u := <-w.updates:
			w.update(&u)
		case <-ticker.C:
			w.failed("", w.list(ctx))
		}
	}
}

// list asks which services there are, and watches those that are new.
func (w *catalogWatch) list(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, usualTimeout)
	defer cancel()
	list, err := w.catalog.Services(limited)
	if err != nil {
		return err
	}
	w.listed = list
	there := map[string]bool{}
	for _, s := range list.Services {
		there[s.Name] = true
		if w.services[s.Name] == nil {
			w.follow(ctx, s.Name)
		}
	}
	for name, stop := range w.services {
		if there[name] {
			continue
		}
		stop()
		delete(w.services, name)
		delete(w.failing, name)
		delete(w.first, name)
		if w.begun {
			w.say(Facts{Partial: true, Of: []string{name}, Provenance: list.Provenance})
		}
	}
	return nil
}

func (w *catalogWatch) follow(ctx context.Context, service string) {
	ctx, cancel := context.WithCancel(ctx) //nolint:gosec // called by list when the service is gone, or by the end of all
	w.services[service] = cancel
	if !w.begun {
		w.first[service] = nil
	}
	w.all.Go(func() {
		err := w.catalog.Watch(ctx, service, func(u Update) { w.pass(ctx, catalogUpdate{service, u}) })
		if ctx.Err() == nil { // it should not have ended
			w.pass(ctx, catalogUpdate{service, Update{Err: errors.Join(errors.New("the watch of "+service+" ended"), err)}})
		}
	})
}

func (w *catalogWatch) pass(ctx context.Context, u catalogUpdate) {
	select {
	case w.updates <- u:
	case <-ctx.Done():
	}
}

// begin says the whole as soon as every service was heard of: what is there then
// did not just come.
func (w *catalogWatch) begin() {
	if w.begun {
		return
	}
	facts := Facts{Services: w.listed.Services, Provenance: w.listed.Provenance, Notes: w.notes()}
	for _, u := range w.first {
		if u == nil {
			return
		}
		facts.Instances = append(facts.Instances, u.List.Instances...)
	}
	w.begun, w.first = true, nil
	w.say(facts)
}

func (w *catalogWatch) notes() []string {
	if w.listed.Hidden {
		return []string{Hidden}
	}
	return []string{}
}

func (w *catalogWatch) update(u *catalogUpdate) {
	if w.services[u.service] == nil {
		return // it was about to end
	}
	if u.Err != nil {
		w.failing[u.service] = u.Err
	} else {
		delete(w.failing, u.service)
	}
	if u.Err != nil {
		w.feed.Fail(u.Err)
		return
	}
	if !w.begun {
		w.first[u.service] = &u.Update
		return
	}
	w.say(Facts{
		Partial: true, Of: []string{u.service}, Instances: u.List.Instances, Notes: w.notes(),
		Services: []Service{{Name: u.service}}, Provenance: u.List.Provenance,
	})
}

// say passes on facts. The source as a whole still fails while one of its watches
// does.
func (w *catalogWatch) say(facts Facts) {
	w.feed.Say(facts)
	w.stillFailing()
}

func (w *catalogWatch) failed(service string, err error) {
	if err == nil {
		delete(w.failing, service)
		if w.begun && len(w.failing) == 0 {
			w.feed.Confirm()
		}
		return
	}
	w.failing[service] = err
	w.stillFailing()
}

func (w *catalogWatch) stillFailing() {
	if names := slices.Sorted(maps.Keys(w.failing)); len(names) > 0 {
		w.feed.Fail(w.failing[names[0]])
	}
}
