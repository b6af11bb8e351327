package consul_test

import (
	"errors"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/consul"
	"github.com/gctl-dev/gctl/fleet/fleettest"
	"github.com/gctl-dev/gctl/internal/stack"
)

// announce registers an instance with the agent itself, as a process does.
func announce(t *testing.T, agent, token, id string) fleet.Instance {
	t.Helper()
	put(t, agent, token, "/v1/agent/service/register", map[string]any{"ID": id, "Name": "user", "Address": "127.0.0.1", "Port": 9090})
	return fleet.Instance{ID: id, Service: "user", Addr: "127.0.0.1:9090"}
}

func maintainer(t *testing.T, c fleet.Catalog) fleet.Maintainer {
	t.Helper()
	m, ok := c.(fleet.Maintainer)
	if !ok {
		t.Fatal("Consul's catalog cannot take instances out of traffic")
	}
	return m
}

func TestMaintenanceConforms(t *testing.T) {
	fleettest.Maintainer(t, func(t *testing.T) fleettest.MaintenanceWorld {
		agent := stack.ConsulFor(t, stack.ConsulOptions{})
		return fleettest.MaintenanceWorld{
			Catalog: open(t, consul.Options{Address: agent.Addr}), Instance: announce(t, agent.Addr, "", "user 1/a"),
		}
	})
}

// The agent of the context knows the instance by the catalog only: maintenance is
// set at the agent of the instance's machine, at the machine's address and the
// port of the context's agent.
func TestMaintenanceIsSetAtTheInstancesOwnAgent(t *testing.T) {
	near, far := stack.ConsulFor(t, stack.ConsulOptions{}), stack.ConsulFor(t, stack.ConsulOptions{})
	in := announce(t, far.Addr, "", "user-1")
	put(t, near.Addr, "", "/v1/catalog/register", map[string]any{
		"Node": "far", "Address": "127.0.0.2",
		"Service": map[string]any{"ID": in.ID, "Service": "user", "Address": "127.0.0.1", "Port": 9090},
	})
	m := maintainer(t, open(t, consul.Options{Address: near.Addr}))
	_, err := m.SetMaintenance(t.Context(), in, true, "a test")
	var e *fleet.Error
	if !errors.As(err, &e) || !strings.Contains(e.Hint, "consul maint -enable -service=user-1") || e.Instance != "user-1" {
		t.Errorf("an agent that cannot be reached: %#v", err)
	}

	var lc net.ListenConfig
	listener, err := lc.Listen(t.Context(), "tcp", "127.0.0.2:"+strconv.Itoa(near.Port))
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: far.Addr})
	proxy.Transport = &http.Transport{DisableKeepAlives: true}
	server := &http.Server{Handler: proxy}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() { server.Close(); <-done })
	if _, err := m.SetMaintenance(t.Context(), in, true, "a test"); err != nil {
		t.Fatal(err)
	}
	at := maintainer(t, open(t, consul.Options{Address: far.Addr}))
	if on, reason, err := at.Maintenance(t.Context(), in); err != nil || !on || reason != "a test" {
		t.Errorf("Maintenance = %v, %q, %v", on, reason, err)
	}
}

func TestMaintenanceWithoutTheRightTokenSaysWhatItNeeds(t *testing.T) {
	const root = "7f4e8d7a-0000-4000-8000-000000000002"
	agent := stack.ConsulFor(t, stack.ConsulOptions{HCL: `acl {
		enabled = true
		default_policy = "deny"
		tokens { initial_management = "` + root + `" agent = "` + root + `" }
	}`})
	in := announce(t, agent.Addr, root, "user-1")
	put(t, agent.Addr, root, "/v1/acl/policy", map[string]any{"Name": "read", "Rules": `service_prefix "" { policy = "read" }
		node_prefix "" { policy = "read" }
		agent_prefix "" { policy = "read" }`})
	reader := "7f4e8d7a-0000-4000-8000-000000000003"
	put(t, agent.Addr, root, "/v1/acl/token", map[string]any{"SecretID": reader, "Policies": []map[string]string{{"Name": "read"}}})
	_, err := maintainer(t, open(t, consul.Options{Address: agent.Addr, Token: reader})).SetMaintenance(t.Context(), in, true, "x")
	var e *fleet.Error
	if !errors.As(err, &e) || !strings.Contains(e.Hint, "service:write for user") {
		t.Errorf("%#v", err)
	}
	if _, err := maintainer(t, open(t, consul.Options{Address: agent.Addr, Token: root})).SetMaintenance(t.Context(), in, true, "x"); err != nil {
		t.Error(err)
	}
}
