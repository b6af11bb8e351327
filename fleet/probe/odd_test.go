package probe_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/probe"
	"github.com/gctl-dev/gctl/internal/testkit"
)

// odd is a health service that answers as it is told.
type odd struct {
	healthpb.UnimplementedHealthServer

	check func(context.Context, *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error)
	watch func(grpc.ServerStreamingServer[healthpb.HealthCheckResponse]) error
	list  *healthpb.HealthListResponse
}

func (o *odd) Check(ctx context.Context, r *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	if o.check == nil {
		return o.UnimplementedHealthServer.Check(ctx, r)
	}
	return o.check(ctx, r)
}

func (o *odd) Watch(r *healthpb.HealthCheckRequest, s grpc.ServerStreamingServer[healthpb.HealthCheckResponse]) error {
	if o.watch == nil {
		return o.UnimplementedHealthServer.Watch(r, s)
	}
	return o.watch(s)
}

func (o *odd) List(ctx context.Context, r *healthpb.HealthListRequest) (*healthpb.HealthListResponse, error) {
	if o.list == nil {
		return o.UnimplementedHealthServer.List(ctx, r)
	}
	return o.list, nil
}

func serveOdd(t *testing.T, o *odd) fleet.Instance {
	t.Helper()
	_, addr := testkit.Server{NoHealth: true, Register: func(s *grpc.Server) { healthpb.RegisterHealthServer(s, o) }}.Start(t)
	return fleet.Instance{ID: "odd", Addr: addr}
}

func answers(s healthpb.HealthCheckResponse_ServingStatus, err error) *odd {
	return &odd{check: func(context.Context, *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
		return &healthpb.HealthCheckResponse{Status: s}, err
	}}
}

// http2Page answers every request of HTTP/2 in plaintext with a web page.
func http2Page(t *testing.T, code int) string {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(code)
		_, _ = io.WriteString(w, "<html>")
	}))
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Config.Protocols.SetHTTP1(true)
	server.Start()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

func TestVerdictsOfAllKindsOfServers(t *testing.T) {
	ca := testkit.NewCA(t)
	_, secure := testkit.Server{TLS: &tls.Config{Certificates: []tls.Certificate{ca.Cert(t, []string{"127.0.0.1"})}, MinVersion: tls.VersionTLS12}}.Start(t)
	web := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(web.Close)
	at := func(addr string) fleet.Instance { return fleet.Instance{ID: "x", Addr: addr} }
	for name, c := range map[string]struct {
		in    fleet.Instance
		state fleet.HealthState
		words string
	}{
		"does not know":       {serveOdd(t, answers(healthpb.HealthCheckResponse_UNKNOWN, nil)), fleet.UnknownHealth, "its health is UNKNOWN"},
		"knows no name":       {serveOdd(t, answers(healthpb.HealthCheckResponse_SERVICE_UNKNOWN, nil)), fleet.Unimplemented, `knows no ""`},
		"number of tomorrow":  {serveOdd(t, answers(77, nil)), fleet.UnknownHealth, "its health is 77"},
		"refuses":             {serveOdd(t, answers(0, status.Error(codes.PermissionDenied, "who?"))), fleet.UnknownHealth, "PERMISSION_DENIED who?"},
		"fails":               {serveOdd(t, answers(0, status.Error(codes.Internal, "oh"))), fleet.UnknownHealth, "INTERNAL oh"},
		"a proxy of the dead": {serveOdd(t, answers(0, status.Error(codes.Unavailable, "no backend"))), fleet.Unreachable, "UNAVAILABLE no backend"},
		"web page":            {at(web.Listener.Addr().String()), fleet.Unreachable, "does not speak HTTP/2"},
		"web page of HTTP/2":  {at(http2Page(t, http.StatusOK)), fleet.Unreachable, "HTTP/2 but not gRPC"},
		"404 of HTTP/2":       {at(http2Page(t, http.StatusNotFound)), fleet.Unreachable, "HTTP/2 but not gRPC"},
		"unknown CA":          {at(secure), fleet.Unreachable, "unknown CA"},
		"nobody":              {at(testkit.ClosedAddr(t)), fleet.Unreachable, "connection refused"},
		"no such host":        {at("no-such-host.invalid:1"), fleet.Unreachable, "does not resolve"},
		"accepts and is mute": {at(testkit.Listen(t).Addr().String()), fleet.TimedOut, "no answer within 1.2s"},
	} {
		t.Run(name, func(t *testing.T) {
			o := impatient
			if c.state != fleet.TimedOut {
				o.Timeout = 20 * time.Second // a busy machine is not what it is about
			}
			h := newProber(t, o).Health(t.Context(), c.in, "")
			if h.State != c.state || h.Err == nil || !strings.Contains(h.Err.Error(), c.words) {
				t.Errorf("%s, %v; want %s, %s", h.State, h.Err, c.state, c.words)
			}
		})
	}
}

