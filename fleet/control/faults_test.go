package control_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	controlv1 "github.com/gctl-dev/gctl/api/gctl/control/v1"
	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/control"
	"github.com/gctl-dev/gctl/fleet/fleettest"
	"github.com/gctl-dev/gctl/internal/testkit"
)

// odd is a control API that does what a test wants.
type odd struct {
	controlv1.UnimplementedControlServiceServer

	list  func(context.Context) (*controlv1.ListBreakersResponse, error)
	watch func(grpc.ServerStreamingServer[controlv1.WatchBreakersResponse]) error
	drain func(grpc.ServerStreamingServer[controlv1.DrainResponse]) error
}

func (o odd) ListBreakers(ctx context.Context, _ *controlv1.ListBreakersRequest) (*controlv1.ListBreakersResponse, error) {
	return o.list(ctx)
}

func (o odd) WatchBreakers(_ *controlv1.WatchBreakersRequest, stream grpc.ServerStreamingServer[controlv1.WatchBreakersResponse]) error {
	return o.watch(stream)
}

func (o odd) Drain(_ *controlv1.DrainRequest, stream grpc.ServerStreamingServer[controlv1.DrainResponse]) error {
	return o.drain(stream)
}

func (o odd) start(t *testing.T) fleet.Controller {
	t.Helper()
	listener := testkit.Listen(t)
	server := grpc.NewServer()
	controlv1.RegisterControlServiceServer(server, o)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() { server.Stop(); <-done })
	return at(t, listener.Addr().String())
}

func at(t *testing.T, addr string) fleet.Controller {
	t.Helper()
	c, err := control.New(plaintext()).Controller(t.Context(), fleet.Instance{ID: "odd-1", Addr: addr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestEveryFault(t *testing.T) {
	fleettest.GRPCFaults(t, func(t *testing.T, addr string) map[string]error {
		c, err := control.New(plaintext()).Controller(t.Context(), fleet.Instance{ID: addr, Addr: addr})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		_, breakers := c.Breakers(fleettest.InTime(t), "")
		_, limits := c.Limits(fleettest.InTime(t))
		_, changes := c.Changes(fleettest.InTime(t))
		_, level := c.Level(fleettest.InTime(t))
		_, apply := c.Apply(fleettest.InTime(t), fleet.Wish{Resource: fleet.ResourceLevel, Level: "debug", Mutation: fleet.Mutation{Reason: "x", ETag: "*"}})
		return map[string]error{"breakers": breakers, "limits": limits, "changes": changes, "level": level, "apply": apply}
	})
}

func TestAnAPIThatFailsIsExplained(t *testing.T) {
	for want, list := range map[string]func(context.Context) (*controlv1.ListBreakersResponse, error){
		"PERMISSION_DENIED: not you; admin: {tls": func(context.Context) (*controlv1.ListBreakersResponse, error) {
			return nil, status.Error(codes.PermissionDenied, "not you")
		},
		"INTERNAL: ouch": func(context.Context) (*controlv1.ListBreakersResponse, error) {
			return nil, status.Error(codes.Internal, "ouch")
		},
		"larger than max": func(context.Context) (*controlv1.ListBreakersResponse, error) {
			return &controlv1.ListBreakersResponse{Breakers: []*controlv1.Breaker{{LastError: strings.Repeat("x", 5<<20)}}}, nil
		},
		"no answer in time": func(ctx context.Context) (*controlv1.ListBreakersResponse, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		_, err := odd{list: list}.start(t).Breakers(ctx, "")
		cancel()
		var e *fleet.Error
		if !errors.As(err, &e) || e.Instance != "odd-1" || e.What != "list the breakers" {
			t.Errorf("%#v", err)
			continue
		}
		text, hint, _ := strings.Cut(want, "; ")
		if !strings.Contains(e.Error(), text) || !strings.Contains(e.Hint, hint) {
			t.Errorf("%v (%s), want %q", e, e.Hint, want)
		}
	}
}

func TestWhatIsNoControlAPIAtAll(t *testing.T) {
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }))
	t.Cleanup(page.Close)
	if _, err := at(t, page.Listener.Addr().String()).Changes(t.Context()); err == nil || errors.Is(err, fleet.ErrNoControl) {
		t.Errorf("a web page: %v", err)
	}
	_, err := odd{}.start(t).Limits(t.Context())
	if !errors.Is(err, fleet.ErrNoControl) {
		t.Errorf("a method that is not served: %v", err)
	}
}

// A stream that skips a number, one that ends, and one that tells of ever more
// breakers are opened again; what was known is told at once.
func TestAWatchThatIsLostBeginsAnew(t *testing.T) {
	streams := 0
	c := odd{watch: func(stream grpc.ServerStreamingServer[controlv1.WatchBreakersResponse]) error {
		streams++
		one := []*controlv1.Breaker{{Name: fmt.Sprintf("from/%d", streams), State: controlv1.BreakerState(77)}}
		if err := stream.Send(&controlv1.WatchBreakersResponse{Breakers: one}); err != nil {
			return err
		}
		switch streams {
		case 1:
			return stream.Send(&controlv1.WatchBreakersResponse{Sequence: 2})
		case 2:
			return nil
		case 3:
			many := make([]*controlv1.Breaker, 10_001)
			for i := range many {
				many[i] = &controlv1.Breaker{Name: fmt.Sprint(i)}
			}
			return stream.Send(&controlv1.WatchBreakersResponse{Sequence: 1, Breakers: many})
		default:
			<-stream.Context().Done()
			return nil
		}
	}}.start(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var told []string
	err := c.WatchBreakers(ctx, "", func(u fleet.BreakerUpdate) {
		if u.Err != nil {
			told = append(told, u.Err.Error())
			return
		}
		b := u.Breakers[0]
		told = append(told, b.Name)
		if b.State != fleet.BreakerUnknown || b.Raw != "77" || len(u.Breakers) != 1 {
			t.Errorf("%+v", u.Breakers)
		}
		if b.Name == "from/4" {
			cancel()
		}
	})
	want := "from/1|from/2|watch the breakers (instance odd-1): the instance ended the stream|" +
		"from/3|watch the breakers (instance odd-1): it tells of more than 10000|from/4"
	if got := strings.Join(told, "|"); got != want || !errors.Is(err, context.Canceled) {
		t.Errorf("%s, %v", got, err)
	}
}

func TestADrainWhoseProgressIsLostGoesOn(t *testing.T) {
	for want, drain := range map[string]func(grpc.ServerStreamingServer[controlv1.DrainResponse]) error{
		`the progress was lost after "deregistered"`: func(stream grpc.ServerStreamingServer[controlv1.DrainResponse]) error {
			return errors.Join(stream.Send(&controlv1.DrainResponse{Step: controlv1.DrainStep_DRAIN_STEP_DEREGISTERED}), errors.New("cut"))
		},
		"drain (instance odd-1): UNAVAILABLE: not now": func(grpc.ServerStreamingServer[controlv1.DrainResponse]) error {
			return status.Error(codes.Unavailable, "not now")
		},
	} {
		err := odd{drain: drain}.start(t).Drain(t.Context(), 0, fleet.Mutation{Reason: "x", ETag: "*"}, func(fleet.DrainProgress) {})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
