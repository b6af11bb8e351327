package commands

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/ops/check"
)

// asking is what the checks of one run share.
type asking struct {
	*checkOptions

	metrics func() (MetricsSource, error)
}

// sources are what the checks can ask in this context.
func (o *checkOptions) sources(ctx context.Context) check.Sources {
	a := &asking{checkOptions: o, metrics: sync.OnceValues(func() (MetricsSource, error) { return openMetrics(ctx, o.f, "") })}
	return check.Sources{
		Instances: a.instances, Health: o.health(ctx), Call: a.call, Trace: a.trace,
		Metrics: a.red, SLO: a.slo, Query: a.query, Breakers: a.breakers,
	}
}

func (a *asking) instances(ctx context.Context, service string) (fleet.InstanceList, error) {
	catalog, err := a.f.Catalog()
	if err != nil {
		return fleet.InstanceList{}, err
	}
	return catalog.Instances(ctx, service)
}

const defaultWindow = 5 * time.Minute

// asked is the question about the calls of a service.
func (a *asking) asked(ctx context.Context, about *check.Subject) (fleet.REDQuery, error) {
	c, err := a.f.Context()
	if err != nil {
		return fleet.REDQuery{}, err
	}
	q := fleet.REDQuery{Service: about.Service, Side: fleet.ServerSide, Window: defaultWindow}
	if about.Side != "" {
		q.Side = fleet.Side(about.Side)
	}
	if about.Window > 0 {
		q.Window = about.Window
	}
	if about.Method != "" {
		q.By = []fleet.Dimension{fleet.ByMethod}
	}
	q.Instances, err = instancesFor(ctx, a.f, q.Service, q.Side == fleet.ClientSide)
	q.Identity = fleet.NewIdentity(fleet.IdentityOptions{Instances: q.Instances, Map: NamesOf(c)})
	return q, err
}

func (a *asking) red(ctx context.Context, about *check.Subject) (fleet.REDList, error) {
	source, err := a.metrics()
	if err != nil {
		return fleet.REDList{}, err
	}
	q, err := a.asked(ctx, about)
	if err != nil {
		return fleet.REDList{}, err
	}
	return source.Reader.RED(ctx, q)
}

func (a *asking) slo(ctx context.Context, service string) (fleet.SLO, error) {
	c, err := a.f.Context()
	if err != nil {
		return fleet.SLO{}, err
	}
	stated, ok := c.SLO[service]
	if !ok {
		return fleet.SLO{}, &fleet.Error{What: "the context states no objective of " + service, Hint: "slo: {" + service + ": {objective: 99.9%}} in the context"}
	}
	ratio, err := stated.Ratio()
	window, spanErr := stated.Span()
	source, openErr := a.metrics()
	if err := errors.Join(err, spanErr, openErr); err != nil {
		return fleet.SLO{}, err
	}
	q, err := a.asked(ctx, &check.Subject{Service: service})
	if err != nil {
		return fleet.SLO{}, err
	}
	list, err := source.Reader.RED(ctx, q)
	if err != nil {
		return fleet.SLO{}, err
	}
	i := slices.IndexFunc(list.REDs, func(r fleet.RED) bool { return r.Service == service })
	if i < 0 {
		return fleet.SLO{}, &fleet.Error{What: "nothing is known of the calls of " + service, Hint: "gctl metrics " + service + " -v says why"}
	}
	return fleet.NewSLO(ratio, window, &list.REDs[i], wholeWindow(ctx, a.f, source, &q, service, window)), nil
}

func (a *asking) query(ctx context.Context, promql string) (fleet.QueryResult, error) {
	querier, err := a.f.Querier(ctx)
	if err != nil {
		return fleet.QueryResult{}, err
	}
	return querier.Query(ctx, promql, a.f.Now())
}

// breakers reads those of a caller, or of all who have a control API or metrics
// that show some.
func (a *asking) breakers(ctx context.Context, caller, target string) (fleet.BreakerList, error) {
	able, rest, err := breakerCallers(ctx, a.f, caller)
	if err != nil {
		return fleet.BreakerList{}, err
	}
	list, err := ReadBreakers(ctx, a.f, able, rest, target)
	if caller == "" {
		list.Missing = slices.DeleteFunc(list.Missing, func(m fleet.Missing) bool { return lacksControl(m.Err) })
	}
	return list, err
}
