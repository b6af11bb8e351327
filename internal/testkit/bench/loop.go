package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"

	userv1 "github.com/gctl-dev/gctl/svc/user/api"
)

const workers = 50

// A contestant is something whose throughput is measured beside that of others.
type contestant struct {
	name string
	call func(ctx context.Context, worker int) error
	pid  int // of the process whose computing time counts

	perSecond []float64 // calls, by round
	perCall   []float64 // microseconds of computing time of the process, by round
}

// compete gives each contestant the workers for a while, round after round, so
// that a disturbance of the machine meets all of them. A first round, not
// counted, warms them up.
func compete(ctx context.Context, rounds int, each time.Duration, contestants []*contestant) error {
	for round := range rounds + 1 {
		for i := range contestants {
			c := contestants[(round+i)%len(contestants)]
			before, err := cpuTime(c.pid)
			if err != nil {
				return err
			}
			calls, took, err := c.run(ctx, each)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			after, err := cpuTime(c.pid)
			if err != nil {
				return err
			}
			if round > 0 {
				c.perSecond = append(c.perSecond, float64(calls)/took.Seconds())
				c.perCall = append(c.perCall, float64((after-before).Microseconds())/float64(calls))
			}
		}
	}
	return nil
}

// run makes calls in a closed loop.
func (c *contestant) run(ctx context.Context, d time.Duration) (calls int64, took time.Duration, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var count atomic.Int64
	var end atomic.Bool
	var all sync.WaitGroup
	began := time.Now()
	for w := range workers {
		all.Go(func() {
			// One context for all calls of a worker: this is not about timers.
			ctx, done := context.WithTimeout(ctx, time.Minute)
			defer done()
			n := int64(0)
			for ; !end.Load(); n++ {
				if err := c.call(ctx, w); err != nil {
					cancel(err)
					return
				}
			}
			count.Add(n)
		})
	}
	if err := settle(ctx, d); err != nil {
		all.Wait()
		return 0, 0, context.Cause(ctx)
	}
	end.Store(true)
	all.Wait()
	return count.Load(), time.Since(began), context.Cause(ctx)
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// medianRatio is the median of the ratios of the rounds.
func medianRatio(a, b []float64) float64 {
	ratios := make([]float64, len(a))
	for i := range a {
		ratios[i] = a[i] / b[i]
	}
	return median(ratios)
}

// mean is the better average of computing times, which come in steps.
func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// raw is a codec for a client that hardly computes: the request is bytes made
// before, the answer is not looked at.
type raw struct{}

// Marshal implements encoding.CodecV2.
func (raw) Marshal(v any) (mem.BufferSlice, error) {
	data, ok := v.([]byte)
	if !ok {
		return nil, fmt.Errorf("no bytes: %T", v)
	}
	return mem.BufferSlice{mem.SliceBuffer(data)}, nil
}

// Unmarshal implements encoding.CodecV2.
func (raw) Unmarshal(mem.BufferSlice, any) error { return nil }

// Name implements encoding.CodecV2: the server shall take it for protobuf.
func (raw) Name() string { return "proto" }

// rawCalls returns calls of GetUser over some connections to an address.
func rawCalls(addr string, connections int) (call func(context.Context, int) error, stop func(), err error) {
	request, err := proto.Marshal(&userv1.GetUserRequest{Id: "u-1"})
	if err != nil {
		return nil, nil, err
	}
	var conns []*grpc.ClientConn
	stop = func() {
		for _, c := range conns {
			c.Close()
		}
	}
	for range connections {
		conn, err := grpc.NewClient("passthrough:///"+addr, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDisableServiceConfig())
		if err != nil {
			stop()
			return nil, nil, err
		}
		conns = append(conns, conn)
	}
	codec := grpc.ForceCodecV2(raw{})
	return func(ctx context.Context, worker int) error {
		return conns[worker%connections].Invoke(ctx, userv1.UserService_GetUser_FullMethodName, request, nil, codec)
	}, stop, nil
}
