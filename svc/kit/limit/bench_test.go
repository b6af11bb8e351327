package limit_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"

	"github.com/gctl-dev/gctl/svc/kit/limit"
)

// info is of a call of the simulated service.
var info = &grpc.UnaryServerInfo{FullMethod: "/test.Work/Do"}

func nothing(context.Context, any) (any, error) { return struct{}{}, nil }

// The cost of each interceptor for a call that it lets in, and for one that it
// refuses.
func BenchmarkInterceptors(b *testing.B) {
	ctx := from("10.0.0.1")
	open := newSet(b, "1..1000000", "*=1000000000/s,burst=1000000")
	shut := newSet(b, "", "*=0/s")
	full := newSet(b, "1")
	for name, run := range map[string]grpc.UnaryServerInterceptor{
		"rate admitted":        open.UnaryRate,
		"rate refused":         shut.UnaryRate,
		"concurrency admitted": open.UnaryConcurrency,
		"deadline":             limit.Deadline{Floor: limit.DefaultFloor, Max: limit.DefaultMax}.Unary,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					run(ctx, nil, info, nothing)
				}
			})
		})
	}
	b.Run("concurrency refused", func(b *testing.B) {
		b.ReportAllocs()
		full.UnaryConcurrency(ctx, nil, info, func(context.Context, any) (any, error) {
			for b.Loop() {
				full.UnaryConcurrency(ctx, nil, info, nothing)
			}
			return struct{}{}, nil
		})
	})
}

// A flood of callers, of which each comes once.
func BenchmarkManyCallers(b *testing.B) {
	set := newSet(b, "", "*=1/s,burst=10")
	var contexts []context.Context
	for i := range 50_000 {
		contexts = append(contexts, from(fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255)))
	}
	var next atomic.Int64
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			set.UnaryRate(contexts[next.Add(1)%int64(len(contexts))], nil, info, nothing)
		}
	})
}
