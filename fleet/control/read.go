package control

import (
	"cmp"
	"context"
	"slices"

	"github.com/gctl-dev/gctl/fleet"
)

// Breakers implements fleet.BreakerReader.
func (s *Source) Breakers(ctx context.Context, callers []fleet.Instance, target string) (fleet.BreakerList, error) {
	found := make([][]fleet.Breaker, len(callers))
	failed := make([]error, len(callers))
	fleet.Each(len(callers), func(i int) { found[i], failed[i] = s.breakersOf(ctx, callers[i], target) })
	var list fleet.BreakerList
	for i := range callers {
		list.Breakers = append(list.Breakers, found[i]...)
		if failed[i] != nil {
			list.Missing = append(list.Missing, fleet.Missing{Instance: callers[i], What: "breakers", Err: failed[i]})
		}
	}
	slices.SortStableFunc(list.Breakers, func(a, b fleet.Breaker) int {
		return cmp.Or(cmp.Compare(a.Caller.Service, b.Caller.Service), cmp.Compare(a.Caller.ID, b.Caller.ID), cmp.Compare(a.Name, b.Name))
	})
	return list, ctx.Err()
}

func (s *Source) breakersOf(ctx context.Context, in fleet.Instance, target string) ([]fleet.Breaker, error) {
	ctx, cancel := context.WithTimeout(ctx, fleet.Patience)
	defer cancel()
	c, err := s.controller(ctx, in)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	return c.Breakers(ctx, target)
}
