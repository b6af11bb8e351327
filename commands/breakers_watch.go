package commands

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/output"
)

// breakerNews is what one instance tells.
type breakerNews struct {
	fleet.BreakerUpdate
	caller fleet.Instance
	over   bool // it has no breakers to watch
}

// watchBreakers follows the breakers of the callers until ctx ends: first all of
// them, then each that changes.
func watchBreakers(ctx context.Context, f *Factory, p *output.Printer, callers []fleet.Instance, service string) error {
	plane, err := f.ControlPlane()
	if err != nil {
		return err
	}
	news := make(chan breakerNews)
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	for _, in := range callers {
		all.Go(func() {
			err := watchCaller(ctx, plane, in, news)
			send(ctx, news, breakerNews{BreakerUpdate: fleet.BreakerUpdate{Err: err}, caller: in, over: true})
		})
	}
	w := &breakerWatch{f: f, p: p, service: service, shown: map[string]string{}, failing: map[string]bool{}}
	for left := len(callers); left > 0; {
		select {
		case n := <-news:
			if n.over {
				left--
			}
			if err := w.tell(&n); err != nil { //nolint:contextcheck // the printer has it
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return &fleet.Error{What: "no instance has breakers to watch", Hint: `"gctl breakers" shows what other sources tell`}
}

func send(ctx context.Context, to chan<- breakerNews, n breakerNews) {
	select {
	case to <- n:
	case <-ctx.Done():
	}
}

func watchCaller(ctx context.Context, plane fleet.ControlPlane, in fleet.Instance, news chan<- breakerNews) error {
	c, err := plane.Controller(ctx, in)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	return c.WatchBreakers(ctx, "", func(u fleet.BreakerUpdate) { send(ctx, news, breakerNews{BreakerUpdate: u, caller: in}) })
}

// breakerWatch prints what is new.
type breakerWatch struct {
	f       *Factory
	p       *output.Printer
	service string
	shown   map[string]string // by caller and name: what was shown last
	failing map[string]bool   // callers whose failure was told
}

func (w *breakerWatch) tell(n *breakerNews) error {
	if n.Err != nil {
		if !w.failing[n.caller.ID] {
			w.failing[n.caller.ID] = true
			if errors.Is(n.Err, fleet.ErrNoControl) || errors.Is(n.Err, fleet.ErrNoPart) {
				w.f.Verbosef("note: %v", n.Err)
			} else if !errors.Is(n.Err, context.Canceled) {
				w.f.Notef("note: %s is not watched at the moment: %v", n.caller.ID, n.Err)
			}
		}
		return nil
	}
	if w.failing[n.caller.ID] { // what it was before may not be what it is
		delete(w.failing, n.caller.ID)
		maps.DeleteFunc(w.shown, func(key, _ string) bool { return strings.HasPrefix(key, n.caller.ID+"\x00") })
	}
	for _, b := range about(slices.Clone(n.Breakers), w.service) {
		row := newBreakerRow(&b)
		text := fmt.Sprintf("%s %s %v", row.State, row.Override, row.Flapping)
		key := row.Caller + "\x00" + row.Name
		if w.shown[key] == text {
			continue
		}
		w.shown[key] = text
		if err := w.line(&row); err != nil {
			return err
		}
	}
	return nil
}

// breakerLine is a line of --watch as JSON.
type breakerLine struct {
	At time.Time `json:"at"` // when it was seen; since when it is so is another matter
	*breakerRow
}

func (w *breakerWatch) line(r *breakerRow) error {
	now := w.f.Now()
	if w.p.Structured() {
		return w.p.Value(breakerLine{At: now.UTC().Truncate(time.Millisecond), breakerRow: r})
	}
	clock := now.UTC().Format(time.RFC3339)
	if w.f.Streams.OutTTY {
		clock = now.Local().Format("15:04:05")
	}
	text := fmt.Sprintf("%s  %s  %s  %s", clock, w.p.Show(output.Text(r.Caller)), w.p.Show(output.Text(r.Name)), w.p.Show(breakerState(*r)))
	if r.Override != fleet.NotForced {
		text += " " + w.p.Show(overrideCell(*r))
	}
	if r.Flapping {
		text += " " + w.p.Show(output.Cell{Text: "flapping", Style: output.Bad})
	}
	if r.Since != nil {
		text += "  since " + w.p.Show(output.Time(*r.Since))
	}
	_, err := fmt.Fprintln(w.f.Streams.Out, text)
	return err
}
