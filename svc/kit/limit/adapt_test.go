package limit_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gctl-dev/gctl/svc/kit/limit"
)

// Where callers give up after 40 ms, an overloaded server works for callers that
// are gone. With the limit nearly all that are let in get their answer, also
// when it saw nothing but the overload: calls that are cut short count.
func TestOverloadWithDeadlines(t *testing.T) {
	three := load{rate: 3 * capacity, during: 3 * time.Second, deadline: 40 * time.Millisecond}
	synctest.Test(t, func(t *testing.T) {
		r := newServer(10, steady).run(t, unlimited, three)
		t.Logf("without: goodput %.0f/s, %d late", r.goodput(), r.late)
		if r.late < len(r.ok) {
			t.Errorf("without a limit %d came in time and %d were late: that is no overload", len(r.ok), r.late)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		set := newSet(t, "4..200")
		s := newServer(10, steady)
		s.run(t, set.UnaryConcurrency, three)
		r := s.run(t, set.UnaryConcurrency, three)
		keeps(t, "with", r, 30*time.Millisecond, 0.95*capacity)
		if r.late > len(r.ok)/100 {
			t.Errorf("%d of those that were let in were late", r.late)
		}
	})
}

// Where the upper bound refuses and not the latency, all that it allows is used:
// the limit does not go down to measure.
func TestTheUpperBoundIsUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		set := newSet(t, "2..20")
		s := newServer(1000, steady)
		s.run(t, set.UnaryConcurrency, load{rate: 500, during: time.Second})
		for range 12 {
			r := s.run(t, set.UnaryConcurrency, load{rate: 4000, during: time.Second})
			if now := concurrency(t, set); now.Current != 20 || r.goodput() < 0.95*2000 {
				t.Errorf("limit = %+v, %.0f answers a second", now, r.goodput())
			}
		}
	})
}

// When calls hang, for whatever reason, the others get the places that are left.
// A measurement that cannot be made is given up, and a limit below what hangs
// goes up again.
func TestCallsThatHang(t *testing.T) {
	for name, warm := range map[string]bool{"from the start": false, "later": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { hang(t, warm) })
		})
	}
}

func hang(t *testing.T, warm bool) {
	t.Helper()
	set := newSet(t, "2..20")
	s := newServer(10, steady)
	run := func(seconds int) result {
		return s.run(t, set.UnaryConcurrency, load{rate: 3 * capacity / 2, during: time.Duration(seconds) * time.Second})
	}
	if warm {
		s.run(t, set.UnaryConcurrency, load{rate: capacity / 5, during: time.Second})
		run(2)
	}
	release := make(chan struct{})
	ended := make(chan error)
	for range 12 {
		go func() {
			_, err := set.UnaryConcurrency(context.Background(), nil, info, func(context.Context, any) (any, error) {
				<-release
				return nil, status.Error(codes.Aborted, "")
			})
			ended <- err
		}()
	}
	run(3)
	for range 4 { // with 8 of 20 places left, 8 of 10 workers can be busy
		if r := run(3); r.goodput() < 0.65*capacity {
			t.Errorf("beside calls that hang: %.0f answers a second; %+v", r.goodput(), concurrency(t, set))
		}
	}
	close(release)
	for range 12 {
		if err := <-ended; status.Code(err) != codes.Aborted {
			t.Error(err)
		}
	}
	run(2)
	keeps(t, "then", run(3), 40*time.Millisecond, 0.9*capacity)
}

func TestKindsHaveNames(t *testing.T) {
	for kind, want := range map[limit.Kind]string{limit.Rate: "rate", limit.Concurrency: "concurrency", 7: "Kind(7)"} {
		if got := kind.String(); got != want {
			t.Errorf("%d is %q, want %q", int(kind), got, want)
		}
	}
}

// A limit that has sunk below what hangs is raised again, though no call ends
// that it could learn from.
func TestALimitBelowWhatHangsRises(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		set := newSet(t, "2..20")
		s := newServer(2, steady)
		s.run(t, set.UnaryConcurrency, load{rate: 100, during: time.Second})
		s.run(t, set.UnaryConcurrency, load{rate: 600, during: 3 * time.Second})
		sunk := concurrency(t, set).Current
		var places []func()
		for range sunk {
			entered, release := make(chan struct{}), make(chan struct{})
			go set.UnaryConcurrency(context.Background(), nil, info, func(context.Context, any) (any, error) {
				close(entered)
				<-release
				return nil, status.Error(codes.Aborted, "")
			})
			<-entered
			places = append(places, func() { close(release) })
		}
		r := s.run(t, set.UnaryConcurrency, load{rate: 600, during: 5 * time.Second})
		if now := concurrency(t, set); len(r.ok) == 0 || now.Current <= sunk {
			t.Errorf("the limit was %d, with as many that hang; then %d calls were served, and it is %+v", sunk, len(r.ok), now)
		}
		for _, release := range places {
			release()
		}
	})
}
