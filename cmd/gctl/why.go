package main

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/gctl-dev/gctl/commands"
	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/prom"
	"github.com/gctl-dev/gctl/fleet/scrape"
	"github.com/gctl-dev/gctl/ops/action"
	"github.com/gctl-dev/gctl/ops/why"
)

// wireWhy gives the factory what gctl why asks beside what other commands ask too.
func wireWhy(f *commands.Factory) {
	f.Why = func() *why.Sources {
		m := &whyMetrics{f: f}
		return &why.Sources{
			Metrics:      func(ctx context.Context) (fleet.MetricsReader, error) { return m, m.open(ctx) },
			Lifetime:     func(ctx context.Context) (why.LifetimeReader, error) { return m.scraped(ctx) },
			Starts:       func(ctx context.Context) (why.StartReader, error) { return m, m.open(ctx) },
			Dependencies: func(ctx context.Context) (why.DependencyReader, error) { return m, m.open(ctx) },
			Control: func(context.Context) (why.ControlReader, error) {
				plane, err := f.ControlPlane()
				return whyControl{plane, sync.OnceValue(func() action.Authors { return commands.Authors(f) })}, err
			},
			Breakers: func(context.Context) (fleet.BreakerReader, error) { return newWhyBreakers(f, m), nil },
		}
	}
}

// How long a scrape takes in an incident, and how long Prometheus may take to say
// that it is there before the instances are asked themselves.
const (
	whyPause  = 400 * time.Millisecond
	whyPrompt = 350 * time.Millisecond
)

// whyMetrics is Prometheus where it answers at once, and the instances' own
// metrics otherwise.
type whyMetrics struct {
	f    *commands.Factory
	mu   sync.Mutex
	prom *prom.Reader
	own  *scrape.Reader
	err  error
}

func (m *whyMetrics) open(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.prom != nil || m.own != nil || m.err != nil {
		return m.err
	}
	c, err := m.f.Context()
	if err != nil {
		m.err = err
		return err
	}
	r, err := openPrometheus(ctx, m.f)
	if err == nil {
		quick, cancel := context.WithTimeout(ctx, whyPrompt)
		defer cancel()
		_, err = r.Query(quick, "vector(1)", time.Time{})
	}
	if err == nil {
		m.prom = r
		return nil
	}
	m.own = scrape.New(scrape.Options{Pause: whyPause, Timeout: time.Second, Proxy: c.Proxy, Map: commands.NamesOf(c)})
	return nil
}

func (m *whyMetrics) scraped(ctx context.Context) (why.LifetimeReader, error) {
	if err := m.open(ctx); err != nil {
		return nil, err
	}
	if m.own == nil {
		return nil, why.ErrAbsent
	}
	return m.own, nil
}

func (m *whyMetrics) reader() fleet.MetricsReader {
	if m.prom != nil {
		return m.prom
	}
	return m.own
}

// RED implements fleet.MetricsReader.
func (m *whyMetrics) RED(ctx context.Context, q fleet.REDQuery) (fleet.REDList, error) {
	return m.reader().RED(ctx, q)
}

// REDRange implements fleet.MetricsReader.
func (m *whyMetrics) REDRange(ctx context.Context, q fleet.REDQuery, start, end time.Time, step time.Duration) ([]fleet.REDSeries, error) {
	return m.reader().REDRange(ctx, q, start, end, step)
}

// Breakers implements fleet.BreakerReader by metrics.
func (m *whyMetrics) Breakers(ctx context.Context, callers []fleet.Instance, target string) (fleet.BreakerList, error) {
	if err := m.open(ctx); err != nil {
		return fleet.BreakerList{}, err
	}
	reader, ok := m.reader().(fleet.BreakerReader)
	if !ok {
		return fleet.BreakerList{}, fleet.ErrNoPart
	}
	return reader.Breakers(ctx, callers, target)
}

// StartTimes implements why.StartReader.
func (m *whyMetrics) StartTimes(ctx context.Context, instances []fleet.Instance, at time.Time) (map[string]time.Time, error) {
	if m.prom == nil {
		return m.own.StartTimes(ctx, instances, at)
	}
	result, err := m.prom.Query(ctx, "process_start_time_seconds", at)
	if err != nil {
		return nil, err
	}
	c, err := m.f.Context()
	if err != nil {
		return nil, err
	}
	id := fleet.NewIdentity(fleet.IdentityOptions{Instances: instances, Map: commands.NamesOf(c)})
	out := map[string]time.Time{}
	for _, s := range result.Series {
		match := prom.Join(id, s.Labels)
		if match.Instance == "" || len(s.Points) == 0 {
			continue
		}
		if v := s.Points[len(s.Points)-1].Value; v > 0 && v < 1e12 && !math.IsNaN(v) {
			out[match.Instance] = time.UnixMilli(int64(v * 1000))
		}
	}
	return out, nil
}

