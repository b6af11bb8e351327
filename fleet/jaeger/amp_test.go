package jaeger_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/backend"
	"github.com/gctl-dev/gctl/fleet/jaeger"
)

// grown is by how much the heap grew at most while do ran.
func grown(do func()) uint64 {
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var most atomic.Uint64
	done := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				runtime.ReadMemStats(&now)
				most.Store(max(most.Load(), now.HeapAlloc))
			}
		}
	})
	do()
	close(done)
	all.Wait()
	return max(most.Load(), before.HeapAlloc) - before.HeapAlloc
}

func TestAmp(t *testing.T) {
	for name, body := range map[string]string{
		"spans":     `{"resourceSpans":[{"scopeSpans":[{"spans":[{}` + strings.Repeat(",{}", 20<<20) + `]}]}]}`,
		"resources": `{"resourceSpans":[{}` + strings.Repeat(",{}", 20<<20) + `]}`,
		"v1spans":   `{"data":[{"spans":[{}` + strings.Repeat(",{}", 20<<20) + `]}]}`,
		"v1data":   `{"data":[{}` + strings.Repeat(",{}", 20<<20) + `]}`,
		"names":     `{"services":[""` + strings.Repeat(`,""`, 20<<20) + `]}`,
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasPrefix(name, "v1") == strings.HasPrefix(r.URL.Path, "/api/v3") {
					http.NotFound(w, r)
					return
				}
				_, _ = io.WriteString(w, body)
			}))
			defer s.Close()
			c, _ := backend.New(backend.Options{Name: "jaeger", URL: s.URL})
			defer c.Close()
			r := jaeger.New(jaeger.Options{Client: c})
			began := time.Now()
			t.Logf("%d MiB", grown(func() {
				if name == "names" {
					_, _ = r.TraceServices(t.Context())
					return
				}
				_, _ = r.SearchTraces(t.Context(), fleet.TraceQuery{Service: "user"})
			})>>20)
			t.Log(time.Since(began))
		})
	}
}
