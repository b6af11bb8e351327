package control

import (
	"context"
	"testing"
	"time"

	"google.golang.org/grpc"

	controlv1 "github.com/gctl-dev/gctl/api/gctl/control/v1"
	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/testkit"
	"github.com/gctl-dev/gctl/rpc"
)

// counting is an API whose stream tells a state, and whose list counts on.
type counting struct {
	controlv1.UnimplementedControlServiceServer

	asked chan int64 // of one: how often it was
}

func (c counting) ListBreakers(context.Context, *controlv1.ListBreakersRequest) (*controlv1.ListBreakersResponse, error) {
	n := <-c.asked + 1
	c.asked <- n
	return &controlv1.ListBreakersResponse{Breakers: []*controlv1.Breaker{
		// The state in a list is as old as the list: the stream has the last word.
		{Name: "b", State: controlv1.BreakerState_BREAKER_STATE_CLOSED, Counts: &controlv1.BreakerCounts{Requests: n / 2}},
		{Name: "unknown to the stream", Counts: &controlv1.BreakerCounts{Requests: n}},
	}}, nil
}

func (counting) WatchBreakers(_ *controlv1.WatchBreakersRequest, stream grpc.ServerStreamingServer[controlv1.WatchBreakersResponse]) error {
	err := stream.Send(&controlv1.WatchBreakersResponse{Breakers: []*controlv1.Breaker{{Name: "b", State: controlv1.BreakerState_BREAKER_STATE_OPEN}}})
	<-stream.Context().Done()
	return err
}

// What breakers have counted is no change of which a stream tells; who watches gets
// it all the same, and is told only what is new.
func TestAWatchKnowsWhatBreakersHaveCounted(t *testing.T) {
	api := counting{asked: make(chan int64, 1)}
	api.asked <- 0
	server, listener := grpc.NewServer(), testkit.Listen(t)
	controlv1.RegisterControlServiceServer(server, api)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	defer func() { server.Stop(); <-done }()
	yes := true
	s := New(Options{Service: Way{RPC: rpc.Options{Plaintext: &yes}}})
	s.askEvery, s.patience = 5*time.Millisecond, 20*time.Second
	c, err := s.Controller(t.Context(), fleet.Instance{ID: "odd-1", Addr: listener.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	told := int64(0)
	_ = c.WatchBreakers(ctx, "", func(u fleet.BreakerUpdate) {
		if u.Err != nil || len(u.Breakers) != 1 || u.Breakers[0].State != fleet.BreakerOpen || u.Breakers[0].Counts.Requests != told {
			t.Errorf("the %d. word is %+v", told, u)
		}
		if told++; told > 3 {
			cancel()
		}
	})
	if told != 4 {
		t.Errorf("told %d times, want the present and each new count", told)
	}
}
