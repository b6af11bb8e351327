package kit_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gctl-dev/gctl/discovery/balancer"
	"github.com/gctl-dev/gctl/internal/stack"
	"github.com/gctl-dev/gctl/svc/kit"
	hellov1 "github.com/gctl-dev/gctl/svc/kit/example/hello/api"
)

// series returns the lines of the metrics about instances.
func (r *running) series(t *testing.T) map[string]bool {
	t.Helper()
	_, page := r.get(t, "/metrics")
	found := map[string]bool{}
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "kit_client_instance") || strings.HasPrefix(line, "kit_client_ejections") {
			found[strings.TrimSpace(line)] = true
		}
	}
	return found
}

// shows waits until all these lines are in the metrics at once. In between it calls.
func (r *running) shows(t *testing.T, call func(), want ...string) {
	t.Helper()
	until(t, "the metrics have "+strings.Join(want, " and "), func() bool {
		call()
		got := r.series(t)
		for _, line := range want {
			if !got[line] {
				return false
			}
		}
		return true
	})
}

func serving(n int) string {
	return fmt.Sprintf(`kit_client_instances{state="serving",target="back"} %d`, n)
}

func ejected(addr string, is int) string {
	return fmt.Sprintf(`kit_client_instance_ejected{target="back",target_instance=%q} %d`, addr, is)
}

func TestMetricsSayWhichInstanceIsEjected(t *testing.T) {
	f := startFleet(t, 3)
	front, own := startFront(t, kit.Config{Plaintext: true, MetricsListen: "127.0.0.1:0"}, kit.Target{Service: "back", Addrs: f.addrs})
	some := func() { _ = call(t, own) }
	front.shows(t, some, serving(3), ejected(f.addrs[0], 0), ejected(f.addrs[1], 0), ejected(f.addrs[2], 0),
		`kit_client_instances{state="ejected",target="back"} 0`, `kit_client_ejections_total{reason="failures",target="back"} 0`)
	f.broken[1].Store(true)
	front.shows(t, some, serving(2), ejected(f.addrs[0], 0), ejected(f.addrs[1], 1), ejected(f.addrs[2], 0),
		`kit_client_instances{state="ejected",target="back"} 1`)
	if got := front.series(t); got[`kit_client_ejections_total{reason="failures",target="back"} 0`] || len(got) != 4+3+3 {
		t.Errorf("the metrics are %v", got)
	}
}

// A caller of the first hop gives up; the second hop only sees its cancellation.
func TestASlowInstanceIsEjectedThoughItsCallersGiveUp(t *testing.T) {
	var addrs []string
	var slow atomic.Bool
	for i := range 6 {
		back := startBack(t, kit.Config{Plaintext: true}, func(ctx context.Context, _ string) error {
			if i == 3 && slow.Load() {
				<-ctx.Done()
			}
			return status.FromContextError(ctx.Err()).Err()
		})
		addrs = append(addrs, back.Addr())
	}
	front, _ := startFront(t, kit.Config{Plaintext: true, MetricsListen: "127.0.0.1:0"}, kit.Target{Service: "back", Addrs: addrs})
	api := hellov1.NewHelloServiceClient(front.dial(t))
	one := func() {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		timer := time.AfterFunc(200*time.Millisecond, cancel)
		defer timer.Stop()
		_, err := api.Say(ctx, &hellov1.SayRequest{Name: "x"})
		if code := status.Code(err); code != codes.OK && code != codes.Canceled {
			t.Fatal(err)
		}
	}
	for range 300 {
		one()
	}
	slow.Store(true)
	front.shows(t, one, ejected(addrs[3], 1))
	if lines := front.log.lines(t, "instance ejected", "endpoint", addrs[3]); len(lines) == 0 || lines[0]["reason"] != "slow" {
		t.Errorf("logged is %v", lines)
	}
}

func TestAnInstanceThatIsGoneHasNoSeries(t *testing.T) {
	agent := stack.ConsulFor(t, stack.ConsulOptions{})
	well := func(context.Context, string) error { return nil }
	startBack(t, kit.Config{Plaintext: true, Consul: agent.Addr, Instance: "stays"}, well)
	leaves := startBack(t, kit.Config{Plaintext: true, Consul: agent.Addr, Instance: "leaves"}, well)
	front, own := startFront(t, kit.Config{Plaintext: true, Consul: agent.Addr, MetricsListen: "127.0.0.1:0"}, kit.Target{Service: "back"})
	some := func() { _ = call(t, own) }
	front.shows(t, some, serving(2), ejected("stays", 0), ejected("leaves", 0))
	leaves.signal()
	until(t, "the series of the one that left is gone", func() bool { return !front.series(t)[ejected("leaves", 0)] })
	front.shows(t, some, serving(1), ejected("stays", 0))
}

// Names come from the catalog: one may stand at two addresses, be no text, or be
// one of too many.
func TestSeriesOfInstancesAreBoundedAndValid(t *testing.T) {
	list := []balancer.Status{
		{Endpoint: "twice", Addr: "a", State: balancer.Ejected}, {Endpoint: "twice", Addr: "b", State: balancer.InRotation},
		{Endpoint: "no\xfftext", State: balancer.OnTrial},
	}
	for i := range 3000 {
		list = append(list, balancer.Status{Endpoint: fmt.Sprint("i", i), State: balancer.Disconnected})
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(kit.NewInstances("back", func() []balancer.Status { return list }))
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			for _, label := range m.GetLabel() {
				if label.GetName() != "target" {
					got[family.GetName()+" "+label.GetValue()] = m.GetGauge().GetValue()
				}
			}
		}
	}
	for name, want := range map[string]float64{
		"kit_client_instances disconnected": 3000, "kit_client_instances ejected": 1,
		"kit_client_instances on_trial": 1, "kit_client_instances serving": 1,
		"kit_client_instance_ejected twice": 1, "kit_client_instance_ejected no\uFFFDtext": 0,
	} {
		if have, ok := got[name]; !ok || have != want {
			t.Errorf("%s = %v, %v; want %v", name, have, ok, want)
		}
	}
	if len(got) != 4+2000+3 {
		t.Errorf("%d series", len(got))
	}
}

func TestTheLogOfAnInstanceHasNoTimeThatIsNone(t *testing.T) {
	s := start(t, kit.Options{Config: kit.Config{Plaintext: true}}, func(*kit.Server) {})
	end := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s.LogInstance("back", balancer.Event{Endpoint: "i", State: balancer.Ejected, Until: end})
	s.LogInstance("back", balancer.Event{Endpoint: "i", State: balancer.OnTrial})
	s.LogInstance("back", balancer.Event{Endpoint: "i", State: balancer.InRotation})
	if out := s.log.lines(t, "instance ejected"); len(out) != 1 || out[0]["until"] != "2026-01-02T03:04:05Z" {
		t.Errorf("ejected: %v", out)
	}
	for _, message := range []string{"instance on trial", "instance in rotation"} {
		lines := s.log.lines(t, message)
		if len(lines) != 1 {
			t.Fatalf("%s: %v", message, lines)
		}
		if at, ok := lines[0]["until"]; ok {
			t.Errorf("%s until %v", message, at)
		}
	}
}
