package discovery_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/status"

	"github.com/gctl-dev/gctl/discovery"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// script is a Watcher that says what the test sends it.
type script struct {
	updates chan discovery.Update
	asked   chan string // the service
}

func newScript() *script {
	return &script{updates: make(chan discovery.Update), asked: make(chan string, 1)}
}

func (s *script) Watch(ctx context.Context, service string, notify func(discovery.Update)) error {
	s.asked <- service
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case u, ok := <-s.updates:
			if !ok {
				return errors.New("the script is over")
			}
			notify(u)
		}
	}
}

// recorder is a channel that writes down what its resolver says.
type recorder struct {
	resolver.ClientConn
	said chan string
}

func (r *recorder) UpdateState(s resolver.State) error {
	var ids []string
	for _, e := range s.Endpoints {
		if a, b := discovery.EndpointID(e.Attributes), discovery.EndpointID(e.Addresses[0].Attributes); a != b {
			r.said <- "the IDs differ: " + a + ", " + b
		}
		text := discovery.EndpointID(e.Attributes) + "@" + e.Addresses[0].Addr
		if zone := discovery.EndpointMeta(e.Attributes)["zone"]; zone != "" {
			text += " in " + zone
		}
		ids = append(ids, text)
	}
	r.said <- "[" + strings.Join(ids, " ") + "]"
	return nil
}

func (r *recorder) ReportError(err error) { r.said <- "error " + err.Error() }

func endpoint(id, st string) discovery.Endpoint {
	return discovery.Endpoint{ID: id, Addr: "10.0.0.1:" + map[string]string{"a": "1", "b": "2", "c": "3"}[id], Status: st}
}

func TestResolverTellsTheChannelWhatItCanUse(t *testing.T) {
	down := errors.New("down")
	a, b, c := endpoint("a", discovery.Passing), endpoint("b", discovery.Critical), endpoint("c", discovery.Warning)
	zoned, twin := a, b
	zoned.Meta = map[string]string{"zone": "z"}
	twin.Addr, twin.Status = a.Addr, discovery.Passing
	for name, c := range map[string]struct {
		updates []discovery.Update
		want    []string
	}{
		"another meta":             {[]discovery.Update{{Endpoints: []discovery.Endpoint{a}}, {Endpoints: []discovery.Endpoint{zoned}}}, []string{"[a@10.0.0.1:1]", "[a@10.0.0.1:1 in z]"}},
		"another instance there":   {[]discovery.Update{{Endpoints: []discovery.Endpoint{a}}, {Endpoints: []discovery.Endpoint{twin}}}, []string{"[a@10.0.0.1:1]", "[b@10.0.0.1:1]"}},
		"two at one address":       {[]discovery.Update{{Endpoints: []discovery.Endpoint{zoned, twin}}}, []string{"[a@10.0.0.1:1 in z]"}},
		"only what passes":         {[]discovery.Update{{Endpoints: []discovery.Endpoint{a, b, c}}}, []string{"[a@10.0.0.1:1]"}},
		"all where none passes":    {[]discovery.Update{{Endpoints: []discovery.Endpoint{b, c}}}, []string{"[b@10.0.0.1:2 c@10.0.0.1:3]"}},
		"an empty list":            {[]discovery.Update{{Endpoints: []discovery.Endpoint{a}}, {}}, []string{"[a@10.0.0.1:1]", "[]"}},
		"nothing twice":            {[]discovery.Update{{Endpoints: []discovery.Endpoint{a}}, {Endpoints: []discovery.Endpoint{a, b}}, {}}, []string{"[a@10.0.0.1:1]", "[]"}},
		"a failure at first":       {[]discovery.Update{{Err: down}, {Endpoints: []discovery.Endpoint{a}}}, []string{"error down", "[a@10.0.0.1:1]"}},
		"a failure with a list":    {[]discovery.Update{{Endpoints: []discovery.Endpoint{a}}, {Err: down, Endpoints: []discovery.Endpoint{a}}}, []string{"[a@10.0.0.1:1]", "error down"}},
		"a failure that lasts":     {[]discovery.Update{{Endpoints: []discovery.Endpoint{a}}, {Err: down}, {Err: down}}, []string{"[a@10.0.0.1:1]", "[]", "error down"}},
		"after a failure the same": {[]discovery.Update{{Endpoints: []discovery.Endpoint{a}}, {Err: down}, {Endpoints: []discovery.Endpoint{a}}}, []string{"[a@10.0.0.1:1]", "[]", "error down", "[a@10.0.0.1:1]"}},
	} {
		t.Run(name, func(t *testing.T) {
			w, cc := newScript(), &recorder{said: make(chan string, 10)}
			r, err := discovery.NewResolver(w).Build(resolver.Target{URL: url.URL{Path: "/user"}}, cc, resolver.BuildOptions{})
			if err != nil {
				t.Fatal(err)
			}
			for _, u := range c.updates {
				w.updates <- u
			}
			var got []string
			for range c.want {
				got = append(got, <-cc.said)
			}
			r.ResolveNow(resolver.ResolveNowOptions{})
			r.Close()
			if !slices.Equal(got, c.want) {
				t.Errorf("said %q, want %q", got, c.want)
			}
			if service := <-w.asked; service != "user" {
				t.Errorf("watched %q, want user", service)
			}
		})
	}
}

