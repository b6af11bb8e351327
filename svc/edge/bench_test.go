package edge_test

import (
	"context"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/gctl-dev/gctl/svc/edge"
	userv1 "github.com/gctl-dev/gctl/svc/user/api"
)

// BenchmarkGetUser shows what a hop over the edge costs beside the call itself.
func BenchmarkGetUser(b *testing.B) {
	_, addr := newStub(b)
	w := newWorld(b, addr, func(o *edge.Options) { o.Log = jsonLog(discard{}) })
	overHTTP, err := grpc.NewClient(w.http, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { overHTTP.Close() })
	native := newNative(b, w.edge, nil)
	ways := map[string]func(context.Context, *userv1.GetUserRequest) error{}
	for name, conn := range map[string]*grpc.ClientConn{"direct": w.conn, "gRPC": native, "gRPC over the HTTP server": overHTTP} {
		users := userv1.NewUserServiceClient(conn)
		ways[name] = func(ctx context.Context, r *userv1.GetUserRequest) error {
			_, err := users.GetUser(ctx, r)
			return err
		}
	}
	for _, p := range protocols() {
		if p.name != "connect over HTTP 2" && p.name != "connect JSON over HTTP 2" && p.name != "gRPC-Web over HTTP 2" {
			continue
		}
		c := getUser(b, w, p)
		ways[p.name] = func(ctx context.Context, r *userv1.GetUserRequest) error {
			_, err := c.CallUnary(ctx, connect.NewRequest(r))
			return err
		}
	}
	for name, call := range ways {
		b.Run(name, func(b *testing.B) {
			b.SetParallelism(8)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := call(b.Context(), &userv1.GetUserRequest{Id: "u-1"}); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
