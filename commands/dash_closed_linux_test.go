package commands

import (
	"context"
	"errors"
	"os/signal"
	"syscall"
	"testing"
)

// A terminal that hangs up ends it, unless nohup or a shell said to ignore that.
func TestAHangUpThatIsIgnoredStaysSo(t *testing.T) {
	defer signal.Reset(syscall.SIGHUP)
	ctx, stop := untilHangup(t.Context())
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
	stop()
	signal.Ignore(syscall.SIGHUP)
	ctx, stop = untilHangup(t.Context())
	if !signal.Ignored(syscall.SIGHUP) || ctx.Err() != nil {
		t.Error("a hang-up is heard")
	}
	stop()
	if !errors.Is(ctx.Err(), context.Canceled) {
		t.Errorf("%v", ctx.Err())
	}
}
