package commands

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/config"
)

type servingProber struct{ fleet.Prober }

func (servingProber) Health(_ context.Context, in fleet.Instance, _ string) fleet.Health {
	return fleet.Health{Instance: in, State: fleet.Serving}
}

func TestTheImpatienceOfOneAskerIsNotTheNextOnes(t *testing.T) {
	f, _ := testFactory(nil)
	now, opened := time.Unix(1000, 0), 0
	f.Now = func() time.Time { return now }
	f.Context = func() (config.Context, error) { return config.Context{}, nil }
	fails := errors.New("no answer of the command in time")
	f.Prober = func(ProbeOptions) (fleet.Prober, error) { opened++; return servingProber{}, fails }
	p := NewProber(f)
	ask := func() fleet.HealthState { return p.Health(t.Context(), fleet.Instance{ID: "a"}, "").State }
	if got := ask(); got != fleet.UnknownHealth {
		t.Error(got)
	}
	fails = nil
	if got := ask(); got != fleet.Serving || opened != 2 {
		t.Errorf("%s, opened %d times", got, opened)
	}
	ask()
	now = now.Add(proberFor)
	if ask(); opened != 3 {
		t.Errorf("opened %d times, want again after %s", opened, proberFor)
	}
}