func TestTLSAsTheOptionsSay(t *testing.T) {
	ca := testkit.NewCA(t)
	_, secure := testkit.Server{TLS: &tls.Config{Certificates: []tls.Certificate{ca.Cert(t, []string{"127.0.0.1"})}, MinVersion: tls.VersionTLS12}}.Start(t)
	o := impatient
	o.RPC.CACert = ca.File
	if h := newProber(t, o).Health(t.Context(), fleet.Instance{ID: "s", Addr: secure}, ""); h.State != fleet.Serving {
		t.Errorf("%+v", h)
	}
	o.RPC.CACert = "no-such-file"
	if _, err := probe.New(o); fleet.KindOf(err) != fleet.Usage {
		t.Errorf("New = %v, want wrong usage", err)
	}
}

func TestCredentialsGoNowhereInTheClear(t *testing.T) {
	var sent atomic.Value
	in := serveOdd(t, &odd{check: func(ctx context.Context, _ *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
		sent.Store(strings.Join(metadata.ValueFromIncomingContext(ctx, "authorization"), ""))
		return &healthpb.HealthCheckResponse{Status: healthpb.HealthCheckResponse_SERVING}, nil
	}})
	o := impatient
	o.Headers = metadata.Pairs("authorization", "Bearer secret")
	o.RPC.Secret = true
	if h := newProber(t, o).Health(t.Context(), in, ""); h.State != fleet.Serving || sent.Load() != "Bearer secret" {
		t.Errorf("on this machine: %+v, sent %q", h, sent.Load())
	}
	far := fleet.Instance{ID: "far", Addr: "far.invalid:9090", Meta: map[string]string{fleet.MetaTLS: "false"}}
	o.RPC.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, in.Addr)
	}
	if h := newProber(t, o).Health(t.Context(), far, ""); h.State != fleet.Serving || sent.Load() != "" {
		t.Errorf("far away, since the catalog says plaintext: %+v, sent %q", h, sent.Load())
	}
	chosen := true
	o.RPC.Plaintext = &chosen
	if h := newProber(t, o).Health(t.Context(), far, ""); h.State != fleet.Serving || sent.Load() != "Bearer secret" {
		t.Errorf("far away, since the user says plaintext: %+v, sent %q", h, sent.Load())
	}
}

func TestListsThatAreTooLongOrEmpty(t *testing.T) {
	long := &healthpb.HealthListResponse{Statuses: map[string]*healthpb.HealthCheckResponse{}}
	for i := range 1001 {
		long.Statuses[fmt.Sprint(i)] = &healthpb.HealthCheckResponse{}
	}
	for want, list := range map[string]*healthpb.HealthListResponse{"1001 names": long, "is empty": {}} {
		got := newProber(t, impatient).HealthList(t.Context(), serveOdd(t, &odd{list: list}))
		if len(got) != 1 || got[0].State != fleet.UnknownHealth || !strings.Contains(got[0].Err.Error(), want) {
			t.Errorf("%+v, want %s", got, want)
		}
	}
}

// follow watches an odd server and returns its changes.
func follow(t *testing.T, in fleet.Instance) <-chan fleet.HealthState {
	changes := make(chan fleet.HealthState, 100)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- newProber(t, impatient).WatchHealth(ctx, in, "", func(h fleet.Health) { changes <- h.State })
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	return changes
}

