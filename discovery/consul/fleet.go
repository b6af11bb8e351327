package consul

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/url"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gctl-dev/gctl/discovery"
)

// The questions of WatchFleet.
const (
	nodesPath    = "/v1/internal/ui/nodes"
	anyPath      = "/v1/health/state/any"
	servicesPath = "/v1/catalog/services"
	criticalPath = "/v1/health/state/critical"
	warningPath  = "/v1/health/state/warning"
)

// fleetWait is how long Consul may hold one of its blocking queries: then it says
// that nothing changed, and one that hangs is found out soon.
const fleetWait = 20 * time.Second

// FleetPath are the paths that WatchFleet asks for.
const FleetPath = nodesPath + " + " + anyPath

// The filters for checks that are not passing, and for none at all: that they
// changed is all that a blocking query is to say.
const (
	inTrouble = `Status != "passing"`
	noneOfAll = `Node == ""`
)

// FleetUpdate is one observation of a whole fleet: what changed, or why that is not
// known.
type FleetUpdate struct {
	// Services are the endpoints of the services that changed, sorted by ID; none
	// for one that is gone. They are shared: nobody may change them.
	Services map[string][]discovery.Endpoint
	Whole    bool // Services is everything
	Hidden   bool // ACLs filter results out
	Err      error
}

// WatchFleet calls notify with all endpoints of all services, and then with those
// of the services that change, one call at a time, until ctx ends; it returns
// ctx's error. Failures are told and lived through. That all is well again, or
// still, is an update without services.
//
// Three small blocking queries say that something changed: the names of the
// services, and, without an answer of any length, the checks that are critical and
// those that are warning. Then it is asked what, by one aggregated query: the
// instances and their checks, where services were registered or went, or else the
// checks that do not pass. However large the fleet, three connections wait, of the
// 200 that Consul allows one client.
func (c *Client) WatchFleet(ctx context.Context, notify func(FleetUpdate)) error {
	ctx, cancel := context.WithCancel(ctx)
	patient := *c
	patient.cfg.WaitTime = min(c.cfg.WaitTime, fleetWait)
	w := &fleetWatch{client: &patient, notify: notify, signals: make(chan signal), failing: map[string]error{}}
	defer w.all.Wait()
	defer cancel()
	for _, path := range []string{servicesPath, criticalPath, warningPath} {
		w.all.Go(func() { w.wait(ctx, path) })
	}
	return w.run(ctx)
}

// signal is what a blocking query found.
type signal struct {
	path string
	news bool
	err  error
	at   time.Time // when it was asked
}

type fleetWatch struct {
	client  *Client
	notify  func(FleetUpdate)
	signals chan signal
	all     sync.WaitGroup

	seen      nodeCache                       // of the last answer about everything
	endpoints []discovery.Endpoint            // of all services, whatever their status
	hidden    [2]bool                         // of the endpoints, of the checks
	stale     bool                            // the endpoints must be asked for
	unsure    bool                            // the checks must be asked for
	failing   map[string]error                // by path
	good      time.Time                       // when it was last answered what there is
	told      map[string][]discovery.Endpoint // by service; nil: nothing was told
	toldHide  bool
}

// wait asks one blocking query after the other.
func (w *fleetWatch) wait(ctx context.Context, path string) {
	var index uint64
	failures := watch{client: w.client}
	for ctx.Err() == nil {
		start := time.Now()
		params, timeout := w.client.blockingParams(index)
		if path != servicesPath {
			params.Set("filter", noneOfAll)
		}
		a, err := w.client.get(ctx, path, params, timeout, nothing)
		switch {
		case err != nil:
			// As in a watch of one service: who answers next may be another server.
			failures.failures++
			index = 0
			w.signal(ctx, signal{path: path, err: err, at: start})
			sleep(ctx, failures.pause())
		default:
			failures.failures = 0
			news := index == 0 || a.index != index
			if a.index < index {
				a.index = 0
			}
			index = a.index
			w.signal(ctx, signal{path: path, news: news})
			sleep(ctx, minRound-time.Since(start))
		}
	}
}

func (w *fleetWatch) signal(ctx context.Context, s signal) {
	select {
	case w.signals <- s:
	case <-ctx.Done():
	}
}

func (w *fleetWatch) run(ctx context.Context) error {
	failures := watch{client: w.client}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case s := <-w.signals:
			w.heard(s)
		}
		w.gather(ctx)
		start := time.Now()
		for ctx.Err() == nil && len(w.failing) == 0 && (w.stale || w.unsure && w.told != nil) {
			if err := w.ask(ctx); err != nil {
				failures.failures++
				w.tell(FleetUpdate{Err: err})
				sleep(ctx, failures.pause())
				continue
			}
			failures.failures, w.good = 0, time.Now()
			w.compare()
		}
		// A busy fleet must not keep Consul and us busy all the time.
		sleep(ctx, max(minRound, time.Since(start)/4))
	}
}

// gather hears what else is there already.
func (w *fleetWatch) gather(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-w.signals:
			w.heard(s)
		default:
			return
		}
	}
}

