package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/gctl-dev/gctl/commands"
	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/prom"
	"github.com/gctl-dev/gctl/fleet/scrape"
)

const (
	startedAt   = "process_start_time_seconds"
	startsSteps = 240 // into which the time asked about is cut
	startsMost  = 50  // services that are looked through where none is named
)

// startEvents tells when processes started: of all that Prometheus saw, or else of
// those that run now, as they say themselves. A process that lived for less than a
// step may be missing.
type startEvents struct{ f *commands.Factory }

// Events implements fleet.EventReader.
func (s startEvents) Events(ctx context.Context, service string, since, until time.Time) (fleet.EventList, error) {
	instances, err := s.instances(ctx, service)
	if err != nil {
		return fleet.EventList{}, err
	}
	source, err := s.f.Metrics(ctx, "")
	if err != nil {
		return fleet.EventList{}, err
	}
	if source.Close != nil {
		defer source.Close()
	}
	w := startsWithin{service: service, since: since, until: until, now: s.f.Now(), told: map[fleet.Event]bool{}}
	switch r := source.Reader.(type) {
	case *prom.Reader:
		err = s.remembered(ctx, r, instances, &w)
	case *scrape.Reader:
		_, unknown := errors.AsType[commands.NoBackendError](source.Why)
		if c, err := s.f.Context(); err == nil && c.Name != "" && source.Why != nil && !unknown {
			w.list.Missing = append(w.list.Missing, fleet.Missing{What: "starts before the last ones", Err: source.Why})
		}
		err = s.own(ctx, r, instances, &w)
	default:
		err = fleet.ErrNoHistory
	}
	slices.SortStableFunc(w.list.Events, func(a, b fleet.Event) int { return a.At.Compare(b.At) })
	return w.list, err
}

// instances are those of all services: who is who shows only beside the others. Of
// a large catalog they are those of the service.
func (s startEvents) instances(ctx context.Context, service string) ([]fleet.Instance, error) {
	catalog, err := s.f.Catalog()
	if err != nil {
		return nil, err
	}
	list, err := catalog.Services(ctx)
	if err != nil {
		return nil, err
	}
	if len(list.Services) > startsMost {
		if service == "" {
			return nil, &fleet.Error{
				What: fmt.Sprintf("starts of processes are not looked for: there are %d services", len(list.Services)), Hint: "name one: gctl events SERVICE",
			}
		}
		list.Services = []fleet.Service{{Name: service}}
	}
	var mu sync.Mutex
	var all []fleet.Instance
	var failed error
	fleet.Each(len(list.Services), func(i int) {
		list, err := catalog.Instances(ctx, list.Services[i].Name)
		mu.Lock()
		defer mu.Unlock()
		all, failed = append(all, list.Instances...), errors.Join(failed, err)
	})
	return all, failed
}

// remembered asks Prometheus.
func (s startEvents) remembered(ctx context.Context, r *prom.Reader, instances []fleet.Instance, w *startsWithin) error {
	c, err := s.f.Context()
	if err != nil {
		return err
	}
	step := max(time.Second, w.until.Sub(w.since)/startsSteps).Round(time.Second)
	result, err := r.QueryRange(ctx, startedAt, w.since, w.until, step)
	if err != nil {
		return err
	}
	byKey := map[string]*fleet.Instance{}
	for i := range instances {
		byKey[nameOfCaller(&instances[i])] = &instances[i]
	}
	id := fleet.NewIdentity(fleet.IdentityOptions{Instances: instances, Map: commands.NamesOf(c)})
	for _, series := range result.Series {
		match := prom.Join(id, series.Labels)
		in := byKey[nameOfCaller(&fleet.Instance{Service: match.Service, ID: match.Instance})]
		if in == nil {
			continue
		}
		for _, p := range series.Points {
			if p.Value > 0 && p.Value < 1e12 && !math.IsNaN(p.Value) {
				w.add(in, time.UnixMilli(int64(p.Value*1000)), result.Provenance)
			}
		}
	}
	return nil
}

// own asks the instances that say where their metrics are.
func (s startEvents) own(ctx context.Context, r *scrape.Reader, instances []fleet.Instance, w *startsWithin) error {
	asked := map[string][]fleet.Instance{}
	for i := range instances {
		if in := instances[i]; (w.service == "" || in.Service == w.service) && scrape.Address(&in) != "" {
			asked[in.Service] = append(asked[in.Service], in)
		}
	}
	if len(asked) == 0 {
		return fleet.ErrNoHistory
	}
	for service, list := range asked {
		starts, err := r.StartTimes(ctx, list, time.Time{})
		if err != nil {
			w.list.Missing = append(w.list.Missing, fleet.Missing{What: "starts of " + service, Err: err})
		}
		for i := range list {
			if at, ok := starts[list[i].ID]; ok {
				w.add(&list[i], at, fleet.Provenance{Source: "metrics " + scrape.Address(&list[i]), Query: startedAt, At: w.now})
			}
		}
	}
	return nil
}

// startsWithin gathers the starts in a time.
type startsWithin struct {
	service           string // empty: all
	since, until, now time.Time
	list              fleet.EventList
	told              map[fleet.Event]bool
}

// ahead is how far a clock may be ahead of this one without being noted.
const ahead = 2 * time.Second

func (w *startsWithin) add(in *fleet.Instance, at time.Time, p fleet.Provenance) {
	at = at.Truncate(time.Second) // which is as exact as it is the same each time
	e := fleet.Event{At: at, Kind: fleet.ProcessStarted, Service: in.Service, Instance: in.ID, Subject: in.Addr, To: in.Version, Exact: true, Provenance: p}
	switch {
	case w.told[e] || at.Before(w.since) || w.service != "" && in.Service != w.service:
	case at.After(w.now.Add(ahead)):
		w.list.Missing = append(w.list.Missing, fleet.Missing{
			What: "start of " + in.Service + " " + in.ID, Instance: *in,
			Err: fmt.Errorf("its clock is ahead: it says that it started at %s", at.UTC().Format(time.RFC3339)),
		})
	case !at.After(w.until.Add(ahead)):
		w.list.Events = append(w.list.Events, e)
	}
	w.told[e] = true
}

func nameOfCaller(in *fleet.Instance) string { return in.Service + "\x00" + in.ID }
