package jaeger_test

import (
	_ "embed"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/backend"
	"github.com/gctl-dev/gctl/fleet/fleettest"
	"github.com/gctl-dev/gctl/fleet/jaeger"
	"github.com/gctl-dev/gctl/internal/stack"
	"github.com/gctl-dev/gctl/internal/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

//go:embed testdata/page.html
var page string

func reader(t *testing.T, address string) *jaeger.Reader {
	t.Helper()
	c, err := backend.New(backend.Options{Name: "jaeger", URL: address, MaxBytes: 8 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return jaeger.New(jaeger.Options{Client: c})
}

// without stands before a Jaeger that lacks a part of its API: as the real ones do,
// it shows its web interface there.
func without(t *testing.T, addr string, lacks func(path string) bool) string {
	t.Helper()
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: addr})
	transport := &http.Transport{}
	proxy.Transport = transport
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if lacks(r.URL.Path) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = io.WriteString(w, page)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		s.Close()
		transport.CloseIdleConnections()
	})
	return s.URL
}

// prefixed stands before a Jaeger that is below /tracing.
func prefixed(t *testing.T, addr string) string {
	t.Helper()
	inner := without(t, addr, func(string) bool { return false })
	target, err := url.Parse(inner)
	if err != nil {
		t.Fatal(err)
	}
	proxy, transport := httputil.NewSingleHostReverseProxy(target), &http.Transport{}
	proxy.Transport = transport
	mux := http.NewServeMux()
	mux.Handle("/tracing/", http.StripPrefix("/tracing", proxy))
	s := httptest.NewServer(mux)
	t.Cleanup(func() {
		s.Close()
		transport.CloseIdleConnections()
	})
	return s.URL
}

func isV3(path string) bool { return strings.HasPrefix(path, "/api/v3") }

func TestRealJaegers(t *testing.T) {
	j := stack.JaegerFor(t)
	for name, address := range map[string]string{
		"1.62 as it is":       "http://" + j.Query,
		"with the newer API":  without(t, j.Query, func(path string) bool { return !isV3(path) }),
		"with the older API":  without(t, j.Query, isV3),
		"below a path prefix": prefixed(t, j.Query) + "/tracing/",
	} {
		t.Run(name, func(t *testing.T) {
			fleettest.TraceReader(t, func(t *testing.T) fleettest.TraceWorld {
				return fleettest.TraceWorld{
					Reader: reader(t, address), Resolution: 2 * time.Microsecond,
					Send: func(traces ...fleet.Trace) {
						if _, err := testkit.SendOTLP(t.Context(), j.OTLP, traces...); err != nil {
							t.Fatal(err)
						}
					},
				}
			})
		})
	}
}
