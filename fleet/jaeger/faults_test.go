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
	"github.com/gctl-dev/gctl/fleet/fleettest"
	"github.com/gctl-dev/gctl/fleet/jaeger"
)

func TestEveryFault(t *testing.T) {
	fleettest.HTTPFaults(t, func(t *testing.T, addr string) map[string]error {
		client, err := backend.New(backend.Options{Name: "jaeger", URL: "http://" + addr, Timeout: fleettest.Patience})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(client.Close)
		r := jaeger.New(jaeger.Options{Client: client})
		_, trace := r.Trace(t.Context(), known)
		_, search := r.SearchTraces(t.Context(), fleet.TraceQuery{Service: "user"})
		_, failed := r.SearchTraces(t.Context(), fleet.TraceQuery{Service: "user", ErrorsOnly: true})
		_, services := r.TraceServices(t.Context())
		_, operations := r.TraceOperations(t.Context(), "user")
		return map[string]error{"trace": trace, "search": search, "errors": failed, "services": services, "operations": operations}
	})
}

// grown is by how much the heap grew at most while do ran.
func grown(do func()) uint64 {
	var before runtime.MemStats
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
				var now runtime.MemStats
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

// An answer that is as long as one may be and has nothing in it is read in little
// memory.
func TestManyThingsThatAreNothing(t *testing.T) {
	const many, most = 2 << 20, 256 << 20
	for name, body := range map[string]string{
		"spans":             `{"resourceSpans":[{"scopeSpans":[{"spans":[{}` + strings.Repeat(",{}", many) + `]}]}]}`,
		"resources":         `{"resourceSpans":[{}` + strings.Repeat(",{}", many) + `]}`,
		"older API, spans":  `{"data":[{"spans":[{}` + strings.Repeat(",{}", many) + `]}]}`,
		"older API, traces": `{"data":[{}` + strings.Repeat(",{}", many) + `]}`,
		"services":          `{"services":[""` + strings.Repeat(`,""`, many) + `]}`,
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasPrefix(name, "older") == isV3(r.URL.Path) {
					http.NotFound(w, r)
					return
				}
				_, _ = io.WriteString(w, body)
			}))
			t.Cleanup(s.Close)
			client, err := backend.New(backend.Options{Name: "jaeger", URL: s.URL, Timeout: time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(client.Close)
			r := jaeger.New(jaeger.Options{Client: client})
			var list fleet.TraceList
			var services []string
			got := grown(func() {
				if name == "services" {
					services, err = r.TraceServices(t.Context())
					return
				}
				list, err = r.SearchTraces(t.Context(), fleet.TraceQuery{Service: "user"})
			})
			if err != nil || len(list.Traces)+len(services) != 0 {
				t.Errorf("%d traces, %d services, %v", len(list.Traces), len(services), err)
			}
			if got > most {
				t.Errorf("%d MiB for an answer of %d MiB", got>>20, len(body)>>20)
			}
		})
	}
}
