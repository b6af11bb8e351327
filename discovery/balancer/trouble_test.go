package balancer_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gctl-dev/gctl/discovery/balancer"
)

// BenchmarkTrouble is what a caller of six instances sees at 500 calls a second,
// with a deadline of a second each, when one of them gets into trouble: the share
// of failures in the first three seconds and in the five after them.
func BenchmarkTrouble(b *testing.B) {
	for _, policy := range []balancer.Policy{balancer.LeastRequest, balancer.RoundRobin} {
		for _, c := range []struct {
			name    string
			trouble func(*backend)
		}{
			{"fails", func(x *backend) { x.do(broken) }},
			{"fails a tenth", func(x *backend) {
				var n atomic.Int64
				x.do(func(ctx context.Context) error {
					if n.Add(1)%10 == 0 {
						return broken(ctx)
					}
					return nil
				})
			}},
			{"slow", func(x *backend) {
				x.do(func(ctx context.Context) error {
					select {
					case <-time.After(300 * time.Millisecond):
						return nil
					case <-ctx.Done():
						return status.FromContextError(ctx.Err()).Err()
					}
				})
			}},
			{"too slow", func(x *backend) { x.do(blocked) }},
			{"stopped", func(x *backend) { x.listener.set(true) }},
		} {
			b.Run(fmt.Sprint(policy, " ", c.name), func(b *testing.B) {
				for b.Loop() {
					backends := six(b)
					conn := dial(b, balancer.Config{Policy: policy}, backends...)
					conn.steady(b.Context(), 2*time.Second)
					c.trouble(backends[3])
					first := conn.steady(b.Context(), 3*time.Second)
					after := conn.steady(b.Context(), 5*time.Second)
					b.ReportMetric(first, "%failed/first3s")
					b.ReportMetric(after, "%failed/after3s")
				}
			})
		}
	}
}

// steady makes 500 calls a second for a while, and returns how many of a hundred
// failed.
func (c *client) steady(ctx context.Context, d time.Duration) (percent float64) {
	var group sync.WaitGroup
	var failed atomic.Int64
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	all := 0
	for end := time.Now().Add(d); time.Now().Before(end); all++ {
		<-ticker.C
		group.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			if _, err := c.get(ctx); status.Code(err) != codes.OK {
				failed.Add(1)
			}
		})
	}
	group.Wait()
	return 100 * float64(failed.Load()) / float64(all)
}
