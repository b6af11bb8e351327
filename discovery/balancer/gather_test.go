package balancer_test

import (
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"

	grpcbalancer "google.golang.org/grpc/balancer"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"

	"github.com/gctl-dev/gctl/discovery/balancer"
)

// switchboard is a channel whose connections are as healthy as the test says.
type switchboard struct {
	grpcbalancer.ClientConn

	mu    sync.Mutex
	conns []*switched
	last  grpcbalancer.State
}

type switched struct {
	grpcbalancer.SubConn

	addr   string
	state  func(grpcbalancer.SubConnState)
	health func(grpcbalancer.SubConnState)
	known  chan struct{} // closed when health is set
}

func (b *switchboard) NewSubConn(a []resolver.Address, o grpcbalancer.NewSubConnOptions) (grpcbalancer.SubConn, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := &switched{addr: a[0].Addr, state: o.StateListener, known: make(chan struct{})}
	b.conns = append(b.conns, c)
	return c, nil
}

func (b *switchboard) UpdateState(s grpcbalancer.State) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last = s
}

func (b *switchboard) picker() grpcbalancer.State {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.last
}

func (c *switched) Connect() {
	go func() {
		c.state(grpcbalancer.SubConnState{ConnectivityState: connectivity.Connecting})
		c.state(grpcbalancer.SubConnState{ConnectivityState: connectivity.Ready})
	}()
}

func (c *switched) RegisterHealthListener(f func(grpcbalancer.SubConnState)) {
	c.health = f
	close(c.known)
}

func (c *switched) Shutdown() {}

func (c *switched) say(healthy bool) {
	s := grpcbalancer.SubConnState{ConnectivityState: connectivity.Ready}
	if !healthy {
		s = grpcbalancer.SubConnState{ConnectivityState: connectivity.TransientFailure, ConnectionError: errors.New("not well")}
	}
	c.health(s)
}

// TestNoStateOfManyIsLost has many connections change at the same time, and the
// list of endpoints too: in the end those get calls that are well.
func TestNoStateOfManyIsLost(t *testing.T) {
	board := &switchboard{}
	b := grpcbalancer.Get(balancer.Name).Build(board, grpcbalancer.BuildOptions{})
	defer b.Close()
	cfg, err := grpcbalancer.Get(balancer.Name).(grpcbalancer.ConfigParser).ParseConfig([]byte(`{"policy":"round_robin"}`))
	if err != nil {
		t.Fatal(err)
	}
	const n = 200
	update := func() {
		var list []resolver.Endpoint
		for i := range n {
			list = append(list, resolver.Endpoint{Addresses: []resolver.Address{{Addr: fmt.Sprint("10.0.0.1:", i)}}})
		}
		if err := b.UpdateClientConnState(grpcbalancer.ClientConnState{ResolverState: resolver.State{Endpoints: list}, BalancerConfig: cfg}); err != nil {
			t.Error(err)
		}
	}
	update()
	if len(board.conns) != n {
		t.Fatalf("%d connections", len(board.conns))
	}
	var all sync.WaitGroup
	want := map[string]bool{}
	for i, c := range board.conns {
		well := i%2 == 0
		if well {
			want[c.addr] = true
		}
		<-c.known
		all.Go(func() {
			for range 50 {
				c.say(false)
				c.say(true)
			}
			c.say(well)
		})
	}
	for range 10 {
		update()
	}
	all.Wait()
	eventually(t, "the healthy half gets the calls", func() error {
		got := map[string]bool{}
		s := board.picker()
		if s.ConnectivityState != connectivity.Ready {
			return errors.New("nobody is ready")
		}
		for range n {
			r, err := s.Picker.Pick(grpcbalancer.PickInfo{Ctx: t.Context(), FullMethodName: "/a/b"})
			if err != nil {
				return err
			}
			got[r.SubConn.(*switched).addr] = true
			r.Done(grpcbalancer.DoneInfo{})
		}
		if !maps.Equal(got, want) {
			return fmt.Errorf("%d get calls, among them such as are not well", len(got))
		}
		return nil
	})
}
