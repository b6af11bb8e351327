package breakers

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/screen/screentest"
	"github.com/gctl-dev/gctl/tui/widget"
)

// many are breakers between n callers and n callees, of which half are open.
func many(n int) []fleet.Breaker {
	list := make([]fleet.Breaker, 0, n*n)
	for i := range n {
		for j := range n {
			caller, callee := fmt.Sprintf("caller-%03d", i), fmt.Sprintf("callee-%03d", j)
			b := breaker(caller, caller+"-1", callee+"/x", callee, fleet.BreakerClosed)
			if (i+j)%2 == 0 {
				b.State, b.NextProbe = fleet.BreakerOpen, screentest.Now().Add(time.Duration(j)*time.Second)
			}
			list = append(list, b)
		}
	}
	return list
}

func large(t testing.TB) (*Screen, *screen.Look) {
	t.Helper()
	s, look := shown(t, "", many(200), fresh())
	look.Width, look.Height = 200, 47
	return s, look
}

func TestAMatrixOf200By200ScrollsWithTheCursor(t *testing.T) {
	s, look := large(t)
	screentest.Plain(t, s, look)
	for range 199 {
		screentest.Act(s, look, key.Right)
	}
	screentest.Act(s, look, key.Bottom)
	on, _ := s.grid.selected()
	if on.caller != "caller-199" || on.callee != "callee-199" {
		t.Errorf("the cursor is on %v", on)
	}
	screentest.Want(t, s, look, "caller-199 → callee-199", "callee-199")
	l := &widget.Line{}
	if s.Status(look, l); !strings.Contains(l.String(), "row 200/200 column 200/200  40000/40000 breakers") {
		t.Errorf("status: %s", l.String())
	}
}

// A key and a second must cost little, however large the matrix is.
func TestAKeyInALargeMatrixAllocatesLittle(t *testing.T) {
	s, look := large(t)
	screentest.Plain(t, s, look)
	for _, a := range []key.Action{key.Down, key.Up} { // what is drawn first is drawn in the beginning
		screentest.Act(s, look, a)
		s.View(look)
	}
	actions, i := []key.Action{key.Down, key.Up}, 0
	if n := testing.AllocsPerRun(50, func() {
		s.Update(screen.Act{Action: actions[i%2]}, look)
		s.View(look)
		i++
	}); n > 200 {
		t.Errorf("a key allocates %.0f times", n)
	}
	if n := testing.AllocsPerRun(50, func() {
		look.Now = look.Now.Add(time.Second)
		s.Update(screen.Changed{}, look)
		s.View(look)
	}); n > 200 {
		t.Errorf("a tick allocates %.0f times", n)
	}
}

func BenchmarkKey(b *testing.B) {
	s, look := large(b)
	actions := []key.Action{key.Down, key.Right, key.Up, key.Left}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s.Update(screen.Act{Action: actions[i%4]}, look)
		s.View(look)
	}
}

func BenchmarkSecond(b *testing.B) {
	s, look := large(b)
	b.ReportAllocs()
	for b.Loop() {
		look.Now = look.Now.Add(time.Second)
		s.Update(screen.Changed{}, look)
		s.View(look)
	}
}
