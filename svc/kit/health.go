package kit

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// healthServer ends its watches when the server stops. Clients hold them open
// for as long as they are connected, and a graceful stop waits for every
// stream.
type healthServer struct {
	*health.Server

	stopping <-chan struct{}
}

func (h healthServer) Watch(request *healthpb.HealthCheckRequest, stream healthpb.Health_WatchServer) error {
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-h.stopping:
			cancel()
		case <-stop:
		}
	}()
	return h.Server.Watch(request, watchStream{stream, ctx})
}

type watchStream struct {
	grpc.ServerStreamingServer[healthpb.HealthCheckResponse]

	ctx context.Context //nolint:containedctx // a stream carries its context
}

func (s watchStream) Context() context.Context { return s.ctx }
