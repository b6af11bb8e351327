package prom

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/dialect"
)

// How far back changes of breakers are looked for, and how closely: a breaker
// that changed so often in that time is flapping.
const (
	breakerHistory = 10 * time.Minute
	breakerStep    = 5 * time.Second
	flapping       = 4
)

// Breakers implements fleet.BreakerReader. Since is known where the state was
// entered in the last ten minutes, to some seconds.
func (r *Reader) Breakers(ctx context.Context, callers []fleet.Instance, towards string) (fleet.BreakerList, error) {
	id := r.identity(callers)
	t, err := r.targets(ctx, id, when{})
	if err != nil {
		return fleet.BreakerList{}, err
	}
	query := "{" + `__name__=~"` + strings.ReplaceAll(dialect.BreakerSeries, `\`, `\\`) + `"}`
	end := r.now().Add(t.skew)
	a, err := r.ask(ctx, query, when{start: end.Add(-breakerHistory), end: end, step: breakerStep})
	if err != nil {
		return fleet.BreakerList{}, err
	}
	var list fleet.BreakerList
	by := map[string]*history{}
	for i := range a.series {
		match := t.by[placeOf(a.series[i].labels)]
		in := slices.IndexFunc(callers, func(c fleet.Instance) bool { return c.ID == match.Instance && c.Service == match.Service })
		if in < 0 {
			continue
		}
		key := match.Service + "\x00" + match.Instance
		if by[key] == nil {
			by[key] = &history{caller: callers[in], at: map[int64][]dialect.Gauge{}}
		}
		by[key].add(&a.series[i])
	}
	for _, h := range by {
		for _, b := range h.breakers(end, t.skew) {
			if dialect.Towards(&b, towards) {
				b.Provenance = r.provenance(query)
				list.Breakers = append(list.Breakers, b)
			}
		}
	}
	slices.SortFunc(list.Breakers, dialect.CompareBreakers)
	for _, caller := range callers {
		if why := t.unscraped(&caller); why != nil {
			list.Missing = append(list.Missing, fleet.Missing{Instance: caller, What: "breakers", Err: why})
		}
	}
	return list, nil
}

// unscraped says why nothing is known of a caller, nil where it is scraped.
func (t *targets) unscraped(caller *fleet.Instance) error {
	why := errNotScraped
	for _, o := range t.all {
		if o.match.Service != caller.Service || o.match.Instance != caller.ID {
			continue
		}
		if !o.down {
			return nil
		}
		why = errDown
	}
	return why
}

// Why nothing is known of a caller.
var (
	// It may have no metrics at all, which is no trouble.
	errNotScraped = fmt.Errorf("prometheus does not scrape it, or not under a name that can be joined: %w", fleet.ErrNoPart)
	errDown       = errors.New("prometheus cannot scrape it (up is 0)")
)

// history are the gauges of one process over time.
type history struct {
	caller fleet.Instance
	at     map[int64][]dialect.Gauge // by Unix milliseconds
}

func (h *history) add(s *series) {
	for _, p := range s.points {
		key := p.at.UnixMilli()
		h.at[key] = append(h.at[key], dialect.Gauge{Name: s.labels["__name__"], Labels: s.labels, Value: p.value})
	}
}

// breakers are those of the last moment, with what the moments before say.
func (h *history) breakers(end time.Time, skew time.Duration) []fleet.Breaker {
	var moments []int64
	for at := range h.at {
		moments = append(moments, at)
	}
	slices.Sort(moments)
	changes, since, last := map[string]int{}, map[string]time.Time{}, map[string]string{}
	var now []fleet.Breaker
	for _, at := range moments {
		now = dialect.Breakers(h.caller, h.at[at])
		for _, b := range now {
			state := string(b.State) + b.Raw
			if was, known := last[b.Name]; known && was != state {
				changes[b.Name]++
				since[b.Name] = time.UnixMilli(at).Add(-skew)
			}
			last[b.Name] = state
		}
	}
	if len(moments) == 0 || end.Sub(time.UnixMilli(moments[len(moments)-1])) > time.Minute {
		return nil // what they were is not what they are
	}
	for i := range now {
		now[i].Since, now[i].Flapping = since[now[i].Name], changes[now[i].Name] >= flapping
	}
	return now
}
