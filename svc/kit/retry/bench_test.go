package retry_test

import (
	"context"
	"net"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/gctl-dev/gctl/svc/kit/breaker"
	"github.com/gctl-dev/gctl/svc/kit/deadline"
	"github.com/gctl-dev/gctl/svc/kit/retry"
	userv1 "github.com/gctl-dev/gctl/svc/user/api"
)

// chain puts interceptors one around the other, as grpc.WithChainUnaryInterceptor
// does.
func chain(all ...grpc.UnaryClientInterceptor) grpc.UnaryInvoker {
	next := func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error { return nil }
	for _, interceptor := range slices.Backward(all) {
		below := next
		next = func(ctx context.Context, method string, request, reply any, cc *grpc.ClientConn, opts ...grpc.CallOption) error {
			return interceptor(ctx, method, request, reply, cc, below, opts...)
		}
	}
	return next
}

// BenchmarkInterceptors measures what the interceptors add to a call, from one
// goroutine and from all cores at once.
func BenchmarkInterceptors(b *testing.B) {
	breakers := breaker.New(breaker.Options{}).UnaryClientInterceptor("user")
	retries := retry.New("user", retry.Options{}).UnaryClientInterceptor()
	deadlines := deadline.UnaryClientInterceptor(deadline.Options{})
	for _, bench := range []struct {
		name string
		call grpc.UnaryInvoker
	}{
		{"none", chain()},
		{"breaker", chain(breakers)},
		{"retry+breaker", chain(retries, breakers)},
		{"deadline+retry+breaker", chain(deadlines, retries, breakers)},
	} {
		ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
		defer cancel()
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = bench.call(ctx, get, nil, nil, nil)
			}
		})
		b.Run(bench.name+"/parallel", func(b *testing.B) {
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					_ = bench.call(ctx, get, nil, nil, nil)
				}
			})
		})
	}
}

// BenchmarkLoopback measures what the chain of a client costs of a whole call to
// a server of this process.
func BenchmarkLoopback(b *testing.B) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := grpc.NewServer()
	userv1.RegisterUserServiceServer(server, &users{get: func(context.Context) error { return nil }})
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	defer func() {
		server.Stop()
		<-done
	}()
	breakers, retrier := breaker.New(breaker.Options{}), retry.New("user", retry.Options{})
	for name, interceptors := range map[string][]grpc.UnaryClientInterceptor{
		"none":    nil,
		"breaker": {breakers.UnaryClientInterceptor("user")},
		"chain":   {deadline.UnaryClientInterceptor(deadline.Options{}), retrier.UnaryClientInterceptor(), breakers.UnaryClientInterceptor("user")},
	} {
		b.Run(name, func(b *testing.B) {
			conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithChainUnaryInterceptor(interceptors...))
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			client := userv1.NewUserServiceClient(conn)
			b.SetParallelism(16)
			b.RunParallel(func(pb *testing.PB) {
				ctx, cancel := context.WithTimeout(b.Context(), time.Hour)
				defer cancel()
				for pb.Next() {
					if _, err := client.GetUser(ctx, &userv1.GetUserRequest{Id: "u-1"}); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}
