package breaker_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gctl-dev/gctl/svc/kit/breaker"
)

func (c *client) override(o breaker.Override) {
	c.Helper()
	if err := c.set.Override("user/read", o); err != nil {
		c.Fatal(err)
	}
}

func TestForcedOpenRejectsAndLeavesTheStateAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, breaker.Options{})
		c.call(1, nil)
		before := c.only()
		c.override(breaker.ForcedOpen)
		if reached := c.call(3, nil); reached != 0 {
			t.Errorf("%d calls passed", reached)
		}
		before.Override = breaker.ForcedOpen
		if got := c.only(); got != before {
			t.Errorf("forced open = %+v\nwant %+v", got, before)
		}
		c.override(breaker.None)
		if reached := c.call(3, nil); reached != 3 {
			t.Errorf("after its release %d of 3 calls passed", reached)
		}
	})
}

func TestForcedClosedPassesAndLearns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, breaker.Options{})
		c.call(1, nil)
		c.override(breaker.ForcedClosed)
		if reached := c.call(30, errDown); reached != 30 {
			t.Errorf("%d of 30 calls passed", reached)
		}
		if got := c.only(); got.State != breaker.Open || got.Override != breaker.ForcedClosed || got.Trips != 1 {
			t.Errorf("below the override = %+v", got)
		}
		time.Sleep(5*time.Second + time.Millisecond)
		if reached := c.call(3, nil); reached != 3 {
			t.Errorf("%d of 3 calls passed", reached)
		}
		c.wants(breaker.Closed) // its own probes closed it
		c.call(20, errDown)
		c.override(breaker.None)
		if reached := c.call(3, nil); reached != 0 {
			t.Errorf("after its release %d calls passed the open breaker", reached)
		}
	})
}

func TestOverridesOfNothing(t *testing.T) {
	c := newClient(t, breaker.Options{})
	if err := c.set.Override("user/read", breaker.ForcedOpen); !errors.Is(err, breaker.ErrUnknown) {
		t.Errorf("err = %v", err)
	}
	c.call(1, nil)
	if err := c.set.Override("user/read", 3); err == nil || errors.Is(err, breaker.ErrUnknown) {
		t.Errorf("an unknown override: %v", err)
	}
}

func TestRejections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, breaker.Options{Probes: 1})
		reject := func() (*status.Status, map[string]string, *errdetails.RetryInfo) {
			err := c.run(t.Context(), get, nil)
			if !breaker.Rejected(err) {
				t.Fatalf("no rejection: %v", err)
			}
			s := status.Convert(err)
			var meta map[string]string
			var retry *errdetails.RetryInfo
			for _, d := range s.Details() {
				switch d := d.(type) {
				case *errdetails.ErrorInfo:
					if d.GetReason() != "BREAKER_OPEN" || d.GetDomain() != "gctl.kit" {
						t.Errorf("info = %v", d)
					}
					meta = d.GetMetadata()
				case *errdetails.RetryInfo:
					retry = d
				}
			}
			if s.Code() != codes.Unavailable || meta["breaker"] != "user/read" || meta["target"] != "user" {
				t.Errorf("status = %v, metadata %v", s, meta)
			}
			return s, meta, retry
		}
		c.call(20, errDown)
		time.Sleep(2 * time.Second)
		s, _, retry := reject()
		if s.Message() != "the breaker user/read is open" || retry.GetRetryDelay().AsDuration() != 3*time.Second {
			t.Errorf("%v, retry %v", s, retry)
		}
		time.Sleep(3*time.Second + time.Millisecond)
		release := make(chan struct{})
		go func() {
			_ = c.run(t.Context(), get, func(context.Context) error { <-release; return nil })
		}()
		synctest.Wait()
		s, _, retry = reject()
		if s.Message() != "the breaker user/read is half-open" || retry.GetRetryDelay().AsDuration() != time.Second {
			t.Errorf("%v, retry %v", s, retry)
		}
		close(release)
		synctest.Wait()
		c.override(breaker.ForcedOpen)
		s, meta, retry := reject()
		if s.Message() != "the breaker user/read is forced open" || meta["override"] != "forced_open" || retry != nil {
			t.Errorf("%v, metadata %v, retry %v", s, meta, retry)
		}
	})
	for _, err := range []error{nil, errDown, errors.New("x")} {
		if breaker.Rejected(err) {
			t.Errorf("%v is no rejection", err)
		}
	}
}
