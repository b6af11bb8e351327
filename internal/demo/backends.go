package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/stack"
)

// scrapeInterval is short: a demo shows at once what is done to it.
const scrapeInterval = time.Second

// backends are the real ones of a world that has them.
type backends struct {
	consul     *stack.Consul
	jaeger     *stack.Jaeger
	prometheus *stack.Prometheus
}

// startBackends starts Consul, Jaeger and Prometheus side by side. What was
// started is returned also where another failed.
func startBackends(ctx context.Context) (*backends, error) {
	b := &backends{}
	errs := make([]error, 3)
	var all sync.WaitGroup
	all.Go(func() { b.consul, errs[0] = stack.StartConsul(ctx, stack.ConsulOptions{}) })
	all.Go(func() { b.jaeger, errs[1] = stack.StartJaeger(ctx) })
	all.Go(func() {
		b.prometheus, errs[2] = stack.StartPrometheus(ctx, stack.PrometheusOptions{Interval: scrapeInterval})
	})
	all.Wait()
	err := errors.Join(errs...)
	switch {
	case errors.Is(err, stack.ErrMissing):
		return b, &fleet.Error{
			What: "start the backends", Err: err,
			Hint: "install consul, prometheus and jaeger on PATH, or build them by make backends; gctl demo needs none of them",
		}
	case err != nil:
		return b, &fleet.Error{What: "start the backends", Err: err}
	}
	return b, nil
}

// stop stops what was started.
func (b *backends) stop() error {
	var errs []error
	if b.prometheus != nil {
		errs = append(errs, b.prometheus.Stop())
	}
	if b.jaeger != nil {
		errs = append(errs, b.jaeger.Stop())
	}
	if b.consul != nil {
		errs = append(errs, b.consul.Stop())
	}
	return errors.Join(errs...)
}

// scrape has Prometheus read the metrics of the instances.
func (b *backends) scrape(ctx context.Context, instances ...fleet.Instance) error {
	targets := map[string][]string{}
	for i := range instances {
		in := &instances[i]
		targets[in.Service] = append(targets[in.Service], in.Meta[fleet.MetaMetrics])
	}
	return b.prometheus.Scrape(ctx, targets)
}

// awaitPassing waits until Consul says that so many instances of a service pass.
func (b *backends) awaitPassing(ctx context.Context, service string, count int) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("not %d instances of %s pass their checks after %s", count, service, startTimeout))
	defer cancel()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	url := "http://" + b.consul.Addr + "/v1/health/service/" + service + "?passing"
	for index := "0"; ; {
		passing, next, err := passingInstances(ctx, client, url+"&wait=2s&index="+index)
		switch {
		case ctx.Err() != nil:
			return &fleet.Error{What: "wait for Consul", Err: context.Cause(ctx)}
		case err != nil:
			return &fleet.Error{What: "ask Consul", Err: err}
		case passing >= count:
			return nil
		}
		index = next
	}
}

// passingInstances asks by a blocking query: the answer comes when it changes.
func passingInstances(ctx context.Context, client *http.Client, url string) (count int, index string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return 0, "", err
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	var found []json.RawMessage
	if err := json.NewDecoder(resp.Body).Decode(&found); err != nil {
		return 0, "", err
	}
	return len(found), resp.Header.Get("X-Consul-Index"), nil
}
