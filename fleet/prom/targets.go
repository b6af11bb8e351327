package prom

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/dialect"
)

// place names a target of Prometheus: the labels that every series of it has.
type place struct{ job, instance string }

// target is one, joined with the catalog as far as it can be.
type target struct {
	labels map[string]string // of its up series; only these are on its other series too
	match  fleet.Match
	down   bool
	at     place
}

// targets are all that Prometheus has.
type targets struct {
	all  []target
	by   map[place]fleet.Match
	skew time.Duration // by how much Prometheus' clock is ahead of ours
}

// targets asks for the targets. Those that were scraped have an up series;
// metrics that were pushed (OTLP) have target_info alone.
func (r *Reader) targets(ctx context.Context, id *fleet.Identity, w when) (*targets, error) {
	var up, info answer
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { up, err = r.ask(gctx, "up", w); return err })
	g.Go(func() (err error) { info, err = r.ask(gctx, "target_info", w); return err })
	if err := g.Wait(); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, err
	}
	t := &targets{by: map[place]fleet.Match{}}
	about := map[place]map[string]string{}
	for _, s := range info.series {
		about[placeOf(s.labels)] = s.labels
	}
	for _, s := range up.series {
		at := placeOf(s.labels)
		joined := maps.Clone(about[at])
		if joined == nil {
			joined = map[string]string{}
		}
		maps.Copy(joined, s.labels)
		delete(about, at)
		t.add(target{labels: s.labels, match: Join(id, joined), at: at, down: len(s.points) > 0 && s.points[0].value == 0})
		if w.at.IsZero() && w.step == 0 && len(s.points) > 0 {
			t.skew = s.points[0].at.Sub(r.now())
		}
	}
	for at, labels := range about {
		t.add(target{labels: map[string]string{"job": at.job, "instance": at.instance}, match: Join(id, labels), at: at})
	}
	return t, nil
}

// Join finds whom a target, or a series of it, is about. The host alone does not do it where the target's
// labels name no service: a node exporter is on every host.
func Join(id *fleet.Identity, labels map[string]string) fleet.Match {
	m := id.Join(Source, labels)
	if m.Rule != fleet.ByHost {
		return m
	}
	named := maps.Clone(labels)
	for _, label := range []string{"instance", "host.name", "host_name"} {
		delete(named, label)
	}
	if id.Join(Source, named).Service == "" {
		return fleet.Match{}
	}
	return m
}

func (t *targets) add(one target) {
	t.all = append(t.all, one)
	t.by[one.at] = one.match
}

// leaveOne leaves one target of each process that several jobs scrape, whose calls
// would count as often. It tells whether some were left out.
func (t *targets) leaveOne(present map[place]map[string]bool) bool {
	down := map[place]bool{}
	for _, one := range t.all {
		down[one.at] = one.down
	}
	processes := map[string][]place{}
	for at := range present {
		if m := t.by[at]; m.Instance != "" {
			id := m.Service + "\x00" + m.Instance
			if m.Rule == fleet.ByHost { // which may be several processes
				id += "\x00" + at.instance
			}
			processes[id] = append(processes[id], at)
		}
	}
	left := false
	for _, places := range processes {
		slices.SortFunc(places, func(a, b place) int {
			if down[a] != down[b] {
				if down[a] {
					return 1
				}
				return -1
			}
			return cmp.Or(cmp.Compare(a.job, b.job), cmp.Compare(a.instance, b.instance))
		})
		for _, at := range places[1:] {
			delete(present, at)
			left = true
		}
	}
	return left
}

func placeOf(labels map[string]string) place { return place{labels["job"], labels["instance"]} }

// ofService are the targets of a service.
func (t *targets) ofService(service string) []target {
	var out []target
	for _, one := range t.all {
		if one.match.Service == service {
			out = append(out, one)
		}
	}
	return out
}

// selector finds the matchers that select the series of a service and of no
// other: the values of one label, which also catch instances that are gone by
// now, or else the instances one by one.
func (t *targets) selector(service string) string {
	of := t.ofService(service)
	for _, label := range []string{"consul_service", "service", "service_name", "exported_job", "job"} {
		if values, ok := t.exclusive(of, service, label); ok {
			return dialect.OneOf(label, values)
		}
	}
	instances := map[string]bool{}
	for _, one := range of {
		instances[one.at.instance] = true
	}
	return dialect.OneOf("instance", slices.Sorted(maps.Keys(instances)))
}

// exclusive returns the values that a label has on all targets of a service,
// where no target of another has them.
func (t *targets) exclusive(of []target, service, label string) ([]string, bool) {
	values := map[string]bool{}
	for _, one := range of {
		v := one.labels[label]
		if v == "" {
			return nil, false
		}
		values[v] = true
	}
	for _, one := range t.all {
		if one.match.Service != service && values[one.labels[label]] {
			return nil, false
		}
	}
	return slices.Sorted(maps.Keys(values)), len(values) > 0
}

// absent says why nothing is known of a service that has no target.
func (t *targets) absent(service string) error {
	if len(t.all) == 0 {
		return errors.New("prometheus has no targets at all")
	}
	jobs := map[string]bool{}
	for _, one := range t.all {
		jobs[one.at.job] = true
	}
	names := slices.Sorted(maps.Keys(jobs))
	const shown = 8
	list := strings.Join(names[:min(shown, len(names))], ", ")
	if len(names) > shown {
		list += ", ..."
	}
	return fmt.Errorf("no target of prometheus is known to be %s; its jobs are %s, and map: {%s: {prometheus: JOB}} in the context says which one it is",
		service, list, service)
}

// gaps says which instances of a service are not scraped.
func (t *targets) gaps(service string, instances []fleet.Instance) []fleet.Missing {
	down, seen := map[string]bool{}, map[string]bool{}
	for _, one := range t.ofService(service) {
		seen[one.match.Instance] = true
		if one.down {
			down[one.match.Instance] = true
		}
	}
	var missing []fleet.Missing
	for i := range instances {
		in := instances[i]
		switch {
		case in.Service != service:
		case down[in.ID]:
			missing = append(missing, fleet.Missing{Instance: in, What: "metrics", Err: errDown})
		case !seen[in.ID]:
			missing = append(missing, fleet.Missing{Instance: in, What: "metrics", Err: errors.New("no target of prometheus is known to be this instance")})
		}
	}
	return missing
}
