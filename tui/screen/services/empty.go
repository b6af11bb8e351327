package services

import (
	"fmt"
	"slices"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/screen"
)

// empty says why there is nothing, and what to do.
func (s *Screen) empty(look *screen.Look, lines []string) []string {
	t := look.Theme
	if a := s.table.Arranged(); a != nil && len(a.Rows) > 0 {
		return screen.Message(look, lines, t.Warn, fmt.Sprintf("0 of %d match %q.", len(a.Rows), s.spec.Filter.Text), screen.Unfilter(look))
	}
	state, ok := look.Snap.Source(fleet.CatalogFeed)
	switch {
	case !ok && !look.Live:
		return screen.Unkept(look, lines)
	case !ok || state.Status == fleet.SourceStarting:
		return screen.Message(look, lines, t.Dim, "Asking the catalog "+t.Glyphs.More, "")
	case state.Status == fleet.SourceFailing:
		return screen.Message(look, lines, t.Bad, "No catalog: "+screen.Sentence(state.Err), "Try: gctl doctor, gctl demo, or another context (:ctx NAME)")
	}
	if slices.Contains(state.Notes, fleet.Hidden) {
		return screen.Message(look, lines, t.Warn, "The catalog shows no services: ACLs hid results.", "Set CONSUL_HTTP_TOKEN to a token that may read them")
	}
	return screen.Message(look, lines, t.Warn, "The catalog has no services.", "Is it the right one? gctl context show, gctl doctor, gctl demo")
}
