package tui

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/gctl-dev/gctl/tui/key"
)

const story = "user-3 refuses calls, on purpose"

func escape() tea.KeyPressMsg { return tea.KeyPressMsg(tea.Key{Code: tea.KeyEsc}) }

func click(x, y int) tea.MouseClickMsg { return tea.MouseClickMsg{X: x, Y: y, Button: tea.MouseLeft} }

func shown(run *headless) string { return ansi.Strip(run.m.View().Content) }

// await handles messages until a text is on the screen, or is not.
func await(t *testing.T, run *headless, text string, there bool) {
	t.Helper()
	if err := run.until(func() bool { return strings.Contains(shown(run), text) == there }); err != nil {
		t.Fatalf("%q: %v\n%s", text, err, shown(run))
	}
}

// The guide as a terminal shows it: two lines, one on a small terminal, in each way
// to draw.
func TestGuideGoldens(t *testing.T) {
	for name, o := range map[string]Options{
		"guide-80x24": {Theme: "dark"}, "guide-60x16": {Theme: "dark"}, "guide-none": {Theme: "none", ASCII: true}, "guide-light": {Theme: "light"},
	} {
		o.Guide = Guide{Show: true, Story: story}
		w, h := 80, 24
		if name == "guide-60x16" {
			w, h = 60, 16
		}
		s := frame(t, open(t, trouble(), o, w, h))
		if name == "guide-80x24" || name == "guide-60x16" {
			s.Golden(t, name)
			continue
		}
		s.GoldenANSI(t, name)
	}
}

// It goes on by what the user does, each screen has the room that is left, and what
// was seen to the end is remembered.
func TestGuideLeads(t *testing.T) {
	var remembered atomic.Int32
	run := open(t, trouble(), Options{Guide: Guide{Show: true, Closed: func() error { remembered.Add(1); return nil }}}, 100, 30)
	if run.m.look.Height != 30-3-2 {
		t.Errorf("the body has %d lines", run.m.look.Height)
	}
	await(t, run, "GUIDE 1/8", true)
	run.send(enter())
	await(t, run, "GUIDE 2/8", true)
	run.send(press(','))
	await(t, run, "GUIDE 3/8", true)
	run.send(press('0'))
	await(t, run, "GUIDE 4/8", true)
	run.send(press('N'))
	await(t, run, "GUIDE 5/8", true)
	run.send(press('?'))
	await(t, run, "esc, then w asks", true)
	run.send(press('N'))
	run.send(press('N'))
	await(t, run, "GUIDE 8/8", true)
	if remembered.Load() != 0 {
		t.Error("it was over too early")
	}
	run.send(press(':'))
	await(t, run, "That is all it takes", true)
	if err := run.until(func() bool { return remembered.Load() == 1 }); err != nil {
		t.Error(err)
	}
	run.send(escape())
	run.send(press('N'))
	await(t, run, "That is all it takes", false)
	if run.m.look.Height != 30-3 {
		t.Errorf("the body has %d lines", run.m.look.Height)
	}
}

// One key closes it for good; :guide brings it back, anywhere; its keys do nothing
// where it is not.
func TestGuideClosesAndComesBack(t *testing.T) {
	var remembered atomic.Int32
	run := open(t, trouble(), Options{Guide: Guide{Show: true, Closed: func() error { remembered.Add(1); return nil }}}, 100, 30)
	run.send(press('D'))
	await(t, run, "GUIDE", false)
	await(t, run, ":guide brings the guide back", true)
	if err := run.until(func() bool { return remembered.Load() == 1 }); err != nil {
		t.Error(err)
	}
	run.send(press('D'))
	run.send(press('N'))
	run.send(press(':'))
	for _, r := range "guide" {
		run.send(press(r))
	}
	run.send(enter())
	await(t, run, "GUIDE 1/8", true)
	if remembered.Load() != 1 {
		t.Errorf("remembered %d times", remembered.Load())
	}
}

// Where it cannot be remembered, it says so and is closed.
func TestGuideCannotBeRemembered(t *testing.T) {
	run := open(t, nil, Options{Guide: Guide{Show: true, Closed: func() error { return errors.New("disk\x1b[31m full") }}}, 80, 24)
	run.send(press('D'))
	await(t, run, "the guide will be shown again: disk", true)
	await(t, run, "GUIDE", false)
}

// It is shown where it is asked for only, takes no key of a screen, and is in the
// help.
func TestGuideKeepsOutOfTheWay(t *testing.T) {
	run := open(t, trouble(), Options{}, 120, 60)
	if strings.Contains(shown(run), "GUIDE") {
		t.Error("it is there unasked")
	}
	run.send(press('?'))
	await(t, run, ":guide", true)
	await(t, run, "close the guide for good", true)
	for _, k := range []key.Action{key.GuideNext, key.GuideClose} {
		if keys := run.m.keys.Keys(k); len(keys) != 1 {
			t.Errorf("%s has the keys %v", k, keys)
		}
	}
	small := open(t, trouble(), Options{Guide: Guide{Show: true}}, 60, 9)
	if small.m.look.Height != 9-3 || strings.Contains(shown(small), "GUIDE") {
		t.Errorf("the body has %d lines of 9:\n%s", small.m.look.Height, shown(small))
	}
}

// A click on the guide is none on what it hides.
func TestGuideIsNotClickedThrough(t *testing.T) {
	run := open(t, crowd(100), Options{Guide: Guide{Show: true}}, 80, 24)
	run.send(click(3, 21))
	if f := run.m.focus(); f.Service != "service-000007" {
		t.Errorf("the cursor is on %s", f.Service)
	}
	run.send(click(3, 4))
	if f := run.m.focus(); f.Service == "service-000007" {
		t.Error("a click on a row does nothing")
	}
}