func (w *fleetWatch) heard(s signal) {
	if s.err != nil && s.at.Before(w.good) {
		w.unsure = true // it may be of a failure that is over: what is asked now will tell
		return
	}
	if s.err != nil {
		w.failing[s.path] = s.err
		w.tell(FleetUpdate{Err: s.err})
		return
	}
	was := len(w.failing)
	delete(w.failing, s.path)
	w.stale = w.stale || s.news && s.path == servicesPath
	w.unsure = w.unsure || s.news
	if w.told != nil && len(w.failing) == 0 && (was > 0 || !s.news) {
		w.unsure = true // which tells that all is well
	}
}

func (w *fleetWatch) tell(u FleetUpdate) {
	u.Hidden = w.toldHide
	w.notify(u)
}

// ask asks for what may have changed: for everything, or for the checks alone. An
// endpoint of which no check is known is passing.
func (w *fleetWatch) ask(ctx context.Context) error {
	var trouble *checks
	if w.stale {
		endpoints, found, hidden, err := w.everything(ctx)
		if err != nil {
			return err
		}
		w.endpoints, w.hidden[0], w.stale = endpoints, hidden, false
		trouble, w.hidden[1] = found, hidden
	}
	if trouble == nil {
		trouble = newChecks()
		a, err := w.client.get(ctx, anyPath, url.Values{"filter": {inTrouble}}, w.client.cfg.Timeout, func(dec *json.Decoder) error {
			return eachElement(dec, trouble.add)
		})
		if err != nil {
			return err
		}
		w.hidden[1] = a.hidden
	}
	w.unsure = false
	for i := range w.endpoints {
		e := &w.endpoints[i]
		e.Status = worse(discovery.Passing, trouble.nodes[e.Node])
		if s := trouble.services[e.Service]; s != nil {
			e.Status = worse(e.Status, s.endpoints[endpointKey{e.Node, e.ID}])
		}
	}
	return nil
}

// compare tells what is not as it was told.
func (w *fleetWatch) compare() {
	u := FleetUpdate{Services: map[string][]discovery.Endpoint{}, Whole: w.told == nil}
	is := map[string][]discovery.Endpoint{}
	for begin := 0; begin < len(w.endpoints); {
		name, end := w.endpoints[begin].Service, begin
		for end < len(w.endpoints) && w.endpoints[end].Service == name {
			end++
		}
		now := w.endpoints[begin:end]
		if was, ok := w.told[name]; ok && slices.EqualFunc(was, now, discovery.Endpoint.Equal) {
			is[name] = was
		} else {
			is[name] = slices.Clone(now)
			u.Services[name] = is[name]
		}
		begin = end
	}
	for name := range w.told {
		if _, ok := is[name]; !ok {
			u.Services[name] = nil
		}
	}
	w.told, w.toldHide = is, w.hidden[0] || w.hidden[1]
	w.tell(u)
}

// everything returns the endpoints of all services, sorted by service and ID,
// without their status, and the checks that do not pass. No other query of Consul
// has the endpoints with and those without a check, their addresses and their
// meta. Where Consul does not serve it there are no checks.
func (w *fleetWatch) everything(ctx context.Context) (all []discovery.Endpoint, trouble *checks, hidden bool, err error) {
	c := w.client
	n := 0
	trouble = newChecks()
	w.seen.turn()
	a, err := c.read(ctx, nodesPath, nil, c.cfg.Timeout, func(body io.Reader) error {
		return eachNode(body, &w.seen, func(e *nodeEntry) {
			if n++; e.peer == "" {
				all = c.appendNode(all, e, trouble)
			}
		})
	})
	w.seen.end(err == nil)
	hidden = a.hides(n)
	if notServed(err) {
		trouble = nil
		all, hidden, err = c.everythingOneByOne(ctx)
	}
	slices.SortFunc(all, func(a, b discovery.Endpoint) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Node, b.Node))
	})
	return all, trouble, hidden, err
}

func (c *Client) appendNode(all []discovery.Endpoint, n *nodeEntry, trouble *checks) []discovery.Endpoint {
	grpc := map[string]bool{}
	for _, ch := range n.checks {
		if ch.Type == "grpc" && ch.ServiceID != "" {
			grpc[ch.ServiceID] = true
		}
		if ch.verdict() != discovery.Passing {
			trouble.add(ch)
		}
	}
	for _, s := range n.services {
		if s.Kind != "" && s.Kind != "typical" || !hasAll(s.Tags, c.cfg.Tags) {
			continue
		}
		e := entry{Service: *s}
		e.Node.Node, e.Node.Address = n.name, n.address
		ep := e.endpoint()
		ep.GRPC = grpc[s.ID]
		all = append(all, ep)
	}
	return all
}

func hasAll(tags, wanted []string) bool {
	for _, t := range wanted {
		if !slices.Contains(tags, t) {
			return false
		}
	}
	return true
}

// everythingOneByOne is for a Consul that does not serve the UI's paths: one
// request a service.
func (c *Client) everythingOneByOne(ctx context.Context) (all []discovery.Endpoint, hidden bool, err error) {
	var names map[string][]string
	a, err := c.get(ctx, servicesPath, nil, c.cfg.Timeout, func(dec *json.Decoder) error { return dec.Decode(&names) })
	if err != nil {
		return nil, false, err
	}
	hidden = a.hides(len(names))
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for name := range names {
		group.Go(func() error {
			r, err := c.Lookup(ctx, name)
			mu.Lock()
			defer mu.Unlock()
			all, hidden = append(all, r.Endpoints...), hidden || r.Hidden
			return err
		})
	}
	err = group.Wait()
	return all, hidden, err
}
