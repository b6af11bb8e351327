package commands

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/config"
	"github.com/gctl-dev/gctl/internal/testkit"
	"github.com/gctl-dev/gctl/rpc"
)

// doctorJSON runs the doctor over a catalog and returns what it found.
func doctorJSON(t *testing.T, catalog *fakeCatalog, c config.Context) (diagnosis, result) {
	t.Helper()
	f, run := withCatalog(catalog, nil)
	f.Context = func() (config.Context, error) { return c, nil }
	got := run(t.Context(), "doctor", "-o", "json")
	var d diagnosis
	if err := json.Unmarshal([]byte(got.out), &d); err != nil {
		t.Fatalf("%v in %+v", err, got)
	}
	return d, got
}

func row(d diagnosis, name string) checkRow {
	for _, c := range d.Checks {
		if c.Check == "service" && c.Name == name {
			return c
		}
	}
	return checkRow{}
}

func TestDoctorOfAHealthyFleet(t *testing.T) {
	_, one := testkit.Server{}.Start(t)
	_, two := testkit.Server{}.Start(t)
	d, got := doctorJSON(t, &fakeCatalog{instances: []fleet.Instance{
		{ID: "a", Service: "interop", Addr: one, Catalog: fleet.Passing},
		{ID: "b", Service: "interop", Addr: two, Catalog: fleet.Passing},
		{Service: "empty"},
	}}, config.Context{Name: "prod"})
	if got.code != 0 || !d.Healthy || got.err != "" {
		t.Errorf("%+v", got)
	}
	if r := row(d, "interop"); r.State != "ok" || len(r.Instances) != 2 || !strings.HasPrefix(r.Found, "plaintext; reflection lists") {
		t.Errorf("instances with the same findings share a row: %+v", r)
	}
	if d.FirstCall != "gctl call grpc.testing.TestService/EmptyCall" {
		t.Errorf("first call %q", d.FirstCall)
	}
}

func TestDoctorTellsFaultsFromOtherProtocols(t *testing.T) {
	web := testkit.Listen(t)
	go func() {
		for {
			conn, err := web.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte("SSH-2.0-other\r\n"))
			conn.Close()
		}
	}()
	gone := testkit.ClosedAddr(t)
	d, got := doctorJSON(t, &fakeCatalog{instances: []fleet.Instance{
		{ID: "web", Service: "other", Addr: web.Addr().String()},
		{ID: "lie", Service: "liar", Addr: web.Addr().String(), GRPC: true},
		{ID: "gone", Service: "gone", Addr: gone},
		{ID: "out", Service: "out", Addr: gone, Catalog: fleet.Maintenance},
	}}, config.Context{Name: "prod"})
	want := map[string]string{"other": "no_grpc", "liar": "fault", "gone": "fault", "out": "maintenance"}
	for name, state := range want {
		if r := row(d, name); r.State != state || r.Found == "" || (state == "fault") != (r.Fix != "") {
			t.Errorf("%s: %+v, want %s", name, r, state)
		}
	}
	if got.code != 3 || d.Healthy || !strings.Contains(got.err, "2 faults") {
		t.Errorf("%+v", got)
	}
}

func TestDoctorSeesDifferentSchemas(t *testing.T) {
	_, one := testkit.Server{}.Start(t)
	_, two := testkit.Server{NoHealth: true}.Start(t)
	d, got := doctorJSON(t, &fakeCatalog{instances: []fleet.Instance{
		{ID: "a", Service: "interop", Addr: one}, {ID: "b", Service: "interop", Addr: two},
	}}, config.Context{})
	last := d.Checks[len(d.Checks)-1]
	if got.code != 3 || !strings.Contains(last.Found, "different schemas") {
		t.Errorf("%+v", d)
	}
}

