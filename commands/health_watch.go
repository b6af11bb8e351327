package commands

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/output"
)

// healthChange is a line of --watch as JSON.
type healthChange struct {
	At      time.Time         `json:"at"`
	Service string            `json:"service"`
	ID      string            `json:"id"`
	Address string            `json:"address"`
	Name    string            `json:"name"`
	Catalog fleet.Status      `json:"catalog"`
	From    fleet.HealthState `json:"from"` // empty for the first line about an instance
	To      fleet.HealthState `json:"to"`   // empty when it has left the catalog
	Error   string            `json:"error"`
}

// line is the change for people.
func (c *healthChange) line(p *output.Printer) string {
	what := c.ID
	if c.ID != c.Service {
		what = c.Service + " " + c.ID
	}
	if c.Name != "" {
		what += " " + c.Name
	}
	to := output.Cell{Text: string(c.To), Style: output.Bad}
	switch c.To {
	case fleet.Serving:
		to.Style = output.Good
	case fleet.Unimplemented, fleet.UnknownHealth:
		to.Style = output.Caution
	case "":
		to = output.Cell{Text: "left the catalog", Style: output.Caution}
	}
	text := c.At.UTC().Format(time.RFC3339) + "  " + p.Show(output.Text(what)) + "  "
	if c.From != "" {
		text += string(c.From) + " -> "
	}
	text += p.Show(to)
	switch h := (fleet.Health{Instance: fleet.Instance{Catalog: c.Catalog}, State: c.To}); {
	case c.To == "":
	case c.Catalog == fleet.Maintenance:
		text += "  (in maintenance)"
	case !h.Agrees():
		text += "  (disagrees: the catalog says " + string(c.Catalog) + ")"
	}
	if c.Error != "" {
		text += "  " + p.Show(output.Text(c.Error))
	}
	return text
}

// healthWatch follows instances as they come and go and tells each change.
type healthWatch struct {
	o       *healthOptions
	printer *output.Printer
	cancel  context.CancelCauseFunc // where nothing can be printed any more
	all     sync.WaitGroup

	mu       sync.Mutex // guards what follows, and the output
	followed map[string]*followed
	failing  map[string]bool // services of which the catalog tells nothing
}

// followed is an instance that is watched.
type followed struct {
	in   fleet.Instance
	last map[string]fleet.HealthState // by name
	stop context.CancelFunc
}

// follow prints the present and then each change until ctx ends, and returns why
// it did.
func (o *healthOptions) follow(ctx context.Context, printer *output.Printer) error {
	names, err := o.watched(ctx)
	if err != nil {
		return err
	}
	catalog, err := o.f.Catalog()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	w := &healthWatch{o: o, printer: printer, cancel: cancel, followed: map[string]*followed{}, failing: map[string]bool{}}
	w.catalog(ctx, catalog, names)
	w.all.Wait()
	<-ctx.Done()
	return context.Cause(ctx)
}

// watched returns the services to follow: those that are named, or those of the
// catalog that do not turn out to speak another protocol.
func (o *healthOptions) watched(ctx context.Context) ([]string, error) {
	var names []string
	if len(o.services) > 0 || o.f.Global.Addr != "" {
		services, err := o.find(ctx, o.listed)
		for i := range services {
			names = append(names, services[i].name)
		}
		return names, err
	}
	found, err := o.ask(ctx, o.listed)
	if err != nil {
		return nil, err
	}
	found.note(o)
	for i := range found.services {
		names = append(names, found.services[i].name)
	}
	if len(names) == 0 {
		return nil, found.verdict(o)
	}
	return names, nil
}

const (
	// watchedServices is how many services are watched by a request each that
	// stays open: a Consul agent lets a client have 200.
	watchedServices = 50
	// listEvery is how often more services than that are listed.
	listEvery = 10 * time.Second
)

// catalog follows the instances of the services.
func (w *healthWatch) catalog(ctx context.Context, catalog fleet.Catalog, names []string) {
	if len(names) <= watchedServices {
		for _, name := range names {
			w.all.Go(func() {
				_ = catalog.Watch(ctx, name, func(u fleet.Update) { w.update(ctx, name, u) })
			})
		}
		return
	}
	w.all.Go(func() {
		for ctx.Err() == nil {
			fleet.Each(len(names), func(i int) {
				list, err := catalog.Instances(ctx, names[i])
				if ctx.Err() == nil {
					w.update(ctx, names[i], fleet.Update{List: list, Err: err})
				}
			})
			select {
			case <-ctx.Done():
			case <-time.After(listEvery):
			}
		}
	})
}

// update begins to follow instances that have come and leaves those that went.
func (w *healthWatch) update(ctx context.Context, service string, u fleet.Update) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if u.Err != nil {
		if !w.failing[service] {
			w.o.f.Notef("warning: the catalog does not tell the instances of %s: %v", service, u.Err)
		}
		w.failing[service] = true
		return
	}
	w.failing[service] = false
	here := map[string]bool{}
	for _, in := range u.List.Instances {
		in.Service = service
		if w.o.f.Global.Addr != "" {
			in.Catalog = ""
		}
		key := in.Service + "\x00" + in.ID + "\x00" + in.Addr
		here[key] = true
		if old := w.followed[key]; old != nil {
			old.in = in
			continue
		}
		w.begin(ctx, key, in)
	}
	for key, one := range w.followed {
		if one.in.Service == service && !here[key] {
			one.stop()
			delete(w.followed, key)
			left := &healthChange{At: w.o.f.Now(), Service: service, ID: one.in.ID, Address: one.in.Addr, Catalog: one.in.Catalog, From: one.last[""]}
			w.print(left) //nolint:contextcheck // the printer has it
		}
	}
}

func (w *healthWatch) begin(ctx context.Context, key string, in fleet.Instance) {
	ctx, stop := context.WithCancel(ctx)
	one := &followed{in: in, last: map[string]fleet.HealthState{}, stop: stop}
	w.followed[key] = one
	names := w.o.names
	if len(names) == 0 {
		names = []string{""}
	}
	for _, name := range names {
		w.all.Go(func() {
			_ = w.o.prober.WatchHealth(ctx, in, name, func(h fleet.Health) {
				w.mu.Lock()
				defer w.mu.Unlock()
				if ctx.Err() == nil {
					w.change(one, &h) //nolint:contextcheck // the printer has it
				}
			})
		})
	}
}

func (w *healthWatch) change(one *followed, h *fleet.Health) {
	c := &healthChange{
		At: h.Provenance.At, Service: one.in.Service, ID: one.in.ID, Address: one.in.Addr, Name: h.Name, Catalog: one.in.Catalog,
		From: one.last[h.Name], To: h.State, Error: inShort(h.Err),
	}
	one.last[h.Name] = h.State
	w.print(c)
}

func (w *healthWatch) print(c *healthChange) {
	c.At = c.At.UTC()
	var err error
	if w.printer.Structured() {
		err = w.printer.Value(c)
	} else {
		_, err = fmt.Fprintln(w.o.f.Streams.Out, c.line(w.printer))
	}
	if err != nil {
		w.cancel(err)
	}
}
