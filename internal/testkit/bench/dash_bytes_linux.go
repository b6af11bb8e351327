package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/internal/testkit/tty"
)

// mostBytes is how much a slow link should have to carry for the cursor to move by a
// row: two rows are written, each cell in the colours it has with and without it.
const mostBytes = 700

// bytes measures what the dashboard writes, at 80×24 over 100 services: what a slow
// link has to carry.
func (d *dashBench) bytes(ctx context.Context, s *section) error {
	env, stop, err := d.fleetOf(ctx, 100)
	if err != nil {
		return err
	}
	defer stop()
	term := tty.Start(d.t, tty.Options{Width: 80, Height: 24, Env: env}, d.gctl, "dash")
	term.WaitFor("101/101")
	term.WaitUntil("all are known", func(s string) bool { return strings.Contains(s, "down") && strings.Contains(s, "health ✓") })
	first := term.Bytes()
	term.Press("s", "n", "g")
	on := func(i int) {
		name := fmt.Sprintf("app-%06d", i)
		term.WaitUntil(name, selected(name))
	}
	on(0)
	const near, far = 15, 60
	row := d.wrote(term, near, func(i int) { term.Press("j"); on(i + 1) })
	scroll := d.wrote(term, far, func(i int) { term.Press("j"); on(near + i + 1) })
	term.Press("g")
	on(0)
	term.Press("/")
	letters := strings.Split("app-00004", "")
	filter := d.wrote(term, len(letters), func(i int) {
		typed := strings.Join(letters[:i+1], "")
		term.Type(letters[i])
		term.WaitUntil(typed, func(s string) bool { return strings.Contains(s, "/"+typed) })
	})
	term.WaitUntil("ten rows", func(s string) bool { return strings.Contains(s, " 10/") })
	term.Press("enter", "esc")
	term.WaitFor("101/101")
	watch := idle
	if d.b.quick {
		watch = 2 * time.Second
	}
	before := term.Bytes()
	time.Sleep(watch)
	minute := float64(term.Bytes()-before) * float64(time.Minute) / float64(watch)
	term.Press("q")
	term.WaitExit()
	s.saysf("bytes written at 80×24 over 100 services: %d until all is known, %.0f for a row of the cursor, %.0f where it scrolls, %.0f for a key of a filter, %.0f a minute for what changes by itself", first, row, scroll, filter, minute)
	s.goal("bytes for a row of the cursor at 80×24", row, mostBytes, " bytes")
	s.goal("bytes for a row that scrolls at 80×24", scroll, mostBytes, " bytes")
	return nil
}

// wrote is how many bytes are written each time that something is done, on average.
func (d *dashBench) wrote(term *tty.Terminal, times int, do func(i int)) float64 {
	before := term.Bytes()
	for i := range times {
		do(i)
	}
	return float64(term.Bytes()-before) / float64(times)
}
