package prom

import (
	"cmp"
	"context"
	"slices"

	"github.com/gctl-dev/gctl/fleet"
)

// Names implements fleet.Namer: the jobs of Prometheus, each with its targets. A
// job whose targets are of several services has an element for each.
func (r *Reader) Names(ctx context.Context, id *fleet.Identity) ([]fleet.Joined, error) {
	t, err := r.targets(ctx, id, when{})
	if err != nil {
		return nil, err
	}
	type key struct{ job, service string }
	found := map[key]*fleet.Joined{}
	for i := range t.all {
		one := &t.all[i]
		k := key{one.at.job, one.match.Service}
		if found[k] == nil {
			found[k] = &fleet.Joined{Name: one.at.job, Match: fleet.Match{Service: one.match.Service, Rule: one.match.Rule}}
		}
		found[k].Count++
		if one.down {
			found[k].Down++
		}
	}
	out := make([]fleet.Joined, 0, len(found))
	for _, j := range found {
		out = append(out, *j)
	}
	slices.SortFunc(out, func(a, b fleet.Joined) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Match.Service, b.Match.Service))
	})
	return out, nil
}
