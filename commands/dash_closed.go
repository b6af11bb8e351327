package commands

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/gctl-dev/gctl/internal/term"
)

// errWindow says why a dashboard has ended that nobody sees any more.
var errWindow = errors.New("the window was closed")

// untilHangup is a context that ends when the terminal hangs up, unless hang-ups are
// ignored, as by nohup.
func untilHangup(ctx context.Context) (context.Context, context.CancelFunc) {
	if signal.Ignored(syscall.SIGHUP) {
		return context.WithCancel(ctx)
	}
	return signal.NotifyContext(ctx, syscall.SIGHUP)
}

// whileOpen runs something until the window of the terminal is closed, which ends
// its context: the kernel or a shell tells it (SIGHUP), and the terminal shows it. Where
// hang-ups are ignored, as by nohup, the terminal alone does.
func whileOpen(ctx context.Context, s *term.Streams, run func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	hup := make(chan os.Signal, 1)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(hup, syscall.SIGHUP)
		defer signal.Stop(hup)
	}
	var watch sync.WaitGroup
	watch.Go(func() {
		if s.AwaitClosed(ctx) {
			cancel(errWindow)
		}
	})
	watch.Go(func() {
		select {
		case <-hup:
			cancel(errWindow)
		case <-ctx.Done():
		}
	})
	err := run(ctx)
	cancel(nil)
	watch.Wait()
	if s.AwaitClosed(ctx) || errors.Is(context.Cause(ctx), errWindow) {
		return nil // there is nobody to tell
	}
	return err
}
