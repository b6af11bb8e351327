// Package guide leads a new user through the dashboard, step by step, in a strip of
// one or two lines above the key hints. A step is done when the user does it, in
// whatever order; the guide only looks at where the dashboard is and takes no key
// of its own.
package guide

import (
	"slices"
	"time"

	"github.com/gctl-dev/gctl/tui/key"
)

// Moment is what the guide sees of the dashboard.
type Moment struct {
	Screen  string // what is on the screen: "services", "service", "help", ...
	Command bool   // the command line is open
	Typing  bool   // keys are text
	Live    bool   // the present is shown
	Replay  bool   // there is no present
	Now     time.Time
}

// Guide is the guide on its way. It has no I/O and no clock.
type Guide struct {
	story string
	steps []step
	done  []bool
	at    int
	last  Moment
	begun bool
}

// New returns a guide at its first step, without the steps whose keys the user has
// taken away. story, if it is not empty, is what there is to be seen in the fleet,
// in a few words.
func New(story string, keys *key.Map) *Guide {
	g := &Guide{story: story}
	for _, s := range steps() {
		if keys.Key(s.key) != "" {
			g.steps = append(g.steps, s)
		}
	}
	g.done = make([]bool, len(g.steps))
	return g
}

// See looks at the dashboard and tells whether what the guide says is another thing
// now.
func (g *Guide) See(m *Moment) bool {
	was, at := g.last, g.at
	if !g.begun {
		was = *m
		g.begun = true
	}
	g.last = *m
	for i := range g.steps {
		g.done[i] = g.done[i] || g.steps[i].done(&was, m)
	}
	g.advance()
	return g.at != at || was.Typing != m.Typing || was.Screen != m.Screen
}

// Skip goes on to the next step, whether this one was done or not.
func (g *Guide) Skip() {
	if !g.Over() {
		g.done[g.at] = true
		g.advance()
	}
}

// Over tells whether there is no step left.
func (g *Guide) Over() bool { return g.at >= len(g.steps) }

func (g *Guide) advance() {
	if next := slices.Index(g.done[g.at:], false); next >= 0 {
		g.at += next
		return
	}
	g.at = len(g.steps)
}
