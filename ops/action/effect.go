package action

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/gctl-dev/gctl/fleet"
)

// effect returns what else must be true once a change is made, nil where the list
// of changes says it all.
func (o *Operator) effect(c fleet.Controller, r *Result) func(context.Context) error {
	switch resource := r.Wish.Resource; {
	case strings.HasPrefix(resource, fleet.ResourceBreaker):
		want := r.Wish.Override
		if r.Wish.Release {
			want = fleet.NotForced
		}
		return func(ctx context.Context) error {
			return breakerIs(ctx, c, strings.TrimPrefix(resource, fleet.ResourceBreaker), want)
		}
	case resource == fleet.ResourceServing:
		want := fleet.NotServing
		if r.Wish.Release {
			want = fleet.Serving
		}
		return func(ctx context.Context) error { return o.healthIs(ctx, r.Instance, want) }
	case strings.HasPrefix(resource, fleet.ResourceLimit) && !r.Wish.Release:
		return func(ctx context.Context) error {
			return limitIs(ctx, c, strings.TrimPrefix(resource, fleet.ResourceLimit), r.Wish.Limit)
		}
	case resource == fleet.ResourceLevel && !r.Wish.Release:
		return func(ctx context.Context) error {
			now, err := c.Level(ctx)
			if err == nil && now != r.Wish.Level {
				err = fmt.Errorf("it logs at %s", now)
			}
			return err
		}
	default:
		return nil
	}
}

func breakerIs(ctx context.Context, c fleet.Controller, name string, want fleet.Override) error {
	list, err := c.Breakers(ctx, "")
	if err != nil {
		return err
	}
	for i := range list {
		if list[i].Name != name {
			continue
		}
		if list[i].Override != want {
			return fmt.Errorf("its override is %s", list[i].Override)
		}
		return nil
	}
	return errors.New("the breaker is gone")
}

func limitIs(ctx context.Context, c fleet.Controller, name string, want fleet.LimitSettings) error {
	list, err := c.Limits(ctx)
	if err != nil {
		return err
	}
	for i := range list {
		if list[i].Name == name && list[i].Settings == want {
			return nil
		}
	}
	return errors.New("the limit has other settings")
}

// healthIs asks the instance itself, as its clients do. An instance without a
// health service cannot tell.
func (o *Operator) healthIs(ctx context.Context, in fleet.Instance, want fleet.HealthState) error {
	h := o.Prober.Health(ctx, in, "")
	switch h.State {
	case want, fleet.Unimplemented:
		return nil
	case fleet.Serving, fleet.NotServing:
		return fmt.Errorf("its health is %s", h.State)
	default:
		return fmt.Errorf("its health is not known: %w", h.Err)
	}
}
