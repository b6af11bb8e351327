package kit_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/gctl-dev/gctl/internal/stack"
	"github.com/gctl-dev/gctl/svc/kit"
)

func TestTheCatalogSaysWhereHTTPIsServed(t *testing.T) {
	agent := stack.ConsulFor(t, stack.ConsulOptions{})
	r, url := startHTTP(t, kit.Options{Service: "front", Config: kit.Config{Consul: agent.Addr}}, func(http.ResponseWriter, *http.Request) {})
	until(t, "it is registered", func() bool { return len(r.log.lines(t, "registered")) > 0 })
	_, body, err := fetch(t, httpClient(t, false), "http://"+agent.Addr+"/v1/catalog/service/front")
	var found []struct {
		ServiceMeta map[string]string `json:"ServiceMeta"`
	}
	if err != nil || json.Unmarshal([]byte(body), &found) != nil || len(found) != 1 {
		t.Fatalf("%v %s", err, body)
	}
	if got := found[0].ServiceMeta["http"]; got != strings.TrimPrefix(url, "http://") {
		t.Errorf("http is %q, served at %s", got, url)
	}
}
