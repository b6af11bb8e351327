package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Handler serves the metrics, in the OpenMetrics format, and with exemplars, to
// who asks for it.
func (t *Telemetry) Handler() http.Handler {
	return promhttp.HandlerFor(t.registry, promhttp.HandlerOpts{
		EnableOpenMetrics:   true,
		ErrorHandling:       promhttp.ContinueOnError, // one bad metric must not cost all others
		ErrorLog:            slog.NewLogLogger(t.log.Handler(), slog.LevelError),
		MaxRequestsInFlight: 8,
		Timeout:             20 * time.Second,
	})
}

// Probe returns why the answer is no, or nil for yes.
type Probe func(context.Context) error

// probeTimeout bounds a probe: no answer is a no.
const probeTimeout = 3 * time.Second

// Server returns an HTTP server of /metrics, /livez (is the process worth
// keeping?) and /readyz (should it get calls?). A nil probe says yes. The caller
// serves and shuts it down; slow clients are cut off.
func (t *Telemetry) Server(live, ready Probe) *http.Server {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", t.Handler())
	mux.Handle("GET /livez", probed(live))
	mux.Handle("GET /readyz", probed(ready))
	return &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(t.log.Handler(), slog.LevelDebug),
	}
}

func probed(probe Probe) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), probeTimeout)
		defer cancel()
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		if probe != nil {
			if err := probe(ctx); err != nil {
				w.WriteHeader(http.StatusServiceUnavailable)
				fmt.Fprintln(w, err)
				return
			}
		}
		fmt.Fprintln(w, "ok")
	})
}
