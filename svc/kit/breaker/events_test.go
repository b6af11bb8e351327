package breaker_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gctl-dev/gctl/svc/kit/breaker"
)

func TestEachChangeIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log, watched []string
		c := newClient(t, breaker.Options{Probes: 1, OnChange: func(s breaker.Status) {
			log = append(log, fmt.Sprint(s.State, "/", s.Override, "/", s.Counts.Failures))
		}})
		c.call(1, nil)
		stop := c.set.Watch(func(s breaker.Status) {
			if seen := c.only(); seen.Trips != s.Trips { // it may use the set
				t.Errorf("told %+v\nseen %+v", s, seen)
			}
			watched = append(watched, fmt.Sprint(s.State, "/", s.Override))
		})
		c.call(20, errDown)
		time.Sleep(6 * time.Second)
		c.call(1, nil) // half-open, then closed before anybody is told
		c.override(breaker.ForcedOpen)
		c.override(breaker.ForcedOpen) // no change
		stop()
		c.override(breaker.None)
		if got := strings.Join(log, " "); got != "closed/none/0 open/none/19 half-open/none/0 closed/none/0 closed/forced_open/0 closed/none/0" {
			t.Errorf("log: %s", got)
		}
		if got := strings.Join(watched, " "); got != "open/none half-open/none closed/none closed/forced_open" {
			t.Errorf("watched: %s", got)
		}
	})
}

func TestAPanickingWatcherStopsNoOther(t *testing.T) {
	var told int
	c := newClient(t, breaker.Options{})
	c.call(1, nil)
	stop := c.set.Watch(func(breaker.Status) { panic("odd") })
	func() {
		defer func() { _ = recover() }()
		_ = c.set.Override("user/read", breaker.ForcedOpen)
		t.Error("the watcher did not panic")
	}()
	stop()
	defer c.set.Watch(func(breaker.Status) { told++ })()
	c.override(breaker.None)
	if told != 1 {
		t.Errorf("told %d changes, want 1", told)
	}
}

// TestConcurrentCalls lets many calls, overrides and readers at the breakers, and
// looks whether what was told is a possible course of things.
func TestConcurrentCalls(t *testing.T) {
	var mu sync.Mutex
	told := map[string][]breaker.Status{}
	c := newClient(t, breaker.Options{
		MinRequests: 4, FailureRatio: 0.5, OpenFor: time.Microsecond, Window: 50 * time.Millisecond,
		OnChange: func(s breaker.Status) {
			mu.Lock()
			defer mu.Unlock()
			told[s.Name] = append(told[s.Name], s)
		},
	})
	var calls sync.WaitGroup
	for worker := range 8 {
		random := rand.New(rand.NewPCG(1, uint64(worker)))
		calls.Go(func() {
			for i := range 2000 {
				method := []string{get, create}[random.IntN(2)]
				err := []error{nil, errDown, errDown, status.Error(codes.Canceled, "")}[random.IntN(4)]
				_ = c.run(context.Background(), method, func(context.Context) error { return err })
				switch {
				case i%500 == 7:
					_ = c.set.Override("user/read", breaker.Override(random.IntN(3)))
				case i%100 == 3:
					c.set.Status()
				case i%100 == 5:
					c.set.Watch(func(breaker.Status) {})()
				}
			}
		})
	}
	calls.Wait()
	may := map[breaker.State][]breaker.State{breaker.Closed: {breaker.Open}, breaker.Open: {breaker.HalfOpen}, breaker.HalfOpen: {breaker.Open, breaker.Closed}}
	for _, last := range c.set.Status() {
		course := told[last.Name]
		if len(course) < 10 {
			t.Errorf("%s changed %d times", last.Name, len(course))
		}
		var trips int64
		for i, s := range course[1:] {
			if s.State == breaker.Open && course[i].State != breaker.Open {
				trips++
			}
			if s.State != course[i].State && !slices.Contains(may[course[i].State], s.State) {
				t.Fatalf("%s went from %v to %v", s.Name, course[i].State, s.State)
			}
			if s.Trips != trips {
				t.Fatalf("%s: %d trips told, %d seen", s.Name, s.Trips, trips)
			}
		}
		if end := course[len(course)-1]; end.State != last.State || end.Override != last.Override || end.Trips != last.Trips {
			t.Errorf("the last change told is %+v\nthe status %+v", end, last)
		}
	}
}

// TestStreamsEndOnce ends streams by their status and by their context at one
// time.
func TestStreamsEndOnce(t *testing.T) {
	c := newClient(t, breaker.Options{})
	const streams = 2000
	var ends sync.WaitGroup
	for i := range streams {
		ctx, cancel := context.WithCancel(t.Context())
		stream, err := c.open(ctx, watch, &script{replies: []error{nil, io.EOF}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		ends.Go(func() {
			_ = stream.RecvMsg(nil)
			_ = stream.RecvMsg(nil)
		})
		if i%2 == 0 {
			cancel()
		}
		defer cancel()
	}
	ends.Wait()
	ended := func() float64 {
		metrics := gather(t, c.set)
		return metrics[`gobreaker__requests_total{name="user/read",result="success"}`] + metrics[`gobreaker__requests_total{name="user/read",result="ignored"}`]
	}
	for end := time.Now().Add(10 * time.Second); ended() < streams && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if got := c.only().Counts; ended() != streams || got.Requests != got.Successes || got.Failures != 0 {
		t.Errorf("%v of %d streams ended, counts %+v", ended(), streams, got)
	}
}