// checksUntil is a server whose Check says that it serves until its health is
// changed; Watch is as given.
func checksUntil(bad *atomic.Bool, watch func(grpc.ServerStreamingServer[healthpb.HealthCheckResponse]) error) *odd {
	o := answers(0, nil)
	o.watch = watch
	o.check = func(context.Context, *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
		s := healthpb.HealthCheckResponse_SERVING
		if bad.Load() {
			s = healthpb.HealthCheckResponse_NOT_SERVING
		}
		return &healthpb.HealthCheckResponse{Status: s}, nil
	}
	return o
}

func TestWatchWithoutWatch(t *testing.T) {
	for name, watch := range map[string]func(grpc.ServerStreamingServer[healthpb.HealthCheckResponse]) error{
		"not served": nil,
		"refused": func(grpc.ServerStreamingServer[healthpb.HealthCheckResponse]) error {
			return status.Error(codes.ResourceExhausted, "no streams")
		},
		"ends at once": func(s grpc.ServerStreamingServer[healthpb.HealthCheckResponse]) error {
			return s.Send(&healthpb.HealthCheckResponse{Status: healthpb.HealthCheckResponse_SERVING})
		},
		"says nothing": func(s grpc.ServerStreamingServer[healthpb.HealthCheckResponse]) error {
			<-s.Context().Done()
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			var bad atomic.Bool
			changes := follow(t, serveOdd(t, checksUntil(&bad, watch)))
			for range 2 {
				if s := <-changes; s != fleet.Serving {
					t.Errorf("%s, want serving", s)
				}
				bad.Store(true)
				if s := <-changes; s != fleet.NotServing {
					t.Errorf("%s, want not_serving", s)
				}
				bad.Store(false)
			}
		})
	}
}

// Servers and proxies end old connections (MaxConnectionAge); who is well is not
// called unreachable for that.
func TestAnOldConnectionThatEndsIsNoChange(t *testing.T) {
	p := startProcess(t)
	changes := follow(t, fleet.Instance{ID: "shop-1", Addr: p.addr})
	if s := <-changes; s != fleet.Serving {
		t.Fatal(s)
	}
	p.awaitChecks(5) // the connection is five intervals old
	p.stop()
	p.start()
	p.health.SetServingStatus("", healthpb.HealthCheckResponse_NOT_SERVING)
	for s := range changes {
		if s == fleet.NotServing {
			break
		}
		if s != fleet.Unreachable { // it may be found between stop and start
			t.Errorf("%s", s)
		}
	}
}

// What the asker had no time for says nothing of the instance; what hangs longer
// than an answer may take does.
func TestTheEndOfTheAskersTimeIsNoVerdict(t *testing.T) {
	hangs := serveOdd(t, &odd{check: func(ctx context.Context, _ *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}})
	silent := fleet.Instance{ID: "x", Addr: testkit.Listen(t).Addr().String()}
	why := errors.New("the time is over")
	over, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	for name, in := range map[string]fleet.Instance{"hangs": hangs, "silent": silent} {
		p := newProber(t, probe.Options{Timeout: 20 * time.Second})
		if h := p.Health(over, in, ""); h.State != fleet.UnknownHealth || !errors.Is(h.Err, why) {
			t.Errorf("%s, not asked: %s, %v", name, h.State, h.Err)
		}
		ctx, cancel := context.WithTimeoutCause(t.Context(), 100*time.Millisecond, why)
		if h := p.Health(ctx, in, ""); h.State != fleet.UnknownHealth || !errors.Is(h.Err, why) && !errors.Is(h.Err, context.DeadlineExceeded) {
			t.Errorf("%s, not answered: %s, %v", name, h.State, h.Err)
		}
		cancel()
		if h := newProber(t, probe.Options{Timeout: 100 * time.Millisecond}).Health(t.Context(), in, ""); h.State != fleet.TimedOut {
			t.Errorf("%s: %s, %v", name, h.State, h.Err)
		}
	}
}
