package commands

import (
	"strings"
	"testing"

	"google.golang.org/grpc"

	controlv1 "github.com/gctl-dev/gctl/api/gctl/control/v1"
	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/config"
	"github.com/gctl-dev/gctl/internal/testkit"
)

func TestAReadOnlyContextDoesNotCallWhatChanges(t *testing.T) {
	_, addr := testkit.Server{Register: func(s *grpc.Server) {
		controlv1.RegisterControlServiceServer(s, controlv1.UnimplementedControlServiceServer{})
	}}.Start(t)
	call := func(args ...string) result {
		f, run := withCatalog(&fakeCatalog{instances: []fleet.Instance{{ID: "a", Service: "user", Addr: addr, Catalog: fleet.Passing}}}, nil)
		f.Context = func() (config.Context, error) { return config.Context{Name: "audit", ReadOnly: true}, nil }
		return run(t.Context(), append([]string{"call", "--instance", "a", "-d", "{}"}, args...)...)
	}
	for method, refused := range map[string]bool{
		"gctl.control.v1.ControlService/SetServing": true, "gctl.control.v1.ControlService/Drain": true,
		"gctl.control.v1.ControlService/ListBreakers": false, "gctl.control.v1.ControlService/WatchBreakers": false,
		"grpc.testing.TestService/EmptyCall": false,
	} {
		r := call(method)
		if strings.Contains(r.err, "error: the context audit is read_only") != refused || refused != (r.code == 2) {
			t.Errorf("%s: %+v", method, r)
		}
	}
	if r := call("gctl.control.v1.ControlService/SetServing", "--dry-run"); strings.Contains(r.err, "read_only") {
		t.Errorf("a dry run changes nothing: %+v", r)
	}
}
