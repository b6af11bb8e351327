package invoke_test

import (
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
)

// crowded is a page whose form has 10,000 rows, and whose answer has as many lines
// as are kept.
func crowded(tb testing.TB) *desk {
	tb.Helper()
	d := sit(tb, "shop shop.v1.Shop/Watch")
	d.sees("FORM shop.v1.Order")
	d.fill("count", "1000")
	d.act(key.Send)
	d.sees("✓ OK", "1000 messages")
	d.act(key.NextPane, key.Enter)
	d.hear(tea.PasteMsg{Content: `{"tags": [` + strings.Repeat(`"x",`, 9_980) + `"x"]}`})
	if d.s.Typing() {
		tb.Fatal("the JSON is still edited")
	}
	d.act(key.PrevPane)
	d.on("tags")
	d.act(key.Right)
	d.look.Width, d.look.Height = 200, 47
	d.shown()
	return d
}

func BenchmarkPage(b *testing.B) {
	d := crowded(b)
	for _, pane := range []string{"form", "json", "answer"} {
		b.Run(pane, func(b *testing.B) {
			b.ReportAllocs()
			for i := range b.N {
				a := key.Down
				if i%2000 >= 1000 {
					a = key.Up
				}
				d.s.Update(screen.Act{Action: a}, d.look)
				d.s.View(d.look)
			}
		})
		d.act(key.NextPane)
	}
}

func TestAKeyCostsLittleInALargeForm(t *testing.T) {
	d := crowded(t)
	for _, pane := range []string{"form", "json", "answer"} {
		n := testing.AllocsPerRun(100, func() {
			d.s.Update(screen.Act{Action: key.Down}, d.look)
			d.s.View(d.look)
		})
		if n > 200 {
			t.Errorf("a key costs %v allocations in the pane %s", n, pane)
		}
		d.act(key.NextPane)
	}
}
