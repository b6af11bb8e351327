package commands

import (
	"context"
	"sync"

	"github.com/gctl-dev/gctl/fleet"
)

// heldMetrics opens what tells how calls went once for all who ask, until it is
// closed. What has no memory is opened again: a Prometheus may answer by then.
type heldMetrics struct {
	f *Factory

	mu    sync.Mutex
	held  fleet.MetricsReader // nil: none that remembers
	close []func()
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
		h.close = append(h.close, s.Close)
	}
	return s.Reader, nil
}

// Close closes all that was opened.
func (h *heldMetrics) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, end := range h.close {
		end()
	}
	h.close = nil
}