func TestResolverReportsAWatchThatEnds(t *testing.T) {
	w, cc := newScript(), &recorder{said: make(chan string, 10)}
	r, err := discovery.NewResolver(w).Build(resolver.Target{URL: url.URL{Path: "/user"}}, cc, resolver.BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	close(w.updates)
	if got := <-cc.said; got != "error the script is over" {
		t.Errorf("said %q", got)
	}
}

// hurried is a Watcher that says so when it is hurried.
type hurried struct{ *script }

func (h hurried) WatchHurried(ctx context.Context, _ string, hurry <-chan struct{}, notify func(discovery.Update)) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-hurry:
			notify(discovery.Update{Err: errors.New("hurried")})
		}
	}
}

func TestAWishToResolveNowReachesTheWatch(t *testing.T) {
	cc := &recorder{said: make(chan string, 10)}
	r, err := discovery.NewResolver(hurried{newScript()}).Build(resolver.Target{URL: url.URL{Path: "/user"}}, cc, resolver.BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for range 2 {
		r.ResolveNow(resolver.ResolveNowOptions{})
		if got := <-cc.said; got != "error hurried" {
			t.Errorf("said %q", got)
		}
	}
}

// A new meta is told to the channel's balancer, but is no reason to connect anew.
func TestMetaIsNoPartOfTheAddress(t *testing.T) {
	a, b := endpoint("a", discovery.Passing), endpoint("a", discovery.Passing)
	a.Meta, b.Meta = map[string]string{"zone": "y"}, map[string]string{"zone": "z"}
	states := make(chan resolver.State, 2)
	w := newScript()
	r, err := discovery.NewResolver(w).Build(resolver.Target{URL: url.URL{Path: "/user"}}, stateRecorder{states: states}, resolver.BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, e := range []discovery.Endpoint{a, b} {
		w.updates <- discovery.Update{Endpoints: []discovery.Endpoint{e}}
	}
	one, two := (<-states).Endpoints[0], (<-states).Endpoints[0]
	if !one.Addresses[0].Equal(two.Addresses[0]) {
		t.Errorf("the addresses differ: %v, %v", one, two)
	}
	if one.Attributes.Equal(two.Attributes) {
		t.Errorf("the endpoints are the same: %v, %v", one, two)
	}
}

type stateRecorder struct {
	resolver.ClientConn
	states chan resolver.State
}

func (r stateRecorder) UpdateState(s resolver.State) error { r.states <- s; return nil }

func TestATargetWithoutAServiceIsRefused(t *testing.T) {
	_, err := discovery.NewResolver(newScript()).Build(resolver.Target{URL: url.URL{Path: "/"}}, nil, resolver.BuildOptions{})
	if err == nil || !strings.Contains(err.Error(), "fleet:///SERVICE") {
		t.Errorf("error = %v, want how a target is written", err)
	}
}

// serve starts a server and returns its endpoint; stop kills it.
func serve(t *testing.T, id string) (e discovery.Endpoint, stop func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
	healthpb.RegisterHealthServer(s, health.NewServer())
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	stop = func() { s.Stop(); <-done }
	t.Cleanup(stop)
	return discovery.Endpoint{ID: id, Addr: l.Addr().String(), Status: discovery.Passing}, stop
}

// ask calls until the answer comes from want, "" for UNAVAILABLE.
func ask(t *testing.T, conn *grpc.ClientConn, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	client := healthpb.NewHealthClient(conn)
	for last := ""; ; {
		var p peer.Peer
		_, err := client.Check(ctx, &healthpb.HealthCheckRequest{}, grpc.Peer(&p))
		switch {
		case err == nil && p.Addr.String() == want, want == "" && status.Code(err) == codes.Unavailable:
			return
		case ctx.Err() != nil:
			t.Fatalf("no answer from %q, the last is %s", want, last)
		}
		last = fmt.Sprint(p.Addr, err)
		select {
		case <-ctx.Done():
		case <-time.After(time.Millisecond):
		}
	}
}

func TestAChannelFollowsTheWatch(t *testing.T) {
	w := newScript()
	conn, err := grpc.NewClient("fleet:///user",
		grpc.WithResolvers(discovery.NewResolver(w)),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.Connect()
	a, stopA := serve(t, "a")
	b, _ := serve(t, "b")
	w.updates <- discovery.Update{Endpoints: []discovery.Endpoint{a}}
	ask(t, conn, a.Addr)
	w.updates <- discovery.Update{Endpoints: []discovery.Endpoint{a, b}}
	ask(t, conn, b.Addr)
	ask(t, conn, a.Addr)
	w.updates <- discovery.Update{Err: errors.New("down"), Endpoints: []discovery.Endpoint{a, b}}
	stopA()
	ask(t, conn, b.Addr) // the last list still serves
	w.updates <- discovery.Update{}
	ask(t, conn, "")
	w.updates <- discovery.Update{Endpoints: []discovery.Endpoint{b}}
	ask(t, conn, b.Addr)
}
