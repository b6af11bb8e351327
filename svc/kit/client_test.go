package kit_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/gctl-dev/gctl/internal/stack"
	"github.com/gctl-dev/gctl/svc/kit"
	"github.com/gctl-dev/gctl/svc/kit/breaker"
	hellov1 "github.com/gctl-dev/gctl/svc/kit/example/hello/api"
	"github.com/gctl-dev/gctl/svc/kit/telemetry"
)

// hop is what arrives at the second of two servers.
type hop struct {
	requestID, traceparent string
	left                   time.Duration
}

// startBack runs the second server.
func startBack(t *testing.T, config kit.Config, say func(ctx context.Context, name string) error) *running {
	t.Helper()
	return start(t, kit.Options{Config: config, Service: "back"}, func(s *kit.Server) {
		hellov1.RegisterHelloServiceServer(s, greeter{say: say})
		s.RegisterService(odd(func(ctx context.Context) error { return say(ctx, "odd") }), struct{}{})
	})
}

// startFront runs the first one, which passes calls on to the target, and returns
// a connection of its own to the target too.
func startFront(t *testing.T, config kit.Config, target kit.Target) (front *running, back *grpc.ClientConn) {
	t.Helper()
	front = start(t, kit.Options{Config: config, Service: "front"}, func(s *kit.Server) {
		var err error
		if back, err = s.Dial(target); err != nil {
			t.Fatal(err)
		}
		hellov1.RegisterHelloServiceServer(s, greeter{say: func(ctx context.Context, name string) error {
			_, err := hellov1.NewHelloServiceClient(back).Say(ctx, &hellov1.SayRequest{Name: name})
			return err
		}})
	})
	return front, back
}

func TestTheSecondHopKnowsTheFirst(t *testing.T) {
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	agent := stack.ConsulFor(t, stack.ConsulOptions{})
	for name, catalog := range map[string]string{"by addresses": "", "by the catalog": agent.Addr} {
		t.Run(name, func(t *testing.T) {
			hops := make(chan hop, 1)
			back := startBack(t, kit.Config{Plaintext: true, Consul: catalog}, func(ctx context.Context, _ string) error {
				deadline, _ := ctx.Deadline()
				md, _ := metadata.FromIncomingContext(ctx)
				hops <- hop{requestID: telemetry.RequestID(ctx), traceparent: strings.Join(md["traceparent"], ","), left: time.Until(deadline)}
				return nil
			})
			target := kit.Target{Service: "back"}
			if catalog == "" {
				target.Addrs = []string{back.Addr()}
			}
			front, own := startFront(t, kit.Config{Plaintext: true, Consul: catalog}, target)
			if err := own.Invoke(within(t), oddCall, &emptypb.Empty{}, &emptypb.Empty{}, grpc.WaitForReady(true)); err != nil {
				t.Fatal(err)
			}
			if alone := <-hops; alone.left <= 0 || alone.left > patience {
				t.Errorf("a call of its own has %v", alone.left)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second)
			defer cancel()
			ctx = metadata.AppendToOutgoingContext(ctx, "x-request-id", "request-1", "traceparent", "00-"+trace+"-00f067aa0ba902b7-01")
			if _, err := hellov1.NewHelloServiceClient(front.dial(t)).Say(ctx, &hellov1.SayRequest{Name: "x"}); err != nil {
				t.Fatal(err)
			}
			got := <-hops
			if got.requestID != "request-1" || !strings.HasPrefix(got.traceparent, "00-"+trace+"-") {
				t.Errorf("the second hop has %+v", got)
			}
			if deadline, _ := ctx.Deadline(); got.left <= 0 || got.left > time.Until(deadline)+patience || got.left > 7*time.Second-5*time.Millisecond {
				t.Errorf("%v are left at the second hop of 7 s", got.left)
			}
		})
	}
}

func TestADeadlineEndsBothHops(t *testing.T) {
	ended := make(chan error, 1)
	back := startBack(t, kit.Config{Plaintext: true}, func(ctx context.Context, _ string) error {
		<-ctx.Done()
		ended <- ctx.Err()
		return status.FromContextError(ctx.Err()).Err()
	})
	front, _ := startFront(t, kit.Config{Plaintext: true}, kit.Target{Service: "back", Addrs: []string{back.Addr()}})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := hellov1.NewHelloServiceClient(front.dial(t)).Say(ctx, &hellov1.SayRequest{Name: "x"})
	if status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("error = %v", err)
	}
	select {
	case <-ended:
	case <-time.After(patience):
		t.Error("the second hop works on for nobody")
	}
}

func TestOnlyIdempotentCallsAreRepeated(t *testing.T) {
	var attempts atomic.Int64
	back := startBack(t, kit.Config{Plaintext: true}, func(context.Context, string) error {
		if attempts.Add(1)%2 == 1 {
			return status.Error(codes.Unavailable, "not this time")
		}
		return nil
	})
	_, own := startFront(t, kit.Config{Plaintext: true}, kit.Target{Service: "back", Addrs: []string{back.Addr()}})
	if err := say(t, own, "x"); err != nil || attempts.Load() != 2 {
		t.Errorf("without side effects: %v after %d attempts, want a second", err, attempts.Load())
	}
	if err := call(t, own); status.Code(err) != codes.Unavailable || attempts.Load() != 3 {
		t.Errorf("with side effects: %v after %d attempts, want one", err, attempts.Load()-2)
	}
}

