package consul_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"testing"

	"go.uber.org/goleak"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/consul"
	"github.com/gctl-dev/gctl/fleet/fleettest"
	"github.com/gctl-dev/gctl/internal/stack"
)

func TestMain(m *testing.M) {
	for _, name := range []string{"CONSUL_HTTP_ADDR", "CONSUL_HTTP_TOKEN", "CONSUL_HTTP_TOKEN_FILE", "CONSUL_NAMESPACE", "CONSUL_HTTP_SSL"} {
		os.Unsetenv(name)
	}
	goleak.VerifyTestMain(m)
}

func open(t *testing.T, opts consul.Options) fleet.Catalog {
	t.Helper()
	c, err := consul.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.(*consul.Catalog).Close() })
	return c
}

// put sends a request to an agent.
func put(t *testing.T, addr, token, path string, body any) {
	t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://"+addr+path, bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Consul-Token", token)
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
		t.Fatalf("PUT %s: %s: %s", path, resp.Status, text)
	}
}

// machine is the node on which register puts instances; no agent reaps it.
const machine = "machine"

// register writes an instance into the catalog of Consul.
func register(t *testing.T, addr string, i fleet.Instance) {
	t.Helper()
	host, portText, err := net.SplitHostPort(i.Addr)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		t.Fatal(err)
	}
	check := map[string]any{"Node": machine, "CheckID": "service:" + i.ID, "Name": "c", "ServiceID": i.ID, "Type": "grpc", "Status": i.Catalog}
	if i.Catalog == fleet.Maintenance {
		check["CheckID"], check["Status"] = "_service_maintenance:"+i.ID, fleet.Critical
	}
	put(t, addr, "", "/v1/catalog/register", map[string]any{
		"Node": machine, "Address": "127.0.0.1", "Check": check,
		"Service": map[string]any{"ID": i.ID, "Service": i.Service, "Address": host, "Port": port, "Tags": i.Tags, "Meta": i.Meta},
	})
}

func TestConformance(t *testing.T) { fleettest.Catalog(t, world) }

// world is a catalog of an agent of its own.
func world(t *testing.T) fleettest.World {
	agent := stack.ConsulFor(t, stack.ConsulOptions{})
	var registered []fleet.Instance
	return fleettest.World{
		Catalog: open(t, consul.Options{Address: "consul://" + agent.Addr}),
		Service: "user",
		Set: func(instances ...fleet.Instance) {
			wanted := map[string]bool{}
			for _, i := range instances {
				wanted[i.ID] = true
				register(t, agent.Addr, i)
			}
			for _, i := range registered {
				if !wanted[i.ID] {
					put(t, agent.Addr, "", "/v1/catalog/deregister", map[string]any{"Node": machine, "ServiceID": i.ID})
				}
			}
			registered = instances
		},
		Break: func() func() {
			if err := agent.Stop(); err != nil {
				t.Fatal(err)
			}
			return func() { stack.ConsulFor(t, stack.ConsulOptions{HTTPPort: agent.Port}) }
		},
	}
}
