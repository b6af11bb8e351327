package trace_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/screen/screentest"
	"github.com/gctl-dev/gctl/tui/theme"
)

// random has n spans, each below one before it, or below none that is there.
func random(n int, seed uint64) []fleet.Span {
	r := rand.New(rand.NewPCG(seed, 1))
	spans := make([]fleet.Span, 0, n)
	for i := range n {
		parent := ""
		if i > 0 && r.IntN(50) > 0 {
			parent = spans[r.IntN(i)].ID
		}
		start := r.IntN(100_000)
		s := span(fmt.Sprintf("svc%d-%d", r.IntN(8), i), parent, fleet.SpanServer, start, start+r.IntN(1000))
		s.Name, s.Error = fmt.Sprintf("op%d", r.IntN(30)), r.IntN(40) == 0
		s.Attributes = map[string]string{"rpc.method": s.Name, "n": fmt.Sprint(i)}
		spans = append(spans, s)
	}
	return spans
}

func chain(n int) []fleet.Span {
	var spans []fleet.Span
	parent := ""
	for i := range n {
		spans = append(spans, span(fmt.Sprintf("s-%d", i), parent, fleet.SpanServer, i, 2*n-i))
		parent = spans[i].ID
	}
	return spans
}

func TestADeepTreeSaysHowDeepItIs(t *testing.T) {
	s, look := shown(t, has(chain(500)...))
	for _, width := range []int{60, 120, 200} {
		look.Width = width
		screentest.Act(s, look, key.Top)
		screentest.Plain(t, s, look)
		for range 600 {
			screentest.Act(s, look, key.Right) // unfolds all the way down
		}
		screentest.Want(t, s, look, "…499 ", "s s-499")
		screentest.Act(s, look, key.Bottom, key.Left)
		screentest.Want(t, s, look, "…498 ")
	}
}

func TestSpansThatDoTheSameAreFolded(t *testing.T) {
	spans := []fleet.Span{span("root-0", "", fleet.SpanServer, 0, 9999)}
	for i := range 400 {
		s := span(fmt.Sprintf("db-%d", i), "root-0", fleet.SpanClient, i, i+1)
		s.Name, s.Error = "SELECT", i == 300 || i == 301 || i == 302 || i == 303
		spans = append(spans, s)
	}
	s, look := shown(t, has(spans...))
	screentest.Want(t, s, look, "397 × db → SELECT (+397, ✗ 1 error)")
	screentest.Act(s, look, key.Down)
	screentest.Want(t, s, look, "right shows each")
	screentest.Act(s, look, key.Right, key.Bottom)
	if shows(t, s, look, "397 ×") || !shows(t, s, look, "db → SELECT") {
		t.Error(screentest.Plain(t, s, look))
	}
}

// TestEverySize draws hostile traces at all sizes.
func TestEverySize(t *testing.T) {
	evil := "\x1b]0;t\x07\x1b[2Jevil\r\n\t漢字漢字漢字漢字漢字漢字漢字漢字\u202e"
	hostile := []fleet.Span{
		{ID: "", Parent: "x", Service: evil, Name: evil, Start: time.Unix(1<<40, 0), Duration: math.MaxInt64, Error: true, Message: strings.Repeat(evil, 100)},
		{ID: "b", Service: "", Duration: -5, Attributes: map[string]string{evil: evil}, Resource: map[string]string{"": strings.Repeat("y", 9000)}},
		{ID: "c", Parent: "d", Start: time.Time{}, Events: []fleet.SpanEvent{{Name: evil, At: time.Unix(1<<40, 0), Attributes: map[string]string{"a": evil}}}},
		{ID: "d", Parent: "c", Kind: fleet.SpanClient},
	}
	for name, spans := range map[string][]fleet.Span{"hostile": hostile, "call": call(), "chain": chain(60), "random": random(300, 1)} {
		s, look := shown(t, has(spans...))
		for _, glyphs := range []*theme.Glyphs{theme.Unicode(), theme.ASCII()} {
			look.Theme.Glyphs = glyphs
			for w := 1; w < 220; w += 1 + w/6 {
				for h := 0; h < 60; h += 1 + h/8 {
					look.Width, look.Height = w, h
					screentest.Act(s, look, []key.Action{key.Down, key.Up, key.NextPane, key.Bottom, key.Top}[(w+h)%5])
					screentest.Plain(t, s, look)
				}
			}
		}
		if t.Failed() {
			t.Fatal(name)
		}
	}
}

// Keys in any order over any trace must not break it.
func TestKeysInAnyOrder(t *testing.T) {
	actions := []key.Action{key.Up, key.Down, key.Left, key.Right, key.Top, key.Bottom, key.PageDown, key.PageUp, key.HalfDown, key.NextPane, key.Enter, key.Mark}
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 2))
		s, look := shown(t, has(random(1+int(seed*37), seed)...))
		for range 200 {
			screentest.Act(s, look, actions[r.IntN(len(actions))])
			switch r.IntN(12) {
			case 0:
				screentest.Run(s, look, s.SetFilter([]string{"", "svc1", "op3", "errors>0", "zz"}[r.IntN(5)], look))
			case 1:
				look.Width, look.Height = 1+r.IntN(200), 1+r.IntN(50)
			case 2:
				screentest.Send(s, look, screen.Click{X: r.IntN(200), Y: r.IntN(50), Twice: r.IntN(2) == 0})
			}
			s.Focus(look)
			screentest.Plain(t, s, look)
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func BenchmarkOpen10000Spans(b *testing.B) {
	for name, spans := range map[string][]fleet.Span{"random": random(10_000, 1), "chain": chain(10_000)} {
		j := has(spans...)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				s, look := open(b, j, id)
				look.Width, look.Height = 200, 47
				screentest.Send(s, look, screen.Shown{})
				s.View(look)
			}
		})
	}
}

func BenchmarkAKeyAt10000Spans(b *testing.B) {
	s, look := shown(b, has(random(10_000, 1)...))
	look.Width, look.Height = 200, 47
	screentest.Run(s, look, s.SetFilter("op", look)) // all of them, unfolded
	s.View(look)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		if n++; n%9000 == 0 {
			s.Update(screen.Act{Action: key.Top}, look)
		}
		s.Update(screen.Act{Action: key.Down}, look)
		s.View(look)
	}
}

func BenchmarkFilter10000Spans(b *testing.B) {
	s, look := shown(b, has(random(10_000, 1)...))
	look.Width, look.Height = 200, 47
	texts := []string{"o", "op", "op3", "op3 svc"}
	i := 0
	for b.Loop() {
		screentest.Run(s, look, s.SetFilter(texts[i%len(texts)], look))
		s.View(look)
		i++
	}
}
