package consul_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"github.com/gctl-dev/gctl/discovery"
	"github.com/gctl-dev/gctl/discovery/consul"
	"github.com/gctl-dev/gctl/internal/stack"
)

// The fault suite of the resolver: a channel of grpc-go, the real Consul, and what
// may happen to it.

// process is a server that a channel may reach.
type process struct {
	addr  string
	conns atomic.Int64
	stop  func()
}

// startProcess starts a server at an address, any free one if it is empty.
func startProcess(t *testing.T, addr string) *process {
	t.Helper()
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	p := &process{addr: l.Addr().String()}
	s := grpc.NewServer(grpc.StatsHandler(&connCounter{process: p}))
	healthpb.RegisterHealthServer(s, health.NewServer())
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	p.stop = sync.OnceFunc(func() { s.Stop(); <-done })
	t.Cleanup(p.stop)
	return p
}

// connCounter counts a process' connections.
type connCounter struct {
	stats.Handler

	process *process
}

func (c *connCounter) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (c *connCounter) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (c *connCounter) HandleRPC(context.Context, stats.RPCStats)                         {}
func (c *connCounter) HandleConn(_ context.Context, s stats.ConnStats) {
	if _, ok := s.(*stats.ConnBegin); ok {
		c.process.conns.Add(1)
	}
}

// channelTo makes a channel to the service user of a watch.
func channelTo(t *testing.T, w discovery.Watcher) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("fleet:///user", grpc.WithResolvers(discovery.NewResolver(w)),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// call makes one call and returns the address that answered.
func call(ctx context.Context, conn *grpc.ClientConn, opts ...grpc.CallOption) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var p peer.Peer
	_, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{}, append(opts, grpc.Peer(&p))...)
	if err != nil {
		return "", err
	}
	return p.Addr.String(), nil
}

// reaches waits until a call is answered at an address.
func reaches(t *testing.T, conn *grpc.ClientConn, addr string) {
	t.Helper()
	eventually(t, "reach "+addr, func() error {
		got, err := call(t.Context(), conn)
		if err == nil && got != addr {
			err = fmt.Errorf("%s answered", got)
		}
		return err
	})
}

func register(t *testing.T, c *consul.Client, id, addr string) {
	t.Helper()
	if err := c.Register(t.Context(), consul.Registration{Service: "user", ID: id, Addr: addr}); err != nil {
		t.Fatal(err)
	}
}

func TestChannelOutlivesAnAgentThatComesBackEmpty(t *testing.T) {
	first := stack.ConsulFor(t, stack.ConsulOptions{})
	c := newClient(t, consul.Config{Address: first.Addr})
	a := startProcess(t, "")
	register(t, c, "a", a.addr)
	conn := channelTo(t, c)
	reaches(t, conn, a.addr)
	if err := first.Stop(); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if _, err := call(t.Context(), conn); err != nil {
			t.Fatalf("without an agent: %v, want that the last list serves", err)
		}
	}
	stack.ConsulFor(t, stack.ConsulOptions{HTTPPort: first.Port})
	b := startProcess(t, "")
	register(t, c, "b", b.addr)
	reaches(t, conn, b.addr)
}

func TestChannelOutlivesTheLossOfTheLeader(t *testing.T) {
	first := stack.ConsulFor(t, stack.ConsulOptions{})
	c := newClient(t, consul.Config{Address: first.Addr})
	a := startProcess(t, "")
	register(t, c, "a", a.addr)
	told := &errorCounter{Watcher: c}
	conn := channelTo(t, told)
	reaches(t, conn, a.addr)
	if err := first.Stop(); err != nil {
		t.Fatal(err)
	}
	leaderless := stack.ConsulFor(t, stack.ConsulOptions{HTTPPort: first.Port, NoLeader: true})
	eventually(t, "it is said that there is no leader", func() error {
		var s *consul.StatusError
		if err, _ := told.last.Load().(error); !errors.As(err, &s) || s.Code != http.StatusInternalServerError {
			return fmt.Errorf("the last error is %w", err)
		}
		return nil
	})
	for range 20 {
		if _, err := call(t.Context(), conn); err != nil {
			t.Fatalf("without a leader: %v, want that the last list serves", err)
		}
	}
	if err := leaderless.Stop(); err != nil {
		t.Fatal(err)
	}
	stack.ConsulFor(t, stack.ConsulOptions{HTTPPort: first.Port})
	b := startProcess(t, "")
	register(t, c, "b", b.addr)
	reaches(t, conn, b.addr)
}

