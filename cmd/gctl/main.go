// Command gctl finds, calls and explains gRPC services.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/gctl-dev/gctl/commands"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second ctrl-c ends at once what does not heed the first. What comes
	// right behind the first is its echo: make and timeout signal both the
	// process and its group.
	context.AfterFunc(ctx, func() { time.AfterFunc(time.Second, stop) })
	code := commands.Run(ctx, newFactory(), os.Args[1:])
	stop()
	os.Exit(code)
}
