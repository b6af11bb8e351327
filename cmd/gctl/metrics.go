package main

import (
	"context"
	"errors"
	"time"

	"github.com/gctl-dev/gctl/commands"
	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/prom"
	"github.com/gctl-dev/gctl/fleet/scrape"
)

// promptly is how long a Prometheus may take to say that it is there, before the
// instances are asked themselves.
const promptly = 3 * time.Second

// openMetrics opens Prometheus, or, where none answers and none was insisted on,
// the instances' own metrics.
func openMetrics(ctx context.Context, f *commands.Factory, from string) (commands.MetricsSource, error) {
	c, err := f.Context()
	if err != nil {
		return commands.MetricsSource{}, err
	}
	var why error
	if from != commands.FromInstances {
		r, err := openPrometheus(ctx, f)
		if err == nil {
			if err = answers(ctx, r); err != nil {
				r.Close()
			}
		}
		switch {
		case err == nil:
			return commands.MetricsSource{Reader: r, Breakers: r, History: true, Close: r.Close}, nil
		case from == commands.FromPrometheus || ctx.Err() != nil || fleet.KindOf(err) == fleet.Usage:
			return commands.MetricsSource{}, err
		}
		why = err
	}
	r := scrape.New(scrape.Options{Proxy: c.Proxy, Map: commands.NamesOf(c)})
	return commands.MetricsSource{Reader: r, Breakers: r, Why: why}, nil
}

func openPrometheus(ctx context.Context, f *commands.Factory) (*prom.Reader, error) {
	c, err := f.Context()
	if err != nil {
		return nil, err
	}
	client, err := openBackend(ctx, f, prometheus)
	if err != nil {
		return nil, err
	}
	return prom.New(prom.Options{Client: client, Map: commands.NamesOf(c)}), nil
}

var errSilent = errors.New("no answer within " + promptly.String())

// answers asks for next to nothing.
func answers(ctx context.Context, r *prom.Reader) error {
	quick, cancel := context.WithTimeoutCause(ctx, promptly, errSilent)
	defer cancel()
	_, err := r.Query(quick, "vector(1)", time.Time{})
	if errors.Is(err, errSilent) {
		return &fleet.Error{What: "ask " + r.Name(), Err: err, Hint: "it may be hanging or overloaded; gctl doctor looks at all backends"}
	}
	return err
}

func openQuerier(ctx context.Context, f *commands.Factory) (fleet.Querier, error) {
	r, err := openPrometheus(ctx, f)
	if err != nil {
		return nil, err
	}
	return r, nil
}
