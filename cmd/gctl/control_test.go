package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	controlv1 "github.com/gctl-dev/gctl/api/gctl/control/v1"
	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/control"
	"github.com/gctl-dev/gctl/internal/testkit"
	"github.com/gctl-dev/gctl/rpc"
	"github.com/gctl-dev/gctl/svc/kit"
)

func managed(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 1, "managed NAME [mtls]")
	t, config := tb(ts), kit.Config{Plaintext: true}
	if slices.Contains(args, "mtls") {
		const operator = "spiffe://test/operator"
		ca := testkit.NewCA(t)
		config = kit.Config{TLSClientCA: ca.File, AdminAllow: []string{operator}}
		config.TLSCert, config.TLSKey = testkit.Files(t, ca.Cert(t, []string{"127.0.0.1", "odd"}))
		for who, id := range map[string]string{"OPERATOR": operator, "CALLER": "spiffe://test/caller"} {
			cert, key := testkit.Files(t, ca.Cert(t, nil, testkit.SPIFFE(t, id)))
			ts.Setenv(who+"_CERT", cert)
			ts.Setenv(who+"_KEY", key)
		}
		ts.Setenv("CA", ca.File)
	}
	m := testkit.NewManaged(t, config)
	ts.Setenv(args[0], m.Addr())
	ts.Setenv(args[0]+"_ADMIN", m.AdminAddr())
}

func stubborn(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 1, "stubborn NAME [TOKEN]")
	s := startStubborn(tb(ts))
	if len(args) > 1 {
		s.token = args[1]
	}
	ts.Setenv(args[0], s.addr)
}

// stubbornServer is a control API that says of every change that it could be made,
// and does not answer when it is to be.
type stubbornServer struct {
	controlv1.UnimplementedControlServiceServer
	healthpb.UnimplementedHealthServer

	addr  string
	token string        // that the list of changes wants, empty for none
	asked chan struct{} // one for each change
}

func (s *stubbornServer) SetLogLevel(ctx context.Context, r *controlv1.SetLogLevelRequest) (*controlv1.SetLogLevelResponse, error) {
	if !r.GetMutation().GetValidateOnly() {
		select {
		case s.asked <- struct{}{}:
		default:
		}
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return &controlv1.SetLogLevelResponse{Change: &controlv1.Change{Resource: "log_level", Value: "debug", Etag: "1"}}, nil
}

func (*stubbornServer) ListLimits(context.Context, *controlv1.ListLimitsRequest) (*controlv1.ListLimitsResponse, error) {
	return &controlv1.ListLimitsResponse{}, nil
}

func (s *stubbornServer) ListChanges(ctx context.Context, _ *controlv1.ListChangesRequest) (*controlv1.ListChangesResponse, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	if s.token != "" && !slices.Equal(md.Get("authorization"), []string{s.token}) {
		return nil, status.Error(codes.Unauthenticated, "who are you?")
	}
	return &controlv1.ListChangesResponse{}, nil
}

func startStubborn(t testing.TB) *stubbornServer {
	t.Helper()
	listener := testkit.Listen(t)
	s := &stubbornServer{addr: listener.Addr().String(), asked: make(chan struct{}, 1)}
	server := grpc.NewServer()
	controlv1.RegisterControlServiceServer(server, s)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() { server.Stop(); <-done })
	return s
}

// gctl is killed while one instance is changed and another has not answered: what
// was changed is written down, and reverts by itself.
func TestAKilledGctlLeavesNothingBeyondTheTTL(t *testing.T) {
	const ttl = 5 * time.Second
	whole, hanging := testkit.NewManaged(t, kit.Config{Plaintext: true}), startStubborn(t)
	home := t.TempDir()
	catalog := filepath.Join(home, "fleet.yaml")
	write(t, catalog, "services:\n  odd:\n    meta: {tls: \"false\"}\n    instances:\n"+
		"      - {id: odd-1, address: \""+whole.Addr()+"\", meta: {admin: \""+whole.AdminAddr()+"\"}}\n"+
		"      - {id: odd-2, address: \""+hanging.addr+"\"}\n")
	write(t, filepath.Join(home, "gctl", "config.yaml"), "current: here\ncontexts:\n  here: {catalog: \"file://"+catalog+"\"}\n")
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(home, "gctl-under-test", "gctl")
	if err := os.MkdirAll(filepath.Dir(link), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(own, link); err != nil {
		t.Fatal(err)
	}
	gctl := func(args ...string) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), link, args...)
		cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_STATE_HOME="+home, "XDG_CACHE_HOME="+home)
		return cmd
	}
	cmd := gctl("loglevel", "odd", "debug", "--ttl", ttl.String(), "--yes", "--reason", "to be killed")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-hanging.asked
	c := controllerOf(t, whole)
	until(t, "the other one is changed", func() bool { _, ok := inForce(t, c); return ok })
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("it ended by itself")
	}

	change, ok := inForce(t, c)
	if !ok || change.Expires.Sub(change.At) != ttl || change.Reason != "to be killed" {
		t.Fatalf("in force: %+v, %v", change, ok)
	}
	out, err := gctl("actions", "--jq", `.[] | .instance + " " + .state`).Output()
	if err != nil || string(out) != "odd-1 in_force\nodd-2 failed\n" {
		t.Errorf("actions: %s, %v", out, err)
	}
	until(t, "it has reverted", func() bool { _, ok := inForce(t, c); return !ok })
	if late := time.Since(change.Expires); late > time.Second {
		t.Errorf("it reverted %s after its end", late)
	}
	out, err = gctl("actions", "--jq", `.[] | select(.instance == "odd-1") | .state`).Output()
	if err != nil || string(out) != "expired\n" {
		t.Errorf("actions: %s, %v", out, err)
	}
	data, err := os.ReadFile(filepath.Join(home, "gctl", "actions.jsonl"))
	if err != nil || strings.Count(string(data), `"phase":"intended"`) != 2 {
		t.Errorf("%s, %v", data, err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func controllerOf(t *testing.T, m *testkit.Managed) fleet.Controller {
	t.Helper()
	c, err := control.New(control.Options{Admin: control.Way{RPC: rpc.Options{}}}).Controller(t.Context(), m.Instance("odd-1"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func inForce(t *testing.T, c fleet.Controller) (fleet.Change, bool) {
	t.Helper()
	list, err := c.Changes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return list.Find(fleet.ResourceLevel)
}

// until waits until something is true.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for timeout := time.After(20 * time.Second); !ok(); {
		select {
		case <-tick.C:
		case <-timeout:
			t.Fatalf("waited in vain until %s", what)
		}
	}
}
