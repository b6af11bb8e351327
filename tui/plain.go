package tui

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	if err := p.Say([]plain.Line{{At: o.Now(), Text: o.title() + ": asking " + asked(last, o.Labels)}}); err != nil {
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

// title names what is shown.
func (o *Options) title() string { return strings.TrimSpace("gctl " + o.Context) }

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
		if snap.Answered() {
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
	between := fmt.Sprintf("%s: recorded from %s to %s", o.title(), stamp(from), stamp(to))
	if err := p.Say([]plain.Line{{At: from, Text: between}}); err != nil {
		return err
	}
	r := &retelling{teller: teller, events: events, gaps: gaps}
	for _, at := range times {
		snap, err := past.At(ctx, at)
		if err != nil {
			return err
		}
		seen.Add(snap)
		if err := p.Say(r.take(snap, at)); err != nil {
			return err
		}
	}
	return p.Say(append(teller.Tell(), plain.Line{At: to, Text: "the recording ends: " + teller.End()}))
}

// retelling goes through a recording.
type retelling struct {
	teller *plain.Teller
	events []fleet.Event // that were not come to yet
	gaps   []fleet.Gap
	begun  bool
	began  time.Time // the moment; zero: there is none
}

// take returns what is to be told before a snapshot, which it takes with what has
// happened up to its time.
func (r *retelling) take(snap *fleet.Snapshot, at time.Time) (lines []plain.Line) {
	n := slices.IndexFunc(r.events, func(e fleet.Event) bool { return e.At.After(at) })
	if n < 0 {
		n = len(r.events)
	}
	happened := r.events[:n]
	r.events = r.events[n:]
	if !r.begun { // what was before is in the first state
		r.begun = true
		return r.teller.Begin(snap)
	}
	if !r.began.IsZero() && at.Sub(r.began) >= moment {
		lines, r.began = r.teller.Tell(), time.Time{}
	}
	for len(r.gaps) > 0 && !r.gaps[0].To.After(at) {
		lines = append(lines, plain.Line{At: r.gaps[0].To, Text: "nothing was recorded from " + stamp(r.gaps[0].From) + " to " + stamp(r.gaps[0].To)})
		r.gaps = r.gaps[1:]
	}
	r.teller.Look(snap)
	for _, e := range happened {
		r.teller.Event(e)
	}
	if r.began.IsZero() && r.teller.Changed() {
		r.began = at
	}
	return lines
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
