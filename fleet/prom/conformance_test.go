package prom_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/backend"
	"github.com/gctl-dev/gctl/fleet/fleettest"
	"github.com/gctl-dev/gctl/fleet/prom"
	"github.com/gctl-dev/gctl/internal/stack"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func reader(t *testing.T, url string) *prom.Reader {
	t.Helper()
	c, err := backend.New(backend.Options{Name: "prometheus", URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return prom.New(prom.Options{Client: c})
}

func TestConformance(t *testing.T) {
	fleettest.MetricsReader(t, func(t *testing.T, pages []*fleettest.Page) fleettest.MetricsWorld {
		targets := map[string][]string{}
		for _, p := range pages {
			s := httptest.NewServer(p)
			t.Cleanup(s.Close)
			addr := strings.TrimPrefix(s.URL, "http://")
			p.Instance.Meta[fleet.MetaMetrics] = addr
			targets[p.Instance.Service] = append(targets[p.Instance.Service], addr)
		}
		server := stack.PrometheusFor(t, stack.PrometheusOptions{Targets: targets})
		return fleettest.MetricsWorld{Reader: reader(t, "http://"+server.Addr), Window: 3 * time.Second, History: true}
	})
}
