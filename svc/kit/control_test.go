package kit_test

import (
	"context"
	"crypto/tls"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"

	controlv1 "github.com/gctl-dev/gctl/api/gctl/control/v1"
	"github.com/gctl-dev/gctl/internal/testkit"
	"github.com/gctl-dev/gctl/svc/kit"
	"github.com/gctl-dev/gctl/svc/kit/auth"
	"github.com/gctl-dev/gctl/svc/kit/breaker"
	"github.com/gctl-dev/gctl/svc/kit/control"
	"github.com/gctl-dev/gctl/svc/kit/control/controltest"
)

// managed is a server with a control API that calls a target, itself.
type managed struct {
	*running

	target *grpc.ClientConn
	down   atomic.Bool // the target fails
	moves  atomic.Int64
	creds  credentials.TransportCredentials // of the test
}

const oddCall = "/test.Odd/Call"

func startManaged(t *testing.T, config kit.Config, creds credentials.TransportCredentials) *managed {
	t.Helper()
	m := &managed{creds: creds}
	config.AdminListen = "127.0.0.1:0"
	config.RateLimits, config.ConcurrencyLimit = []string{"*=100000/s"}, "10..1000"
	config.DrainWait = 3 * time.Second // what drains can be found draining; a test that is over does not wait for it
	config.DrainTimeout = patience
	options := kit.Options{Config: config, Service: "odd"}
	options.Judge(breaker.Options{Consecutive: 1, RunFor: 1, OpenFor: 1})
	m.running = start(t, options, func(s *kit.Server) {
		s.RegisterService(odd(func(context.Context) error {
			if m.down.Load() {
				return status.Error(codes.Unavailable, "down")
			}
			return nil
		}), struct{}{})
		var err error
		if m.target, err = s.Dial(kit.Target{Service: "odd", Addrs: []string{s.Addr()}}); err != nil {
			t.Fatal(err)
		}
		last := map[string]breaker.State{}
		s.Breakers().Watch(func(now breaker.Status) {
			if now.State != last[now.Name] {
				m.moves.Add(1)
			}
			last[now.Name] = now.State
		})
	})
	if err := m.target.Invoke(within(t), oddCall, &emptypb.Empty{}, &emptypb.Empty{}, grpc.WaitForReady(true)); err != nil {
		t.Fatal(err)
	}
	return m
}

// fixture shows the server to the conformance suite.
func (m *managed) fixture(t *testing.T, actor string) controltest.Fixture {
	t.Helper()
	own := dial(t, m.Addr(), m.creds)
	return controltest.Fixture{
		Dial: func(t *testing.T) *grpc.ClientConn {
			t.Helper()
			return dial(t, m.AdminAddr(), m.creds)
		},
		Actor:    actor,
		Breakers: &controltest.Breakers{Name: "odd/default", Target: "odd", Override: m.override, Trip: m.trip, Moves: func() int { return int(m.moves.Load()) }},
		Limits:   &controltest.Limits{Rate: "rate/default", Concurrency: "concurrency", Settings: m.settings},
		Faults: &controltest.Faults{
			Method: "test.Odd/Call", Other: "grpc.health.v1.Health/Watch",
			Call: func(ctx context.Context) error {
				return own.Invoke(ctx, oddCall, &emptypb.Empty{}, &emptypb.Empty{})
			},
			Health: func(ctx context.Context) error {
				_, err := healthpb.NewHealthClient(own).Check(ctx, &healthpb.HealthCheckRequest{})
				return err
			},
		},
		Level:   m.Level().Level,
		Serving: func() bool { return healthOf(t, own) == "SERVING" },
		Drains:  func() int { return len(m.log.lines(t, "draining on demand of the control API")) },
		Log:     m.log.String, MaxChanges: control.DefaultMaxChanges,
		Stop: func() { m.signal(); m.signal() },
	}
}

// override tells what the breaker really does: a call shows it.
func (m *managed) override() controlv1.BreakerOverride {
	return controlv1.BreakerOverride(m.Breakers().Status()[0].Override) + 1
}

// trip makes the target fail one call, which is enough here.
func (m *managed) trip() {
	m.down.Store(true)
	defer m.down.Store(false)
	_ = m.target.Invoke(context.Background(), oddCall, &emptypb.Empty{}, &emptypb.Empty{})
}

func (m *managed) settings(name string) *controlv1.LimitSettings {
	for _, l := range m.Limits().Status() {
		if l.Name == name {
			return &controlv1.LimitSettings{
				Rate: l.Settings.Rate, Burst: int64(l.Settings.Burst), Shadow: l.Settings.Shadow,
				MinConcurrency: int64(l.Settings.MinConcurrency), MaxConcurrency: int64(l.Settings.MaxConcurrency),
			}
		}
	}
	return nil
}

func TestTheControlAPIConforms(t *testing.T) {
	t.Parallel()
	controltest.Run(t, func(t *testing.T) controltest.Fixture {
		return startManaged(t, kit.Config{Plaintext: true}, insecure.NewCredentials()).fixture(t, "127.0.0.1")
	})
}

// operators is a control API behind mTLS.
type operators struct {
	ca     *testkit.CA
	config kit.Config
}

const operator = "spiffe://test/operator"

func newOperators(t *testing.T) operators {
	t.Helper()
	ca := testkit.NewCA(t)
	cert, key := testkit.Files(t, ca.Cert(t, []string{"127.0.0.1", "odd"}))
	return operators{ca, kit.Config{TLSCert: cert, TLSKey: key, TLSClientCA: ca.File, AdminAllow: []string{operator}}}
}