// errorCounter keeps the last error of a watch.
type errorCounter struct {
	discovery.Watcher

	last atomic.Value
}

func (w *errorCounter) Watch(ctx context.Context, service string, notify func(discovery.Update)) error {
	return w.Watcher.Watch(ctx, service, func(u discovery.Update) {
		if u.Err != nil {
			w.last.Store(fmt.Errorf("%w", u.Err)) // of one type always
		}
		notify(u)
	})
}

func TestAServiceThatIsEmptyIsUnavailableUntilItIsNot(t *testing.T) {
	_, c := agent(t)
	conn := channelTo(t, c)
	if _, err := call(t.Context(), conn); status.Code(err) != codes.Unavailable {
		t.Errorf("with no instance: %v, want Unavailable at once", err)
	}
	answered := make(chan error, 1)
	go func() {
		_, err := call(t.Context(), conn, grpc.WaitForReady(true))
		answered <- err
	}()
	a := startProcess(t, "")
	register(t, c, "a", a.addr)
	if err := <-answered; err != nil {
		t.Errorf("a call that waits for an instance: %v", err)
	}
	if err := c.Deregister(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "empty again", func() error {
		if _, err := call(t.Context(), conn); status.Code(err) != codes.Unavailable {
			return fmt.Errorf("%w, want Unavailable", err)
		}
		return nil
	})
}

func TestAnAddressThatNowBelongsToAnotherInstanceGetsANewConnection(t *testing.T) {
	_, c := agent(t)
	a := startProcess(t, "")
	register(t, c, "old", a.addr)
	conn := channelTo(t, c)
	reaches(t, conn, a.addr)
	if n := a.conns.Load(); n != 1 {
		t.Fatalf("%d connections", n)
	}
	register(t, c, "new", a.addr) // and for a moment there are two at one address
	if err := c.Deregister(t.Context(), "old"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a connection for the new instance", func() error {
		if _, err := call(t.Context(), conn); err != nil {
			t.Errorf("in between: %v", err)
		}
		if n := a.conns.Load(); n != 2 {
			return fmt.Errorf("%d connections", n)
		}
		return nil
	})
}

// front is a proxy before an agent whose blocking queries can be made to hang.
type front struct {
	*httptest.Server

	hang    atomic.Bool
	hanging atomic.Int64
}

func frontOf(t *testing.T, a *stack.Consul) *front {
	t.Helper()
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: a.Addr})
	proxy.Transport = &http.Transport{DisableKeepAlives: true}
	proxy.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }
	f := &front{}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.hang.Load() && r.URL.Query().Has("index") {
			f.hanging.Add(1)
			<-r.Context().Done()
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(f.Close)
	return f
}

func TestAQueryThatNeverReturnsIsBoundedAndAskedAgain(t *testing.T) {
	agentBehind := stack.ConsulFor(t, stack.ConsulOptions{})
	direct := newClient(t, consul.Config{Address: agentBehind.Addr})
	f := frontOf(t, agentBehind)
	f.hang.Store(true)
	c := newClient(t, consul.Config{Address: f.URL, Timeout: time.Second, WaitTime: 100 * time.Millisecond})
	a, b := startProcess(t, ""), startProcess(t, "")
	register(t, direct, "a", a.addr)
	told := &errorCounter{Watcher: c}
	conn := channelTo(t, told)
	reaches(t, conn, a.addr)
	eventually(t, "it is said that there is no answer", func() error {
		if err, _ := told.last.Load().(error); !errors.Is(err, consul.ErrTimeout) {
			return fmt.Errorf("the last error is %w", err)
		}
		return nil
	})
	register(t, direct, "b", b.addr)
	reaches(t, conn, b.addr) // though not one blocking query was ever answered
	reaches(t, conn, a.addr)
}