// Dependencies implements why.DependencyReader by what callers count. Whom a
// service calls is found by its breakers and its traces too.
func (m *whyMetrics) Dependencies(ctx context.Context, service string, at time.Time) ([]fleet.Dependency, error) {
	catalog, err := m.f.Catalog()
	if err != nil {
		return nil, err
	}
	services, err := catalog.Services(ctx)
	if err != nil {
		return nil, err
	}
	const few = 24 // more are not looked through in an incident
	if len(services.Services) > few {
		return nil, why.ErrAbsent
	}
	lists, errs := make([]fleet.InstanceList, len(services.Services)), make([]error, len(services.Services))
	fleet.Each(len(lists), func(i int) { lists[i], errs[i] = catalog.Instances(ctx, services.Services[i].Name) })
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	var all []fleet.Instance
	for i := range lists {
		all = append(all, lists[i].Instances...)
	}
	c, err := m.f.Context()
	if err != nil {
		return nil, err
	}
	list, err := m.reader().RED(ctx, fleet.REDQuery{
		Instances: all, By: []fleet.Dimension{fleet.ByCaller}, Side: fleet.ClientSide, Window: 5 * time.Minute, At: at, CallsOnly: true,
		Identity: fleet.NewIdentity(fleet.IdentityOptions{Instances: all, Map: commands.NamesOf(c)}),
	})
	if err != nil {
		return nil, err
	}
	var out []fleet.Dependency
	for _, d := range fleet.Dependencies(list.REDs) {
		if d.Caller == service || d.Callee == service {
			out = append(out, d)
		}
	}
	return out, nil
}

// whyBreakers reads breakers as gctl breakers does, from the control APIs of all who
// may have one, and from the metrics that are open already for those who have none.
type whyBreakers struct{ f commands.Factory }

func newWhyBreakers(f *commands.Factory, m *whyMetrics) *whyBreakers {
	b := &whyBreakers{f: *f}
	b.f.BreakerReaders = func() ([]fleet.BreakerReader, error) {
		readers, err := f.BreakerReaders()
		if err != nil {
			return nil, err
		}
		return []fleet.BreakerReader{readers[0], m}, nil
	}
	return b
}

// Breakers implements fleet.BreakerReader.
func (b *whyBreakers) Breakers(ctx context.Context, callers []fleet.Instance, target string) (fleet.BreakerList, error) {
	return commands.ReadBreakers(ctx, &b.f, callers, nil, target)
}

// whyControl reads limits, and what is in force, from control APIs.
type whyControl struct {
	plane   fleet.ControlPlane
	authors func() action.Authors // of what was changed from here
}

// none tells whether an instance has nothing of the sort.
func none(err error) bool {
	return errors.Is(err, fleet.ErrNoControl) || errors.Is(err, fleet.ErrNoPart)
}

// Limits implements why.ControlReader.
func (w whyControl) Limits(ctx context.Context, in fleet.Instance) ([]why.LimitFact, error) {
	c, err := w.plane.Controller(ctx, in)
	if err != nil {
		return nil, unlessNone(err)
	}
	defer func() { _ = c.Close() }()
	limits, err := c.Limits(ctx)
	if err != nil {
		return nil, unlessNone(err)
	}
	out := make([]why.LimitFact, 0, len(limits))
	for i := range limits {
		l := &limits[i]
		out = append(out, why.LimitFact{
			Instance: in.ID, Name: l.Name, Admitted: l.Admitted, Rejected: l.Rejected, Shadow: l.Settings.Shadow, Source: l.Provenance.Source,
		})
	}
	return out, nil
}

// InForce implements why.ControlReader.
func (w whyControl) InForce(ctx context.Context, in fleet.Instance) ([]why.ChangeFact, error) {
	c, err := w.plane.Controller(ctx, in)
	if err != nil {
		return nil, unlessNone(err)
	}
	defer func() { _ = c.Close() }()
	list, err := c.Changes(ctx)
	if err != nil {
		return nil, unlessNone(err)
	}
	out := make([]why.ChangeFact, 0, len(list.Changes))
	for i := range list.Changes {
		ch := &list.Changes[i]
		out = append(out, why.ChangeFact{
			Resource: ch.Resource, Value: strings.TrimSpace(ch.Value), Reason: ch.Reason, Actor: w.authors().Signed(ch), At: ch.At, Expires: ch.Expires,
		})
	}
	return out, nil
}

func unlessNone(err error) error {
	if none(err) {
		return nil
	}
	return err
}
