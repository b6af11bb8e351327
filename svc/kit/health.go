package kit

import (
	"context"
	"sync/atomic"
	"time"

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

// lastWord is how long a watch may take to say that the server does not serve any
// more before it ends.
const lastWord = time.Second

func (h healthServer) Watch(request *healthpb.HealthCheckRequest, stream healthpb.Health_WatchServer) error {
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	watch := &watchStream{ServerStreamingServer: stream, ctx: ctx, sent: make(chan struct{}, 1)}
	go func() {
		select {
		case <-h.stopping:
			watch.awaitLastWord()
			cancel()
		case <-ctx.Done():
		}
	}()
	return h.Server.Watch(request, watch)
}

type watchStream struct {
	grpc.ServerStreamingServer[healthpb.HealthCheckResponse]

	ctx     context.Context //nolint:containedctx // a stream carries its context
	serving atomic.Bool     // what was sent last
	sent    chan struct{}   // told of each message
}

func (s *watchStream) Context() context.Context { return s.ctx }

func (s *watchStream) Send(r *healthpb.HealthCheckResponse) error {
	err := s.ServerStreamingServer.Send(r)
	s.serving.Store(r.GetStatus() == healthpb.HealthCheckResponse_SERVING)
	select {
	case s.sent <- struct{}{}:
	default:
	}
	return err
}

// awaitLastWord waits until the client has been sent that the server does not
// serve. A client that does not read holds up nobody for long.
func (s *watchStream) awaitLastWord() {
	limit := time.NewTimer(lastWord)
	defer limit.Stop()
	for s.serving.Load() {
		select {
		case <-s.sent:
		case <-s.ctx.Done():
			return
		case <-limit.C:
			return
		}
	}
}
