package screen

import (
	"github.com/gctl-dev/gctl/tui/theme"
	"github.com/gctl-dev/gctl/tui/triage"
)

// Sign is the glyph of a verdict and its style.
func Sign(t *theme.Theme, v triage.Verdict) (theme.Style, string) {
	switch v {
	case triage.Good:
		return t.Good, t.Glyphs.Good
	case triage.Idle:
		return t.Dim, t.Glyphs.None
	case triage.Warn:
		return t.Warn, t.Glyphs.Warn
	case triage.Bad:
		return t.Bad, t.Glyphs.Bad
	case triage.Unknown:
	}
	return t.Unknown, t.Glyphs.Unknown
}
