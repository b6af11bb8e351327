package commands

import (
	"context"
	"errors"
	"sync/atomic"
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
	synctest.Test(t, theImpatienceOfOneAsker)
}

func theImpatienceOfOneAsker(t *testing.T) {
	f, _ := testFactory(nil)
	opened := 0
	f.Now = time.Now
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
	time.Sleep(proberFor)
	if got := ask(); got != fleet.Serving { // by the old one
		t.Error(got)
	}
	synctest.Wait()
	if ask(); opened != 3 {
		t.Errorf("opened %d times, want again after %s", opened, proberFor)
	}
}

// A command that takes long to print a token is waited for once, by nobody who asks
// one instance among many, and not by the next round.
func TestOpeningTakesItsOwnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _ := testFactory(nil)
		f.Now = time.Now
		f.Context = func() (config.Context, error) { return config.Context{}, nil }
		defer time.Sleep(openFor) // what is being opened is waited for
		var opened atomic.Int32
		var broken atomic.Bool
		fails := errors.New("no token")
		f.Prober = func(ProbeOptions) (fleet.Prober, error) {
			opened.Add(1)
			time.Sleep(5 * time.Second)
			if broken.Load() {
				return nil, fails
			}
			return servingProber{}, nil
		}
		p := NewProber(f)
		catalog := fleet.Source{Name: fleet.CatalogFeed, Poll: func(context.Context, *fleet.Snapshot) (fleet.Facts, error) {
			return fleet.Facts{Instances: []fleet.Instance{{ID: "a", Service: "s"}, {ID: "b", Service: "s"}}}, nil
		}}
		store := fleet.NewStore(t.Context(), fleet.StoreOptions{Sources: []fleet.Source{catalog, fleet.HealthSource(p)}})
		defer store.Close()
		time.Sleep(8 * time.Second)
		for _, h := range store.Snapshot().Service("s").Health {
			if h.State != fleet.Serving {
				t.Errorf("%s is %s, %v", h.Instance.ID, h.State, h.Err)
			}
		}
		if n := len(store.Snapshot().Service("s").Health); n != 2 || opened.Load() != 1 {
			t.Errorf("%d answers, opened %d times", n, opened.Load())
		}
		broken.Store(true)
		time.Sleep(proberFor + 20*time.Second)
		if s, _ := store.Snapshot().Source(fleet.HealthFeed); s.Status != fleet.SourceFailing || !errors.Is(s.Err, fails) {
			t.Errorf("%s, %v; want the source to say why nobody can be asked", s.Status, s.Err)
		}
		if h := store.Snapshot().Service("s").Health; h[0].State != fleet.Serving || h[1].State != fleet.Serving {
			t.Errorf("%+v: it is not held against those who were not asked", h)
		}
		impatient, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if h := p.Health(impatient, fleet.Instance{ID: "a"}, ""); h.State != fleet.UnknownHealth || time.Since(began) > time.Second {
			t.Errorf("%s after %s", h.State, time.Since(began))
		}
	})
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
