package latest_test

import (
	"context"
	"errors"
	"testing"

	"go.uber.org/goleak"

	"github.com/gctl-dev/gctl/svc/user/repository"
	"github.com/gctl-dev/gctl/svc/user/repository/internal/latest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestWait(t *testing.T) {
	var n latest.Number
	n.Saw(7)
	if err := n.Wait(t.Context(), 6, nil); err != nil {
		t.Error(err)
	}
	const waiters = 10
	woken := make(chan error, waiters)
	for range waiters {
		go func() { woken <- n.Wait(t.Context(), 7, nil) }()
	}
	n.Saw(7)
	n.Saw(3) // news of the past wake nobody
	n.Saw(9)
	for range waiters {
		if err := <-woken; err != nil {
			t.Error(err)
		}
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := n.Wait(over, 9, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Wait = %v, want the context's error", err)
	}
	closed := make(chan struct{})
	close(closed)
	if err := n.Wait(t.Context(), 9, closed); !errors.Is(err, repository.ErrAway) {
		t.Errorf("Wait = %v, want that the store is closed", err)
	}
}
