package balancer

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// access is a Producer that gives the connection of a SubConn away: the only way to
// send a call over a certain one.
type access struct{}

// Build implements balancer.ProducerBuilder.
func (access) Build(cc any) (balancer.Producer, func()) { return cc, func() {} }

// alive asks a server over its connection whether it is well. Any answer is one,
// also that it has no health service or does not let us in; only NOT_SERVING is
// not what a caller wants.
func alive(ctx context.Context, sc balancer.SubConn) bool {
	producer, release := sc.GetOrBuildProducer(access{})
	defer release()
	cc, ok := producer.(grpc.ClientConnInterface)
	if !ok {
		return false
	}
	answer, err := healthpb.NewHealthClient(cc).Check(ctx, &healthpb.HealthCheckRequest{})
	switch status.Code(err) {
	case codes.OK:
		return answer.GetStatus() != healthpb.HealthCheckResponse_NOT_SERVING
	case codes.DeadlineExceeded, codes.Canceled, codes.Unavailable:
		return false
	default:
		return true
	}
}
