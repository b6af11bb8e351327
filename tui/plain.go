package tui

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/history"
	"github.com/gctl-dev/gctl/tui/plain"
)

// moment is how long changes are gathered before they are told: what changes often
// in it is counted.
const moment = time.Second

// PlainOptions say what is told as lines.
type PlainOptions struct {
	Service  string        // empty: all
	Patience time.Duration // for sources that have not answered, before the first state is told
	// Say gets lines, the newest last. An error ends it.
	Say func([]plain.Line) error
}

// Plain tells as lines what the dashboard shows: how the fleet stands, then each
// change, until ctx ends; of a recording what happened in it. It needs no terminal.
func Plain(ctx context.Context, o Options, p PlainOptions) error {
	if o.Now == nil {
		o.Now = time.Now
	}
	seen := history.New(history.Options{})
	teller := plain.New(seen, plain.Options{Service: p.Service, Labels: o.Labels})
	if o.Replay {
		return replayPlain(ctx, o, teller, seen, p)
	}
	ctx, cancel := context.WithCancel(ctx)
	filled := make(chan struct{})
	go func() {
		defer close(filled)
		o.backfill(ctx, seen)
	}()
	defer func() {
		cancel()
		<-filled
	}()
	last := o.Store.Snapshot()
	if err := p.Say([]plain.Line{{At: o.Now(), Text: "gctl " + o.Context + ": asking " + asked(last, o.Labels)}}); err != nil {
		return err
	}
	last, err := answered(ctx, o.Store, seen, filled, p.Patience)
	if err != nil {
		return err
	}
	if err := p.Say(teller.Begin(last)); err != nil {
		return err
	}
	return follow(ctx, o.Store, teller, seen, last, p.Say)
}

// asked names the sources.
func asked(snap *fleet.Snapshot, labels map[string]string) string {
	var names []string
	for _, s := range snap.Sources() {
		name := s.Name
		if label, ok := labels[name]; ok {
			name = label
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

// answered waits until all sources have answered or failed and what was before is
// known, or patience is over.
func answered(ctx context.Context, store *fleet.Store, seen *history.History, filled <-chan struct{}, patience time.Duration) (*fleet.Snapshot, error) {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	snap := store.Snapshot()
	for {
		seen.Add(snap)
		starting := false
		for _, s := range snap.Sources() {
			starting = starting || s.Status == fleet.SourceStarting
		}
		if !starting {
			select {
			case <-filled:
			case <-limited.Done():
			}
			snap = store.Snapshot()
			seen.Add(snap)
			return snap, ctx.Err()
		}
		next, err := store.Wait(limited, snap.Version())
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil && limited.Err() == nil: // closed
			return nil, err
		case err != nil:
			return snap, nil
		}
		snap = next
	}
}

// follow tells what changes from a snapshot on.
func follow(ctx context.Context, store *fleet.Store, teller *plain.Teller, seen *history.History, last *fleet.Snapshot, say func([]plain.Line) error) error {
	var due time.Time // when the moment ends; zero: nothing has changed
	for {
		limited, cancel := ctx, context.CancelFunc(func() {})
		if !due.IsZero() {
			limited, cancel = context.WithDeadline(ctx, due)
		}
		snap, err := store.Wait(limited, last.Version())
		cancel()
		if err == nil {
			seen.Add(snap)
			teller.Look(snap)
			for _, e := range snap.EventsSince(last) {
				teller.Event(e)
			}
			last = snap
		}
		ended := ctx.Err() != nil || err != nil && !errors.Is(err, context.DeadlineExceeded)
		if !due.IsZero() && (ended || !time.Now().Before(due)) {
			if err := say(teller.Tell()); err != nil {
				return err
			}
			due = time.Time{}
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case ended:
			return err
		case due.IsZero() && teller.Changed():
			due = time.Now().Add(moment)
		}
	}
}

// replayPlain tells what happened in a recording.
func replayPlain(ctx context.Context, o Options, teller *plain.Teller, seen *history.History, p PlainOptions) error {
	past, err := o.Past(ctx)
	if err != nil {
		return err
	}
	times, err := past.Timeline(ctx)
	if err == nil && len(times) == 0 {
		err = &fleet.Error{What: "the recording is empty"}
	}
	if err != nil {
		return err
	}
	from, to := times[0], times[len(times)-1]
	events, gaps, err := recordedBetween(ctx, o, from, to)
	if err != nil {
		return err
	}
	between := fmt.Sprintf("gctl %s: recorded from %s to %s", o.Context, stamp(from), stamp(to))
	if err := p.Say([]plain.Line{{At: from, Text: between}}); err != nil {
		return err
	}
	var began time.Time // the moment; zero: there is none
	for i, at := range times {
		snap, err := past.At(ctx, at)
		if err != nil {
			return err
		}
		seen.Add(snap)
		var lines []plain.Line
		switch {
		case i == 0:
			lines = teller.Begin(snap)
		default:
			if !began.IsZero() && at.Sub(began) >= moment {
				lines, began = teller.Tell(), time.Time{}
			}
			for len(gaps) > 0 && !gaps[0].To.After(at) {
				lines = append(lines, plain.Line{At: gaps[0].To, Text: "nothing was recorded from " + stamp(gaps[0].From) + " to " + stamp(gaps[0].To)})
				gaps = gaps[1:]
			}
			teller.Look(snap)
		}
		for len(events) > 0 && !events[0].At.After(at) {
			if i > 0 { // what was before is in the first state
				teller.Event(events[0])
			}
			events = events[1:]
		}
		if began.IsZero() && i > 0 && teller.Changed() {
			began = at
		}
		if err := p.Say(lines); err != nil {
			return err
		}
	}
	return p.Say(append(teller.Tell(), plain.Line{At: to, Text: "the recording ends: " + teller.End()}))
}

// recordedBetween are the events of a recording, and the times in which nobody
// looked.
func recordedBetween(ctx context.Context, o Options, from, to time.Time) ([]fleet.Event, []fleet.Gap, error) {
	if o.Env.Events == nil {
		return nil, nil, nil
	}
	list, err := o.Env.Events(ctx, "", from, to)
	return list.Events, list.Gaps, err
}

func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339) }
