package main

import (
	"os"
	"time"

	"github.com/gctl-dev/gctl/commands"
	"github.com/gctl-dev/gctl/internal/term"
)

// Set by the linker.
var (
	version = "dev"
	commit  = "unknown"
)

// newFactory chooses the concrete sources: this is the only place that names
// them.
func newFactory() *commands.Factory {
	return &commands.Factory{
		Streams: term.System(),
		Version: version,
		Commit:  commit,
		Now:     time.Now,
		Getenv:  os.Getenv,
	}
}
