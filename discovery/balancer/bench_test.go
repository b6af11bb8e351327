package balancer_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"google.golang.org/grpc"
	grpcbalancer "google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/leastrequest"
	"google.golang.org/grpc/balancer/roundrobin"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/serviceconfig"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/gctl-dev/gctl/discovery/balancer"
)

// stubChannel is a channel whose connections are all there at once.
type stubChannel struct {
	grpcbalancer.ClientConn

	pickers chan grpcbalancer.State
}

func (c *stubChannel) NewSubConn(_ []resolver.Address, o grpcbalancer.NewSubConnOptions) (grpcbalancer.SubConn, error) {
	return &stubConn{listener: o.StateListener}, nil
}

func (c *stubChannel) UpdateState(s grpcbalancer.State) { c.pickers <- s }

type stubConn struct {
	grpcbalancer.SubConn

	listener func(grpcbalancer.SubConnState)
}

func (c *stubConn) Connect() {
	go func() {
		c.listener(grpcbalancer.SubConnState{ConnectivityState: connectivity.Connecting})
		c.listener(grpcbalancer.SubConnState{ConnectivityState: connectivity.Ready})
	}()
}

func (c *stubConn) RegisterHealthListener(f func(grpcbalancer.SubConnState)) {
	go f(grpcbalancer.SubConnState{ConnectivityState: connectivity.Ready})
}

func (c *stubConn) Shutdown() {}

// GetOrBuildProducer gives no connection: a health check, which a machine that
// stands still may provoke, fails at once.
func (c *stubConn) GetOrBuildProducer(grpcbalancer.ProducerBuilder) (grpcbalancer.Producer, func()) {
	return nil, func() {}
}

// policies are the balancers that are compared, with their configurations.
func policies() []struct{ name, policy, config string } {
	own := func(p balancer.Policy) string { return fmt.Sprintf(`{"policy":%q}`, p) }
	return []struct{ name, policy, config string }{
		{"grpc-go's round_robin", roundrobin.Name, `{}`},
		{"grpc-go's least_request", leastrequest.Name, `{}`},
		{"round_robin with ejection", balancer.Name, own(balancer.RoundRobin)},
		{"least_request with ejection", balancer.Name, own(balancer.LeastRequest)},
	}
}

// build makes a balancer over n endpoints and returns it when all are connected,
// which its picker shows by not changing any more.
func build(b *testing.B, policy, config string, n int) (bal grpcbalancer.Balancer, p grpcbalancer.Picker) {
	b.Helper()
	builder := grpcbalancer.Get(policy)
	var cfg serviceconfig.LoadBalancingConfig
	if parser, ok := builder.(grpcbalancer.ConfigParser); ok {
		var err error
		if cfg, err = parser.ParseConfig(json.RawMessage(config)); err != nil {
			b.Fatal(err)
		}
	}
	c := &stubChannel{pickers: make(chan grpcbalancer.State, 10*n)}
	bal = builder.Build(c, grpcbalancer.BuildOptions{})
	var list []resolver.Endpoint
	for i := range n {
		list = append(list, resolver.Endpoint{Addresses: []resolver.Address{{Addr: fmt.Sprint("10.0.0.1:", i)}}})
	}
	if err := bal.UpdateClientConnState(grpcbalancer.ClientConnState{ResolverState: resolver.State{Endpoints: list}, BalancerConfig: cfg}); err != nil {
		b.Fatal(err)
	}
	for {
		select {
		case s := <-c.pickers:
			if s.ConnectivityState == connectivity.Ready {
				p = s.Picker
			}
		case <-time.After(500 * time.Millisecond):
			if p != nil {
				return bal, p
			}
		}
	}
}

// BenchmarkPick is what the balancer costs a call, beginning and end.
func BenchmarkPick(b *testing.B) {
	for _, c := range policies() {
		b.Run(c.name, func(b *testing.B) {
			bal, p := build(b, c.policy, c.config, 6)
			defer bal.Close()
			info := grpcbalancer.PickInfo{Ctx: context.Background(), FullMethodName: "/user.v1.UserService/GetUser"}
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					r, err := p.Pick(info)
					if err != nil {
						b.Error(err)
						return
					}
					if r.Done != nil {
						r.Done(grpcbalancer.DoneInfo{BytesSent: true})
					}
				}
			})
		})
	}
}

// BenchmarkCall is a whole call over loopback.
func BenchmarkCall(b *testing.B) {
	for _, c := range policies() {
		b.Run(c.name, func(b *testing.B) {
			backends := six(b)
			conn := plain(b, fmt.Sprintf(`{"loadBalancingConfig":[{%q:%s}]}`, c.policy, c.config), backends...)
			for range 100 {
				if err := conn.Invoke(b.Context(), "/test.Test/Get", &emptypb.Empty{}, &emptypb.Empty{}, grpc.WaitForReady(true)); err != nil {
					b.Fatal(err)
				}
			}
			b.SetParallelism(16)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := conn.Invoke(context.Background(), "/test.Test/Get", &emptypb.Empty{}, &emptypb.Empty{}); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}
