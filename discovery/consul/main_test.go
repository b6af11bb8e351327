package consul_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gctl-dev/gctl/discovery/consul"
	"github.com/gctl-dev/gctl/internal/stack"
)

func TestMain(m *testing.M) {
	for _, name := range []string{"CONSUL_HTTP_ADDR", "CONSUL_HTTP_TOKEN", "CONSUL_NAMESPACE", "CONSUL_HTTP_SSL"} {
		os.Unsetenv(name)
	}
	goleak.VerifyTestMain(m)
}

// newClient returns a client that is closed at the test's end.
func newClient(t *testing.T, cfg consul.Config) *consul.Client {
	t.Helper()
	c, err := consul.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// agent starts a Consul for the test and returns a client of it.
func agent(t *testing.T) (*stack.Consul, *consul.Client) {
	t.Helper()
	a := stack.ConsulFor(t, stack.ConsulOptions{})
	return a, newClient(t, consul.Config{Address: a.Addr})
}

// put sends a request to the agent that the client has no method for.
func put(t testing.TB, a *stack.Consul, path string, body any) {
	t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://"+a.Addr+path, bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
		t.Fatalf("PUT %s: %s: %s", path, resp.Status, text)
	}
}

// limit is how long a test waits for what should happen soon: the machine may be
// busy with other things.
const limit = time.Minute

// eventually polls until ok, because Consul's catalog follows its agent with a
// delay.
func eventually(t *testing.T, what string, ok func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	for {
		err := ok()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: %v", what, err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// node is a body for /v1/catalog/register: a machine that no agent reaps.
func node(name, status string) map[string]any {
	return map[string]any{
		"Node": name, "Address": "10.0.0.1",
		"Check": map[string]any{"CheckID": "alive", "Name": "alive", "Status": status},
	}
}

// instance is a body for /v1/catalog/register: a service on a machine, with one
// check, or without any where status is "".
func instance(nodeName, service, id, status string, tags ...string) map[string]any {
	body := map[string]any{
		"Node": nodeName, "Address": "10.0.0.1", "SkipNodeUpdate": true,
		"Service": map[string]any{"ID": id, "Service": service, "Port": 9000, "Tags": tags},
	}
	if status != "" {
		body["Check"] = map[string]any{"CheckID": "service:" + id, "Name": "c", "Status": status, "ServiceID": id, "Type": "grpc"}
	}
	return body
}

func counts(s consul.Service) string {
	return fmt.Sprintf("%d: %d passing, %d warning, %d critical, %d maintenance", s.Endpoints, s.Passing, s.Warning, s.Critical, s.Maintenance)
}
