package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	discovery "github.com/gctl-dev/gctl/discovery/consul"
	"github.com/gctl-dev/gctl/internal/stack"
	"github.com/gctl-dev/gctl/internal/testkit/tty"
)

// backends is a home whose context has a Consul, a Prometheus and a Jaeger, each
// behind a road.
type backends struct {
	env                        []string
	consul, prometheus, jaeger *road
	catalog                    *discovery.Client
}

func newBackends(t *testing.T) *backends {
	t.Helper()
	agent := stack.ConsulFor(t, stack.ConsulOptions{})
	b := &backends{consul: newRoad(t, agent.Addr)}
	b.prometheus = newRoad(t, stack.PrometheusFor(t, stack.PrometheusOptions{}).Addr)
	b.jaeger = newRoad(t, stack.JaegerFor(t).Query)
	client, err := discovery.New(discovery.Config{Address: agent.Addr})
	if err != nil {
		t.Fatal(err)
	}
	b.catalog = client
	b.register(t, "checkout", healthServer(t, true))
	dir := t.TempDir()
	config := fmt.Sprintf("current: shop\ncontexts:\n  shop: {catalog: 'consul://%s', prometheus: 'http://%s', jaeger: 'http://%s'}\ndash: {refresh: {metrics: 1s}}\n", b.consul.addr, b.prometheus.addr, b.jaeger.addr)
	if err := os.MkdirAll(filepath.Join(dir, ".config", "gctl"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, ".config", "gctl", "config.yaml"), config)
	b.env = tty.Env("HOME="+dir, "XDG_STATE_HOME="+dir, "XDG_CACHE_HOME="+dir)
	return b
}

func (b *backends) register(t *testing.T, service, addr string) {
	t.Helper()
	if err := b.catalog.Register(t.Context(), discovery.Registration{Service: service, Addr: addr}); err != nil {
		t.Fatal(err)
	}
}

func (b *backends) start(t *testing.T, args ...string) *tty.Terminal {
	t.Helper()
	return tty.Start(t, tty.Options{Width: 120, Height: 30, Env: b.env}, gctl(t), append([]string{"dash"}, args...)...)
}

// keysAnswer opens the help and leaves it again.
func keysAnswer(term *tty.Terminal) {
	term.Press("?")
	term.WaitFor("On this screen:")
	term.Press("esc")
	term.WaitGone("On this screen:")
}

// A catalog that goes while the dashboard is open leaves what is known of it, called
// old; when it comes again all is fresh, without a key.
func TestDashOutlivesItsCatalog(t *testing.T) {
	t.Parallel()
	b := newBackends(t)
	term := b.start(t)
	term.WaitFor("consul ✓")
	term.WaitFor("checkout")
	b.consul.down()
	term.WaitUntil("an old catalog", func(s string) bool {
		head, _, _ := strings.Cut(s, "\n")
		return strings.Contains(head, "consul ✗") && strings.Contains(head, "(cached)") && strings.Contains(s, "checkout")
	})
	keysAnswer(term)
	term.Press("enter")
	term.WaitFor("gctl shop ▸ service ▸")
	term.Press("esc")
	b.register(t, "later", healthServer(t, true))
	b.consul.up(false)
	term.WaitFor("later")
	term.WaitFor("consul ✓")
	term.WaitFor("metrics ✓")
	b.prometheus.down()
	term.WaitFor("metrics ✗")
	keysAnswer(term)
	b.prometheus.up(false)
	term.WaitFor("metrics ✓")
	term.WaitGone("(cached)")
	term.Press("q")
	term.WaitExit()
}

// Backends that are down at the start say what to do, and are there as soon as they
// are, without a key.
func TestDashWaitsForItsBackends(t *testing.T) {
	t.Parallel()
	b := newBackends(t)
	b.consul.down()
	b.prometheus.down()
	b.jaeger.down()
	term := b.start(t)
	term.WaitFor("consul ✗ down")
	term.WaitFor("No catalog:")
	term.WaitFor("gctl doctor")
	keysAnswer(term)
	term.Press("t")
	term.WaitFor("✗ No traces:")
	term.Press("esc")
	term.WaitFor("No catalog:")
	b.consul.up(false)
	term.WaitFor("checkout")
	term.WaitFor("consul ✓")
	term.WaitFor("metrics ! no prometheus")
	term.Press("t")
	term.WaitFor("✗ No traces:")
	b.jaeger.up(false)
	term.Press("ctrl+r")
	term.WaitFor("Jaeger has no traces at all")
	term.Press("q")
	term.WaitExit()
}

// Backends that take every question and never answer freeze no key, and are said to
// be silent.
func TestDashIsNotFrozenByBackendsThatHang(t *testing.T) {
	t.Parallel()
	b := newBackends(t)
	b.consul.up(true)
	term := b.start(t)
	term.WaitFor("Asking the catalog")
	keysAnswer(term)
	b.consul.up(false)
	term.WaitFor("checkout")
	b.prometheus.up(true)
	b.jaeger.up(true)
	term.Press("enter")
	term.WaitFor("gctl shop ▸ service ▸")
	keysAnswer(term)
	term.Press("t")
	term.WaitFor("Searching for traces")
	keysAnswer(term)
	term.WaitFor("✗ No traces:")
	b.consul.up(true)
	term.Press("esc", "esc")
	term.WaitFor("consul ✗")
	term.WaitFor("checkout")
	keysAnswer(term)
	b.consul.up(false)
	term.WaitFor("consul ✓")
	term.Press("q")
	term.WaitExit()
}
