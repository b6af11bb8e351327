package widget_test

import (
	"testing"

	"github.com/charmbracelet/x/ansi"

	"github.com/gctl-dev/gctl/tui/widget"
)

func TestALineIsAsWideAsItMustBe(t *testing.T) {
	for w := range 12 {
		l := &widget.Line{}
		l.Put("", "a漢字漢字") // wide characters at the edge
		if got := ansi.StringWidth(l.Fit(w)); got != w {
			t.Errorf("%d cells, want %d", got, w)
		}
	}
}
