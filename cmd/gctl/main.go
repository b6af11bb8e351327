// Command gctl finds, calls and explains gRPC services.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/gctl-dev/gctl/commands"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second ctrl-c ends at once what does not heed the first
	code := commands.Run(ctx, newFactory(), os.Args[1:])
	stop()
	os.Exit(code)
}
