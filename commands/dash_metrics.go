package commands

import (
	"context"
	"sync"

	"github.com/gctl-dev/gctl/fleet"
)

// heldMetrics opens what tells how calls went once for all who ask, and closes it
// with the dashboard. What has no memory is opened again: a Prometheus may answer
// by then.
type heldMetrics struct {
	f    *Factory
	life context.Context //nolint:containedctx // of the dashboard

	mu   sync.Mutex
	held fleet.MetricsReader // nil: none that remembers
}

func (h *heldMetrics) open(ctx context.Context) (fleet.MetricsReader, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.held != nil {
		return h.held, nil
	}
	s, err := h.f.Metrics(ctx, "")
	if err != nil {
		return nil, err
	}
	if s.History {
		h.held = s.Reader
	}
	if s.Close != nil {
		context.AfterFunc(h.life, s.Close)
	}
	return s.Reader, nil
}
