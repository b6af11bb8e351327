package scrape

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// StartTimes tells when the processes of instances started, by ID, as their
// process_start_time_seconds say. Those that do not say it are left out.
func (r *Reader) StartTimes(ctx context.Context, instances []fleet.Instance, at time.Time) (map[string]time.Time, error) {
	if !at.IsZero() {
		return nil, noHistory()
	}
	pages, err := r.once(ctx, instances)
	if err != nil {
		return nil, err
	}
	out := map[string]time.Time{}
	for i := range pages {
		if start := pages[i].started(); !start.IsZero() {
			out[instances[i].ID] = start
		}
	}
	return out, nil
}

// SinceStart is RED over all that the processes have counted, each since it
// started: the window of each RED is that time. Instances that do not say when
// they started are missing.
func (r *Reader) SinceStart(ctx context.Context, q fleet.REDQuery) (fleet.REDList, error) {
	if q.Side == "" {
		q.Side = fleet.ServerSide
	}
	if q.Identity == nil {
		q.Identity = fleet.NewIdentity(fleet.IdentityOptions{Instances: q.Instances, Map: r.o.Map})
	}
	asked := q.Instances
	if q.Side == fleet.ServerSide && q.Service != "" {
		asked = slices.DeleteFunc(slices.Clone(asked), func(in fleet.Instance) bool { return in.Service != q.Service })
	}
	pages, err := r.once(ctx, asked)
	if err != nil {
		return fleet.REDList{}, err
	}
	var list fleet.REDList
	for i := range asked {
		start := pages[i].started()
		if start.IsZero() || !start.Before(pages[i].at) {
			continue
		}
		one := q
		found := evaluate(&one, asked[i:i+1], []pair{{first: page{at: start}, second: pages[i]}})
		for j := range found.REDs {
			found.REDs[j].Provenance.Query = "GET /metrics, since the process started"
		}
		list.REDs = append(list.REDs, found.REDs...)
		list.Missing = append(list.Missing, found.Missing...)
	}
	return list, nil
}

// once reads the metrics of instances one time. Pages of those that do not answer
// are empty; it fails where nobody does.
func (r *Reader) once(ctx context.Context, instances []fleet.Instance) ([]page, error) {
	pages := make([]page, len(instances))
	var mu sync.Mutex
	var first error
	answered := 0
	fleet.Each(len(instances), func(i int) {
		get, done, err := r.ask(&instances[i])
		if err == nil {
			defer done()
			pages[i], err = get(ctx)
		}
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			answered++
		} else if first == nil {
			first = err
		}
	})
	if answered == 0 && first != nil {
		return nil, first
	}
	return pages, nil
}

// started is when the process started, as far as the page says.
func (p *page) started() time.Time {
	for i := range p.samples {
		if s := &p.samples[i]; s.name == startTime && s.value > 0 && !math.IsInf(s.value, 0) && s.value < 1e12 {
			return time.UnixMilli(int64(s.value * 1000))
		}
	}
	return time.Time{}
}
