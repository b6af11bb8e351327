package commands

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/term"
)

var errAway = errors.New("it is away")

// partial is a control plane and a breaker reader that cannot ask the instance
// called "away".
type partial struct {
	limits   []fleet.Limit
	breakers []fleet.Breaker
}

type partialController struct {
	fleet.Controller

	of *partial
	in fleet.Instance
}

func (p *partial) Controller(_ context.Context, in fleet.Instance) (fleet.Controller, error) {
	return partialController{of: p, in: in}, nil
}

func (c partialController) Close() error { return nil }

func (c partialController) Limits(context.Context) ([]fleet.Limit, error) {
	if c.in.ID == "away" {
		return nil, errAway
	}
	return c.of.limits, nil
}

func (c partialController) Changes(context.Context) (fleet.ChangeList, error) {
	return fleet.ChangeList{}, nil
}

func (p *partial) Breakers(_ context.Context, callers []fleet.Instance, _ string) (fleet.BreakerList, error) {
	var list fleet.BreakerList
	for _, in := range callers {
		if in.ID == "away" {
			list.Missing = append(list.Missing, fleet.Missing{Instance: in, Err: errAway})
			continue
		}
		for _, b := range p.breakers {
			b.Caller = in
			list.Breakers = append(list.Breakers, b)
		}
	}
	return list, nil
}

func (p *partial) factory() *Factory {
	return &Factory{
		Streams:        &term.Streams{Out: io.Discard, Err: io.Discard},
		ControlPlane:   func() (fleet.ControlPlane, error) { return p, nil },
		BreakerReaders: func() ([]fleet.BreakerReader, error) { return []fleet.BreakerReader{p}, nil },
	}
}

var hereAndAway = []fleet.Instance{{ID: "here", Service: "odd"}, {ID: "away", Service: "odd"}}

// Settings of zero would let nobody in.
func TestALimitThatCouldNotBeReadIsNotSet(t *testing.T) {
	p := &partial{limits: []fleet.Limit{{Name: "rate/default", Settings: fleet.LimitSettings{Rate: 100, Burst: 10}}}}
	o := &limitOptions{f: p.factory()}
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.Float64Var(&o.want.Rate, "rate", 0, "")
	o.flags = flags
	if err := flags.Parse([]string{"--rate", "50"}); err != nil {
		t.Fatal(err)
	}
	steps, err := o.steps(t.Context(), "rate/default", hereAndAway)
	if err != nil || len(steps) != 2 {
		t.Fatalf("%+v, %v", steps, err)
	}
	if s := steps[0]; s.Err != nil || s.Wish.Limit.Rate != 50 || s.Wish.Limit.Burst != 10 {
		t.Errorf("here: %+v", s)
	}
	if s := steps[1]; !errors.Is(s.Err, errAway) {
		t.Errorf("away: %+v", s)
	}
}

// Nobody knows which of the breakers it has.
func TestACallerThatCouldNotBeReadIsOneFailedStep(t *testing.T) {
	p := &partial{breakers: []fleet.Breaker{{Name: "user/read", Target: "user", ETag: "1"}, {Name: "user/write", Target: "user", ETag: "1"}}}
	o := &forceOptions{f: p.factory(), force: forceOpen}
	steps, _, err := o.steps(t.Context(), hereAndAway, "user")
	if err != nil || len(steps) != 3 {
		t.Fatalf("%+v, %v", steps, err)
	}
	s := steps[2]
	if s.Instance.ID != "away" || !errors.Is(s.Err, errAway) || !strings.HasSuffix(s.Wish.Resource, "/user") {
		t.Errorf("%+v", s)
	}
}
