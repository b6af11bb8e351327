package limit_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Watches that have nothing to tell do not fill the server up, and are counted
// once when they end.
func TestSilentStreamsGiveTheirPlaceBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		set := newSet(t, "2")
		end := make(chan struct{})
		ended := make(chan error)
		watch := func() {
			ended <- set.StreamConcurrency(nil, streamOf{ctx: t.Context()}, &grpc.StreamServerInfo{FullMethod: "/test.Work/Watch"},
				func(any, grpc.ServerStream) error { <-end; return nil })
		}
		call := func() error {
			_, err := set.UnaryConcurrency(t.Context(), nil, &grpc.UnaryServerInfo{FullMethod: "/test.Work/Do"},
				func(context.Context, any) (any, error) { return nil, nil }) //nolint:nilnil // nobody looks
			return err
		}
		for range 5 {
			go watch()
			go watch()
			synctest.Wait()
			if err := call(); status.Code(err) != codes.ResourceExhausted {
				t.Errorf("beside two streams that begin: %v", err)
			}
			time.Sleep(time.Second)
			if err := call(); err != nil {
				t.Errorf("beside streams that are silent: %v", err)
			}
		}
		close(end)
		for range 10 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		if now := concurrency(t, set); now.InFlight != 0 || now.Admitted != 15 || now.Rejected != 5 {
			t.Errorf("limit = %+v", now)
		}
	})
}

// A handler that panics gives its place back.
func TestAPanicGivesItsPlaceBack(t *testing.T) {
	set := newSet(t, "1")
	for range 3 {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was lost")
				}
			}()
			_, err := set.UnaryConcurrency(t.Context(), nil, &grpc.UnaryServerInfo{FullMethod: "/test.Work/Do"},
				func(context.Context, any) (any, error) { panic("oops") })
			t.Errorf("returned %v", err)
		}()
	}
	if now := concurrency(t, set); now.InFlight != 0 || now.Admitted != 3 {
		t.Errorf("limit = %+v", now)
	}
}

// Calls that fail at once do not make the server look fast, nor does one that
// runs into its deadline look like one that was done.
func TestFailuresAreNoMeasure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		set := newSet(t, "4..200")
		s := newServer(10, steady)
		failing := func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			if time.Now().UnixNano()%2 == 0 {
				_, err := set.UnaryConcurrency(ctx, request, info, func(context.Context, any) (any, error) {
					return nil, status.Error(codes.NotFound, "")
				})
				if status.Code(err) != codes.NotFound {
					return nil, err
				}
			}
			return set.UnaryConcurrency(ctx, request, info, handler)
		}
		s.run(t, failing, load{rate: capacity / 2, during: 3 * time.Second})
		s.run(t, failing, load{rate: 3 * capacity, during: 2 * time.Second})
		keeps(t, "then", s.run(t, failing, load{rate: 3 * capacity, during: 5 * time.Second}), 30*time.Millisecond, 0.95*capacity)
	})
}
