package breaker_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gctl-dev/gctl/svc/kit/breaker"
)

func TestHalfOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, breaker.Options{})
		c.call(20, errDown)
		time.Sleep(5 * time.Second)
		if reached := c.call(1, nil); reached != 0 {
			t.Error("a call passed before the time of the probe was over")
		}
		time.Sleep(time.Millisecond)
		c.call(2, nil)
		c.call(1, status.Error(codes.Canceled, "")) // gives its place back
		c.call(1, status.Error(codes.ResourceExhausted, ""))
		c.wants(breaker.HalfOpen)
		if got := c.only(); got.Counts != (breaker.Counts{Requests: 2, Successes: 2}) || !got.NextProbe.IsZero() {
			t.Errorf("half-open = %+v", got)
		}
		c.call(1, errDown)
		got := c.only()
		if got.State != breaker.Open || got.Trips != 2 || got.Counts != (breaker.Counts{Requests: 3, Successes: 2, Failures: 1, ConsecutiveFailures: 1}) {
			t.Errorf("after a failed probe = %+v", got)
		}
		time.Sleep(5*time.Second + time.Millisecond)
		c.call(3, nil)
		c.wants(breaker.Closed)
	})
}

func TestProbesAreFewAndGiveTheirPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, breaker.Options{})
		c.call(20, errDown)
		time.Sleep(5*time.Second + time.Millisecond)
		release := make(chan error)
		ended := make(chan struct{})
		for range 3 {
			go func() {
				_ = c.run(t.Context(), get, func(context.Context) error { return <-release })
				ended <- struct{}{}
			}()
		}
		synctest.Wait()
		if reached := c.call(3, nil); reached != 0 {
			t.Errorf("%d calls passed beside 3 probes", reached)
		}
		time.Sleep(5 * time.Second) // the probes hang for longer than that
		if reached := c.call(3, nil); reached != 3 {
			t.Errorf("%d of 3 new probes passed", reached)
		}
		c.wants(breaker.Closed)
		for range 3 {
			release <- errDown
			<-ended
		}
		if got := c.only().Counts.Failures; got != 3 {
			t.Errorf("the old probes count as %d failures of the closed breaker, want 3", got)
		}
	})
}

func TestAPanicGivesThePlaceBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, breaker.Options{Probes: 1})
		c.call(20, errDown)
		time.Sleep(5*time.Second + time.Millisecond)
		func() {
			defer func() { _ = recover() }()
			_ = c.run(t.Context(), get, func(context.Context) error { panic("odd") })
		}()
		c.wants(breaker.HalfOpen)
		c.call(1, nil)
		c.wants(breaker.Closed)
	})
}
