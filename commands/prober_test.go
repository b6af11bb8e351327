package commands

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/config"
	"github.com/gctl-dev/gctl/rpc"
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

// changingProber tells what a test wants of whoever is watched.
type changingProber struct {
	fleet.Prober

	says fleet.Health
	end  error
}

func (p changingProber) WatchHealth(ctx context.Context, in fleet.Instance, _ string, notify func(fleet.Health)) error {
	h := p.says
	h.Instance = in
	notify(h)
	if p.end != nil {
		return p.end
	}
	<-ctx.Done()
	return ctx.Err()
}

func TestWhatSpeaksAnotherProtocolIsNotInTroubleWhenItIsWatchedEither(t *testing.T) {
	other := fleet.Health{State: fleet.Unreachable, Err: &rpc.ConnectError{Finding: rpc.Finding{Cause: rpc.CauseNoHTTP2}}}
	for name, c := range map[string]struct {
		in   fleet.Instance
		want fleet.HealthState
	}{
		"a web page":                     {fleet.Instance{ID: "a"}, fleet.UnknownHealth},
		"one that ought to speak gRPC":   {fleet.Instance{ID: "a", GRPC: true}, fleet.Unreachable},
		"one that publishes its methods": {fleet.Instance{ID: "a", Meta: map[string]string{fleet.MetaGRPCServices: "x"}}, fleet.Unreachable},
	} {
		f, _ := testFactory(nil)
		f.Context = func() (config.Context, error) { return config.Context{}, nil }
		f.Prober = func(ProbeOptions) (fleet.Prober, error) {
			return changingProber{says: other, end: errors.New("over")}, nil
		}
		var got fleet.HealthState
		err := NewProber(f).WatchHealth(t.Context(), c.in, "", func(h fleet.Health) { got = h.State })
		if got != c.want || err == nil || err.Error() != "over" {
			t.Errorf("%s: %s, %v; want %s, and the end of the watch", name, got, err, c.want)
		}
	}
}

func TestAWatchBeginsAnewBeforeItsCredentialsRunOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _ := testFactory(nil)
		f.Now = time.Now
		f.Context = func() (config.Context, error) { return config.Context{}, nil }
		opened := 0
		f.Prober = func(ProbeOptions) (fleet.Prober, error) {
			opened++
			return changingProber{says: fleet.Health{State: fleet.Serving}}, nil
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		begun := 0
		err := NewProber(f).WatchHealth(ctx, fleet.Instance{ID: "a"}, "", func(fleet.Health) { begun++ })
		if !errors.Is(err, context.DeadlineExceeded) || begun < 12 || begun > 25 || opened < 5 || opened > 12 {
			t.Errorf("in an hour begun %d times, with credentials of %d times; %v", begun, opened, err)
		}
	})
}
