package consul_test

import (
	"testing"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/consul"
	"github.com/gctl-dev/gctl/internal/stack"
)

const root = "11111111-2222-3333-4444-555555555555"

// guarded starts an agent that denies what no policy allows, with two services
// in its catalog.
func guarded(t *testing.T) *stack.Consul {
	t.Helper()
	agent := stack.ConsulFor(t, stack.ConsulOptions{HCL: `
		acl {
			enabled        = true
			default_policy = "deny"
			tokens { initial_management = "` + root + `" }
		}`})
	for _, service := range []string{"user", "payments"} {
		put(t, agent.Addr, root, "/v1/catalog/register", map[string]any{
			"Node": machine, "Address": "127.0.0.1", "Service": map[string]any{"ID": service + "-1", "Service": service, "Port": 9090},
		})
	}
	return agent
}

// tokenFor makes a token with these rules.
func tokenFor(t *testing.T, addr, id, rules string) string {
	t.Helper()
	put(t, addr, root, "/v1/acl/policy", map[string]any{"Name": "p-" + id[:8], "Rules": rules})
	put(t, addr, root, "/v1/acl/token", map[string]any{"SecretID": id, "Policies": []any{map[string]any{"Name": "p-" + id[:8]}}})
	return id
}

func TestWhatACLsHideIsSaidToBeHidden(t *testing.T) {
	agent := guarded(t)
	narrow := tokenFor(t, agent.Addr, "aaaaaaaa-2222-3333-4444-555555555555", `
		service "user" { policy = "read" }
		node_prefix "" { policy = "read" }`)

	c := open(t, consul.Options{Address: agent.Addr, Token: narrow})
	list, err := c.Services(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(list.Services) != 1 || list.Services[0].Name != "user" || list.Services[0].Passing != 1 || !list.Hidden {
		t.Errorf("Services = %+v, want user alone, and hidden", list)
	}
	instances, err := c.Instances(t.Context(), "payments")
	if err != nil || len(instances.Instances) != 0 || !instances.Hidden {
		t.Errorf("Instances = %+v, %v; want none, and hidden", instances, err)
	}

	c = open(t, consul.Options{Address: agent.Addr, Token: root})
	if list, err = c.Services(t.Context()); err != nil || len(list.Services) != 3 || list.Hidden {
		t.Errorf("Services as root = %+v, %v; want all three, and nothing hidden", list, err)
	}
	// Nobody may see anything: Consul does not even refuse, it hides.
	c = open(t, consul.Options{Address: agent.Addr})
	if list, err = c.Services(t.Context()); err != nil || len(list.Services) != 0 || !list.Hidden {
		t.Errorf("Services without a token = %+v, %v; want none, and hidden", list, err)
	}
}

func TestAWrongTokenIsForbidden(t *testing.T) {
	agent := guarded(t)
	c := open(t, consul.Options{Address: agent.Addr, Token: "99999999-secret"})
	fails(t, c, fleet.Failed, "does not permit this: 403 Forbidden: ACL not found", "CONSUL_HTTP_TOKEN sets another one")
}

func TestForbiddenWithoutAToken(t *testing.T) {
	c := open(t, consul.Options{Address: fake(t, answer(403, "text/plain", "Permission denied"))})
	fails(t, c, fleet.Failed, "does not permit this: 403", "set CONSUL_HTTP_TOKEN to a token with service:read")
}