// as returns the credentials of a client, of nobody for "".
func (o operators) as(t *testing.T, id string) credentials.TransportCredentials {
	t.Helper()
	config := &tls.Config{RootCAs: o.ca.Pool}
	if id != "" {
		config.Certificates = []tls.Certificate{o.ca.Cert(t, nil, testkit.SPIFFE(t, id))}
	}
	return credentials.NewTLS(config)
}

func TestTheControlAPIConformsOverMTLS(t *testing.T) {
	t.Parallel()
	o := newOperators(t)
	controltest.Run(t, func(t *testing.T) controltest.Fixture {
		return startManaged(t, o.config, o.as(t, operator)).fixture(t, operator)
	})
}

func TestOnlyOperatorsUseTheControlAPI(t *testing.T) {
	o := newOperators(t)
	m := startManaged(t, o.config, o.as(t, operator))
	list := func(creds credentials.TransportCredentials) error {
		_, err := controlv1.NewControlServiceClient(dial(t, m.AdminAddr(), creds)).ListLimits(within(t), &controlv1.ListLimitsRequest{})
		return err
	}
	if err := list(o.as(t, operator)); err != nil {
		t.Error(err)
	}
	if err := list(o.as(t, "spiffe://test/stranger")); status.Code(err) != codes.PermissionDenied || reason(err) != auth.ReasonNotAllowed {
		t.Errorf("a stranger: %v", err)
	}
	for what, creds := range map[string]credentials.TransportCredentials{"no certificate": o.as(t, ""), "plaintext": insecure.NewCredentials()} {
		if err := list(creds); status.Code(err) != codes.Unavailable {
			t.Errorf("%s: %v", what, err)
		}
	}
	// The API is for all that the CA signed, and has no control API.
	api := dial(t, m.Addr(), o.as(t, "spiffe://test/stranger"))
	if err := call(t, api); err != nil {
		t.Errorf("the API: %v", err)
	}
	_, err := controlv1.NewControlServiceClient(api).ListLimits(within(t), &controlv1.ListLimitsRequest{})
	if status.Code(err) != codes.Unimplemented {
		t.Errorf("the control API at the address of the API: %v", err)
	}
}

func TestTheControlAPIIsNeverOpenToAll(t *testing.T) {
	o := newOperators(t)
	for want, change := range map[string]func(*kit.Config){
		"only on a loopback address":           func(c *kit.Config) { *c = kit.Config{Plaintext: true, AdminListen: "0.0.0.0:0"} },
		"in plaintext only on":                 func(c *kit.Config) { *c = kit.Config{Plaintext: true, AdminListen: ":0"} },
		"on a loopback":                        func(c *kit.Config) { *c = kit.Config{Plaintext: true, AdminListen: "192.0.2.1:9091"} },
		"needs --tls-client-ca":                func(c *kit.Config) { c.TLSClientCA = "" },
		"and --admin-allow: who may":           func(c *kit.Config) { c.AdminAllow = nil },
		"of no use without --admin-listen":     func(c *kit.Config) { c.AdminListen = "" },
		"is no SPIFFE ID":                      func(c *kit.Config) { c.AdminAllow = []string{"spiffe://"} },
		"--allow needs --tls-client-ca: witho": func(c *kit.Config) { *c = kit.Config{Plaintext: true, Allow: []string{"a"}} },
	} {
		config := o.config
		config.Listen, config.AdminListen = "127.0.0.1:0", "127.0.0.1:0"
		change(&config)
		s, err := kit.New(t.Context(), kit.Options{Config: config, Service: "odd"})
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New(%+v) = %v, want %q", config, err, want)
		}
	}
}

// A drain that is asked for ends the process, and tells its steps to the last.
func TestADrainOnDemandEndsTheProcess(t *testing.T) {
	m := startManaged(t, kit.Config{Plaintext: true}, insecure.NewCredentials())
	stream, err := controlv1.NewControlServiceClient(dial(t, m.AdminAddr(), insecure.NewCredentials())).Drain(within(t),
		&controlv1.DrainRequest{Mutation: &controlv1.Mutation{Reason: "a test", Etag: "*"}, Deadline: durationpb.New(patience)})
	if err != nil {
		t.Fatal(err)
	}
	own := m.dial(t)
	for _, want := range []controlv1.DrainStep{
		controlv1.DrainStep_DRAIN_STEP_NOT_SERVING, controlv1.DrainStep_DRAIN_STEP_DEREGISTERED, controlv1.DrainStep_DRAIN_STEP_PROPAGATED,
		controlv1.DrainStep_DRAIN_STEP_STOPPING, controlv1.DrainStep_DRAIN_STEP_STOPPED,
	} {
		response, err := stream.Recv()
		if err != nil || response.GetStep() != want || response.GetProblem() != "" {
			t.Fatalf("%v, %v, want %v", response, err, want)
		}
		if want == controlv1.DrainStep_DRAIN_STEP_DEREGISTERED { // clients have a second to notice
			if got := healthOf(t, own); got != "NOT_SERVING" {
				t.Errorf("health = %s", got)
			}
			if err := call(t, own); err != nil {
				t.Errorf("a call that comes while clients notice: %v", err)
			}
		}
	}
	if err := m.end(t); err != nil {
		t.Errorf("Run = %v", err)
	}
}