func TestFixIsALineToPaste(t *testing.T) {
	in := fleet.Instance{ID: "a", Addr: "10.0.0.1:1"}
	f, _ := testFactory(map[string]string{"CONSUL_HTTP_ADDR": "http://10.0.0.9:8500"})
	for _, c := range []struct {
		context config.Context
		cause   rpc.Cause
		want    string
	}{
		{config.Context{Name: "prod"}, rpc.CausePlainServer, "gctl context add prod --plaintext"},
		{config.Context{Name: "prod"}, rpc.CauseUnknownCA, "gctl context add prod --cacert FILE"},
		{config.Context{Name: "prod", TLS: config.TLS{CACert: "x"}}, rpc.CausePlainServer, "the context asks for TLS"},
		{config.Context{}, rpc.CausePlainServer, "gctl context add default --catalog consul://10.0.0.9:8500 --plaintext && gctl context use default"},
		{config.Context{}, rpc.CauseRefused, "gctl explain 10.0.0.1:1"},
	} {
		x := &examination{f: f, context: c.context}
		if got := x.fix(in, &rpc.Finding{Cause: c.cause}); !strings.HasPrefix(got, c.want) {
			t.Errorf("%+v, %s: %q, want %q", c.context, c.cause, got, c.want)
		}
	}
}

func TestDoctorAsksWithTheHeadersOfTheContext(t *testing.T) {
	_, addr := testkit.Server{Options: []grpc.ServerOption{grpc.UnaryInterceptor(
		func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			if len(metadata.ValueFromIncomingContext(ctx, "x-tenant")) == 0 {
				return nil, status.Error(codes.PermissionDenied, "who?")
			}
			return next(ctx, req)
		},
	)}}.Start(t)
	catalog := &fakeCatalog{instances: []fleet.Instance{{ID: "a", Service: "closed", Addr: addr, Catalog: fleet.Passing}}}
	d, _ := doctorJSON(t, catalog, config.Context{Name: "prod", Headers: map[string]string{"x-tenant": "me"}})
	if r := row(d, "closed"); r.State != "ok" || strings.Contains(r.Found, "refused") {
		t.Errorf("%+v", r)
	}
}

// refusing is a control plane whose instances do not answer, in words that name
// each.
type refusing struct{ fleet.ControlPlane }

func (refusing) Controller(_ context.Context, in fleet.Instance) (fleet.Controller, error) {
	return nil, &fleet.Error{What: "ask for the changes", Instance: in.ID, Err: errors.New("refused")}
}

// hangingPlane never answers.
type hangingPlane struct{ fleet.ControlPlane }

func (hangingPlane) Controller(ctx context.Context, _ fleet.Instance) (fleet.Controller, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestDoctorOfControlAPIs(t *testing.T) {
	a, b := fleet.Instance{ID: "a", Service: "user"}, fleet.Instance{ID: "b", Service: "user"}
	rows := together([]checkRow{askControl(t.Context(), refusing{}, &a), askControl(t.Context(), refusing{}, &b)})
	if len(rows) != 1 || rows[0].Found != "ask for the changes: refused" || len(rows[0].Instances) != 2 {
		t.Errorf("%+v", rows)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if r := askControl(ctx, hangingPlane{}, &a); r.State != stateFault || !strings.Contains(r.Fix, "gctl health user") {
		t.Errorf("%+v", r)
	}
}

func TestDoctorOfABackendThatHangs(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	x := &examination{}
	r, _ := x.backend(ctx, "prometheus", &config.Backend{URL: "http://p"}, func(ctx context.Context) (string, []fleet.Joined, error) {
		<-ctx.Done()
		return "", nil, ctx.Err()
	})
	if r.State != stateFault || !strings.Contains(r.Fix, "hanging or overloaded") {
		t.Errorf("%+v", r)
	}
	own := &fleet.Error{What: "ask", Hint: "is it running? gctl doctor looks at all backends"}
	if r := failedCheck("prometheus", "p", own); r.Fix != "is it running?" {
		t.Errorf("%+v", r)
	}
}
