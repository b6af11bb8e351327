package control

import (
	"context"
	"strconv"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	controlv1 "github.com/gctl-dev/gctl/api/gctl/control/v1"
	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/testkit"
	"github.com/gctl-dev/gctl/rpc"
)

// guarded wants one token.
type guarded struct {
	controlv1.UnimplementedControlServiceServer

	token chan string // of one, the present one
}

func (g guarded) ListBreakers(ctx context.Context, _ *controlv1.ListBreakersRequest) (*controlv1.ListBreakersResponse, error) {
	want := <-g.token
	g.token <- want
	if md, _ := metadata.FromIncomingContext(ctx); len(md.Get("token")) != 1 || md.Get("token")[0] != want {
		return nil, status.Error(codes.Unauthenticated, "who are you?")
	}
	return &controlv1.ListBreakersResponse{}, nil
}

func TestATokenThatRanOutIsAskedForAgain(t *testing.T) {
	g := guarded{token: make(chan string, 1)}
	g.token <- "1"
	server, listener := grpc.NewServer(), testkit.Listen(t)
	controlv1.RegisterControlServiceServer(server, g)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	defer func() { server.Stop(); <-done }()

	asked, yes, now := 0, true, time.Now()
	s := New(Options{Service: Way{RPC: rpc.Options{Plaintext: &yes}, Headers: func(context.Context) (metadata.MD, error) {
		asked++
		return metadata.Pairs("token", strconv.Itoa(asked)), nil
	}}})
	s.service.headers.Now = func() time.Time { return now }
	c, err := s.Controller(t.Context(), fleet.Instance{ID: "odd-1", Addr: listener.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	list := func() error { _, err := c.Breakers(t.Context(), ""); return err }
	if err := list(); err != nil {
		t.Fatal(err)
	}
	<-g.token
	g.token <- "2"
	now = now.Add(time.Minute)
	if err := list(); err == nil {
		t.Error("the old one was accepted")
	}
	if err := list(); err != nil {
		t.Error(err)
	}
}