func TestAConnectionThatFailsMakesAWatchThatHangsAskAnew(t *testing.T) {
	agentBehind := stack.ConsulFor(t, stack.ConsulOptions{})
	direct := newClient(t, consul.Config{Address: agentBehind.Addr})
	f := frontOf(t, agentBehind)
	f.hang.Store(true)
	c := newClient(t, consul.Config{Address: f.URL}) // with which a query may hang for five minutes
	a, b := startProcess(t, ""), startProcess(t, "")
	register(t, direct, "a", a.addr)
	conn := channelTo(t, c)
	reaches(t, conn, a.addr)
	eventually(t, "the watch hangs", func() error {
		if f.hanging.Load() == 0 {
			return errors.New("not yet")
		}
		return nil
	})
	register(t, direct, "b", b.addr)
	if err := direct.Deregister(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	a.stop()
	reaches(t, conn, b.addr)
}

func TestHurriesAreBounded(t *testing.T) {
	agentBehind := stack.ConsulFor(t, stack.ConsulOptions{})
	f := frontOf(t, agentBehind)
	f.hang.Store(true)
	c := newClient(t, consul.Config{Address: f.URL})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	began := time.Now()
	hurry := make(chan struct{})
	go func() {
		for ctx.Err() == nil {
			select {
			case hurry <- struct{}{}:
			case <-ctx.Done():
			}
		}
	}()
	done := make(chan error, 1)
	go func() { done <- c.WatchHurried(ctx, "user", hurry, func(discovery.Update) {}) }()
	eventually(t, "a hurry ends a query", func() error {
		if n := f.hanging.Load(); n < 3 {
			return fmt.Errorf("%d blocking queries", n)
		}
		return nil
	})
	if d := time.Since(began); d < 4*time.Second {
		t.Errorf("three blocking queries within %s of hurry, want one in two seconds", d)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("WatchHurried = %v", err)
	}
}

// A real Consul's index goes backwards only when its servers are restored from a
// snapshot.
func TestAnIndexThatGoesBackwardsIsForgotten(t *testing.T) {
	asked := make(chan string, 100)
	answers := []struct{ index, id string }{{"100", "a"}, {"40", "b"}, {"41", "c"}}
	var n atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i := int(n.Add(1)) - 1
		asked <- r.URL.Query().Get("index")
		if i >= len(answers) {
			<-r.Context().Done()
			return
		}
		w.Header().Set("X-Consul-Index", answers[i].index)
		fmt.Fprintf(w, `[{"Node":{"Address":"10.0.0.1"},"Service":{"ID":%q,"Service":"user","Port":1}}]`, answers[i].id)
	}))
	t.Cleanup(server.Close)
	c := newClient(t, consul.Config{Address: server.URL})
	updates := follow(t, c, "user")
	for _, id := range []string{"a", "b", "c"} {
		await(t, updates, id+" is there", func(u discovery.Update) bool { return ids(u) == id })
	}
	for i, want := range []string{"", "100", "", "41"} {
		if got := <-asked; got != want {
			t.Errorf("query %d carries the index %q, want %q", i, got, want)
		}
	}
}

func TestAProcessWithAGRPCCheckComesBackOnAnAgentThatLostItsState(t *testing.T) {
	first := stack.ConsulFor(t, stack.ConsulOptions{})
	c := newClient(t, consul.Config{Address: first.Addr})
	addr, _ := healthServer(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.Announce(ctx, consul.Registration{
			Service: "user", ID: "user-1", Addr: addr, Check: consul.Check{Kind: consul.GRPCCheck, Interval: 100 * time.Millisecond},
		}, func(error) {})
	}()
	awaitStatus(t, c, "user", discovery.Passing)
	if err := first.Stop(); err != nil {
		t.Fatal(err)
	}
	stack.ConsulFor(t, stack.ConsulOptions{HTTPPort: first.Port})
	awaitStatus(t, c, "user", discovery.Passing)

	// Somebody took it out by mistake: nobody but the process can know that.
	if err := c.Deregister(t.Context(), "user-1"); err != nil {
		t.Fatal(err)
	}
	awaitStatus(t, c, "user", discovery.Passing)
	cancel()
	<-done
}