// fleet is some instances of which each can be made to fail.
type fleet struct {
	addrs  []string
	broken []*atomic.Bool
	calls  []*atomic.Int64
}

func startFleet(t *testing.T, n int) *fleet {
	t.Helper()
	f := &fleet{}
	for range n {
		broken, calls := new(atomic.Bool), new(atomic.Int64)
		s := startBack(t, kit.Config{Plaintext: true}, func(context.Context, string) error {
			calls.Add(1)
			if broken.Load() {
				return status.Error(codes.Internal, "broken")
			}
			return nil
		})
		f.addrs, f.broken, f.calls = append(f.addrs, s.Addr()), append(f.broken, broken), append(f.calls, calls)
	}
	return f
}

func stateOf(s *kit.Server, name string) (breaker.Status, bool) {
	for _, b := range s.Breakers().Status() {
		if b.Name == name {
			return b, true
		}
	}
	return breaker.Status{}, false
}

func TestABreakerOpensWhereAllInstancesFail(t *testing.T) {
	f := startFleet(t, 3)
	front, own := startFront(t, kit.Config{Plaintext: true, MetricsListen: "127.0.0.1:0"}, kit.Target{Service: "back", Addrs: f.addrs})
	if err := call(t, own); err != nil {
		t.Fatal(err)
	}
	for _, b := range f.broken {
		b.Store(true)
	}
	since := time.Now()
	until(t, "the breaker is open", func() bool {
		_ = call(t, own)
		now, ok := stateOf(front.Server, "back/default")
		return ok && now.State == breaker.Open
	})
	if took := time.Since(since); took > 5*time.Second { // a second on a machine of one's own
		t.Errorf("that took %v", took)
	}
	if err := call(t, own); !breaker.Rejected(err) || status.Code(err) != codes.Unavailable {
		t.Errorf("a call at the open breaker: %v", err)
	}
	front.metric(t, "gobreaker__state", "1", `name="back/default"`, `state="open"`)
	front.metric(t, "gobreaker__trips_total", "1", `name="back/default"`)
	if lines := front.log.lines(t, "breaker", "breaker", "back/default", "state", "open"); len(lines) != 1 {
		t.Errorf("%d lines about the breaker: %s", len(lines), front.log)
	}
}

func TestOneInstanceThatFailsIsEjectedAndNoBreakerOpens(t *testing.T) {
	f := startFleet(t, 3)
	front, own := startFront(t, kit.Config{Plaintext: true, MetricsListen: "127.0.0.1:0"}, kit.Target{Service: "back", Addrs: f.addrs})
	until(t, "all instances are called", func() bool {
		if err := call(t, own); err != nil {
			t.Fatal(err)
		}
		return f.calls[0].Load() > 0 && f.calls[1].Load() > 0 && f.calls[2].Load() > 0
	})
	f.broken[1].Store(true)
	var ejections []map[string]any
	until(t, "the instance is ejected", func() bool {
		_ = call(t, own)
		ejections = front.log.lines(t, "instance ejected", "target", "back", "endpoint_address", f.addrs[1])
		return len(ejections) > 0
	})
	end, err := time.Parse(time.RFC3339Nano, fmt.Sprint(ejections[0]["until"]))
	if err != nil {
		t.Fatal(err)
	}
	for range 200 {
		before := f.calls[1].Load()
		err := call(t, own)
		if time.Now().After(end) { // it may have been its trial
			break
		}
		if n := f.calls[1].Load() - before; err != nil || n > 0 {
			t.Errorf("behind the ejection: %v; the ejected instance got %d calls", err, n)
		}
	}
	if now, ok := stateOf(front.Server, "back/default"); !ok || now.State != breaker.Closed || now.Trips != 0 {
		t.Errorf("the breaker is %+v", now)
	}
	for i, addr := range f.addrs {
		front.metric(t, "grpc_client_instance_attempt_duration_seconds_count", strconv.FormatInt(f.calls[i].Load(), 10),
			`grpc_target="back"`, `grpc_target_instance="`+addr+`"`)
	}
}

func TestDialSaysWhatIsMissing(t *testing.T) {
	start(t, kit.Options{Config: kit.Config{Plaintext: true}}, func(s *kit.Server) {
		if _, err := s.Dial(kit.Target{Service: "back"}); err == nil || !strings.Contains(err.Error(), "--consul") {
			t.Errorf("without a catalog: %v", err)
		}
		target := kit.Target{Service: "back", Addrs: []string{s.Addr()}}
		if _, err := s.Dial(target); err != nil {
			t.Error(err)
		}
		if _, err := s.Dial(target); err == nil || !strings.Contains(err.Error(), "a second connection to back") {
			t.Errorf("a second connection: %v", err)
		}
	})
}
