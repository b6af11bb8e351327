package commands

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gctl-dev/gctl/internal/config"
	"github.com/gctl-dev/gctl/internal/demo"
	"github.com/gctl-dev/gctl/internal/state"
	"github.com/gctl-dev/gctl/tui"
)

const guideSeen = "The guide of the dashboard was seen, or closed. Without this file it is shown again over gctl demo.\n"

// guide shows the guide over the demo, until it was seen or closed once.
func (o *dashOptions) guide(c *config.Context) tui.Guide {
	if c.Name != demo.Context || !demo.Owns(c) || o.replay != "" {
		return tui.Guide{}
	}
	g := tui.Guide{Story: o.story}
	dir, err := state.Dir(o.f.Getenv)
	if err != nil { // there is nowhere to remember it
		g.Show = true
		return g
	}
	path := filepath.Join(dir, "guide-seen")
	_, err = os.Lstat(path)
	g.Show = errors.Is(err, fs.ErrNotExist)
	g.Closed = func() error {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		return state.WriteFile(path, true, func(w io.Writer) error {
			_, err := io.WriteString(w, guideSeen)
			return err
		})
	}
	return g
}
