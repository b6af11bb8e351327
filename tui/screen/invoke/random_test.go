package invoke_test

import (
	"math/rand/v2"
	"testing"

	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
)

// TestAnyKeysAtAnySize presses keys as they come: nothing may panic, and each line
// is as wide as it must be.
func TestAnyKeysAtAnySize(t *testing.T) {
	actions := []key.Action{
		key.Up, key.Down, key.Down, key.Left, key.Right, key.Top, key.Bottom, key.HalfDown, key.PageUp, key.NextPane, key.PrevPane,
		key.Enter, key.Enter, key.Mark, key.Add, key.Remove, key.Send, key.HalfClose, key.History, key.Save, key.Refresh, key.Instance,
	}
	keys := []string{"a", "1", "\"", "{", "}", ":", ",", "enter", "enter", "esc", "esc", "tab", "up", "down", "backspace", "ctrl+s", "end", "é", "界"}
	for _, name := range []string{"Get", "Watch", "Put", "Chat"} {
		for seed := range uint64(3) {
			r := rand.New(rand.NewPCG(seed, 1))
			d := opened(t, name)
			for range 300 {
				d.settle()
				switch n := r.IntN(60); {
				case n < 3:
					d.look.Width, d.look.Height = 1+r.IntN(160), r.IntN(50)
				case n == 3:
					cmd, _ := d.s.Escape(d.look)
					d.run(cmd)
				case n == 4:
					d.run(d.s.Copy(d.look))
				case n == 5:
					d.run(d.s.SetFilter([]string{"", "a", "zz"}[r.IntN(3)], d.look))
				case n == 6:
					d.hear(screen.Click{X: r.IntN(160), Y: r.IntN(50)})
				case d.s.Typing() && n < 9:
					d.hear(tea.PasteMsg{Content: "\"id\": \"a\x1b[2Jb\",\r\n\t\"tags\": [\"x\"]"})
				case d.s.Typing():
					d.types(keys[r.IntN(len(keys))])
				default:
					d.act(actions[r.IntN(len(actions))])
				}
				d.shown()
				d.s.Describe(d.look)
				d.s.Data(d.look)
				d.s.Evidence(d.look)
				d.status()
				if t.Failed() {
					t.Fatalf("%s, seed %d, %dx%d", name, seed, d.look.Width, d.look.Height)
				}
			}
		}
	}
}

// settle hears what there is to hear, without waiting.
func (d *desk) settle() {
	for {
		select {
		case msg := <-d.msgs:
			d.take(msg)
		default:
			return
		}
	}
}
