package scrape_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/fleettest"
	"github.com/gctl-dev/gctl/fleet/scrape"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func serve(t *testing.T, p *fleettest.Page) {
	t.Helper()
	s := httptest.NewServer(p)
	t.Cleanup(s.Close)
	p.Instance.Meta[fleet.MetaMetrics] = strings.TrimPrefix(s.URL, "http://")
}

func TestConformance(t *testing.T) {
	fleettest.MetricsReader(t, func(t *testing.T, pages []*fleettest.Page) fleettest.MetricsWorld {
		for _, p := range pages {
			serve(t, p)
		}
		return fleettest.MetricsWorld{Reader: scrape.New(scrape.Options{Pause: time.Second})}
	})
}
