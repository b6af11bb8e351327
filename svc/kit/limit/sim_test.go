package limit_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gctl-dev/gctl/svc/kit/limit"
)

// server is a simulated one: so many workers, each of which does one call after
// the other, in front of a queue without bounds. It lives in virtual time.
type server struct {
	workers chan struct{}
	work    func(method string, r *rand.Rand) time.Duration
}

func newServer(workers int, work func(string, *rand.Rand) time.Duration) *server {
	return &server{make(chan struct{}, workers), work}
}

// steady is work of 10 ms, more or less.
func steady(_ string, r *rand.Rand) time.Duration {
	return 8*time.Millisecond + time.Duration(r.Int64N(int64(4*time.Millisecond)))
}

// serve does the work of a call. What has begun is done to its end, also when
// nobody waits for it any more.
func (s *server) serve(ctx context.Context, method string, r *rand.Rand) error {
	select {
	case s.workers <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	time.Sleep(s.work(method, r))
	<-s.workers
	return ctx.Err()
}

// load is an open loop: calls come at a rate, whatever becomes of them.
type load struct {
	rate     int // calls a second
	during   time.Duration
	method   func(i int) string
	deadline time.Duration // of each call; 0 for none
}

// result is what became of a load.
type result struct {
	during   time.Duration
	ok       []time.Duration // latencies, in the order of the calls' ends
	rejected int
	late     int // ran into their deadlines
}

func (r result) goodput() float64 { return float64(len(r.ok)) / r.during.Seconds() }

func (r result) quantile(q float64) time.Duration {
	if len(r.ok) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(r.ok))
	return sorted[int(q*float64(len(sorted)-1))]
}

// run sends a load through an interceptor to the server and waits for its end.
func (s *server) run(t *testing.T, through grpc.UnaryServerInterceptor, l load) result {
	t.Helper()
	result := result{during: l.during}
	var mu sync.Mutex
	var all sync.WaitGroup
	arrivals := rand.New(rand.NewPCG(1, 2))
	gap := time.Second / time.Duration(l.rate)
	for i := range int(l.during / gap) {
		time.Sleep(time.Duration(arrivals.ExpFloat64() * float64(gap)))
		method := "/test.Work/Do"
		if l.method != nil {
			method = l.method(i)
		}
		seed := arrivals.Uint64()
		all.Go(func() {
			start := time.Now()
			ctx := context.Background()
			if l.deadline > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, l.deadline)
				defer cancel()
			}
			_, err := through(ctx, nil, &grpc.UnaryServerInfo{FullMethod: method}, func(ctx context.Context, _ any) (any, error) {
				return struct{}{}, s.serve(ctx, method, rand.New(rand.NewPCG(seed, 1)))
			})
			mu.Lock()
			defer mu.Unlock()
			if errors.Is(err, context.DeadlineExceeded) {
				result.late++
				return
			}
			switch status.Code(err) {
			case codes.OK:
				result.ok = append(result.ok, time.Since(start))
			case codes.ResourceExhausted:
				result.rejected++
			default:
				t.Errorf("error = %v", err)
			}
		})
	}
	all.Wait()
	return result
}

func unlimited(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	return handler(ctx, request)
}

// newSet returns limits as they are written in flags.
func newSet(t testing.TB, concurrency string, rates ...string) *limit.Set {
	t.Helper()
	var options limit.Options
	for _, text := range rates {
		l, err := limit.ParseRate(text)
		if err != nil {
			t.Fatal(err)
		}
		options.Limits = append(options.Limits, l)
	}
	if concurrency != "" {
		l, err := limit.ParseConcurrency(concurrency)
		if err != nil {
			t.Fatal(err)
		}
		options.Limits = append(options.Limits, l)
	}
	set, err := limit.New(options)
	if err != nil {
		t.Fatal(err)
	}
	return set
}
