// Package commands is gctl's command tree: one file a command, each with an
// options struct, a constructor that parses, and a run that does the work.
package commands

import (
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/config"
	"github.com/gctl-dev/gctl/internal/term"
)

// Factory holds what commands need, as functions, so that a command pays only
// for what it uses. Package main fills it in one place; tests fill it with
// what they are about.
type Factory struct {
	Streams *term.Streams
	Version string // of this build
	Commit  string
	Now     func() time.Time
	Global  Global // the flags every command has, parsed

	// Context returns the selected context, flags and environment applied.
	Context func() (config.Context, error)
	// Catalog opens the catalog of the selected context.
	Catalog func() (fleet.Catalog, error)
}

// Global are the values of the flags that every command has.
type Global struct {
	Context    string
	Addr       string // HOST:PORT, skips the catalog
	Tags       []string
	Datacenter string
	Namespace  string
	Output     string
	JQ         string
	Timeout    time.Duration // of the whole command, 0 for none
	NoColor    bool
	Verbose    bool
}
