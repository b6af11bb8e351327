package breakers

import (
	"fmt"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/screen"
)

// empty says why there is nothing, and what to do.
func (s *Screen) empty(look *screen.Look, lines []string) []string {
	t := look.Theme
	if s.all != nil && len(s.all.Rows) > 0 {
		return screen.Message(look, lines, t.Warn, fmt.Sprintf("0 of %d match %q.", len(s.all.Rows), s.spec.Filter.Text), screen.Unfilter(look))
	}
	state, ok := look.Snap.Source(fleet.BreakerFeed)
	switch {
	case !look.Live && look.Snap.At().IsZero():
		return screen.Unkept(look, lines)
	case !ok || state.Status == fleet.SourceStarting || s.all == nil:
		return screen.Message(look, lines, t.Dim, "Asking the instances for their breakers "+t.Glyphs.More, "")
	case state.Status == fleet.SourceFailing:
		hint := screen.HintOf(state.Err)
		if hint == "" {
			hint = "Try: gctl doctor, gctl breakers"
		}
		return screen.Message(look, lines, t.Bad, "No breakers: "+screen.Sentence(state.Err), hint)
	}
	if text := missing(look, &state); text != "" {
		return screen.Message(look, lines, t.Warn, "No breakers, but "+text+".", "They may have some. Try: gctl doctor, gctl breakers")
	}
	if s.subject != "" {
		return screen.Message(look, lines, t.Warn, "No breakers in "+s.subject+" or towards it.",
			"All breakers: :breakers. One appears with the first call; see docs/kit.md, gctl breakers --help")
	}
	return screen.Message(look, lines, t.Warn, "No service publishes breakers.", "See docs/kit.md, gctl breakers --help")
}
