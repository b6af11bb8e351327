package control

import (
	"context"
	"errors"
	"testing"
	"time"

	"google.golang.org/grpc"

	controlv1 "github.com/gctl-dev/gctl/api/gctl/control/v1"
	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/testkit"
	"github.com/gctl-dev/gctl/rpc"
)

// stopped is a process that can be stopped and goes on: its connections stay.
type stopped struct {
	controlv1.UnimplementedControlServiceServer

	runs chan chan struct{} // of one: closed while the process runs
}

func (s stopped) wait(ctx context.Context) error {
	runs := <-s.runs
	s.runs <- runs
	select {
	case <-runs:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s stopped) ListBreakers(ctx context.Context, _ *controlv1.ListBreakersRequest) (*controlv1.ListBreakersResponse, error) {
	return &controlv1.ListBreakersResponse{}, s.wait(ctx)
}

func (s stopped) WatchBreakers(_ *controlv1.WatchBreakersRequest, stream grpc.ServerStreamingServer[controlv1.WatchBreakersResponse]) error {
	if err := s.wait(stream.Context()); err != nil {
		return err
	}
	if err := stream.Send(&controlv1.WatchBreakersResponse{Breakers: []*controlv1.Breaker{{Name: "b"}}}); err != nil {
		return err
	}
	<-stream.Context().Done()
	return nil
}

func TestAProcessThatStandsStillIsNotWatched(t *testing.T) {
	running := make(chan struct{})
	close(running)
	api := stopped{runs: make(chan chan struct{}, 1)}
	api.runs <- running
	server, listener := grpc.NewServer(), testkit.Listen(t)
	controlv1.RegisterControlServiceServer(server, api)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	defer func() { server.Stop(); <-done }()
	yes := true
	s := New(Options{Service: Way{RPC: rpc.Options{Plaintext: &yes}}})
	s.askEvery, s.patience = 20*time.Millisecond, 100*time.Millisecond
	c, err := s.Controller(t.Context(), fleet.Instance{ID: "odd-1", Addr: listener.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var frozen chan struct{}
	silent := false
	err = c.WatchBreakers(ctx, "", func(u fleet.BreakerUpdate) {
		switch {
		case u.Err != nil:
			silent = silent || errors.Is(u.Err, errSilent)
			if frozen != nil { // it goes on
				close(frozen)
				frozen = nil
			}
		case silent:
			cancel()
		case frozen == nil:
			frozen = make(chan struct{})
			<-api.runs
			api.runs <- frozen
		}
	})
	if !silent || !errors.Is(err, context.Canceled) {
		t.Errorf("it was told that it is silent: %v, %v; want that, and that it came back", silent, err)
	}
}
