package recording

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// Recording is what a folder holds.
type Recording struct {
	dir      string
	segments []segment // oldest first
}

type segment struct {
	path  string
	began time.Time
	bytes int64
}

// list returns the segments of a folder, oldest first.
func list(dir string) ([]segment, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var found []segment
	for _, e := range entries {
		stamp, ok := strings.CutSuffix(e.Name(), ending)
		began, err := time.Parse(nameLayout, stamp)
		if !ok || err != nil {
			continue
		}
		s := segment{path: filepath.Join(dir, e.Name()), began: began}
		if info, err := e.Info(); err == nil {
			s.bytes = info.Size()
		}
		found = append(found, s)
	}
	slices.SortFunc(found, func(a, b segment) int { return a.began.Compare(b.began) })
	return found, nil
}

// Open looks at a folder. One that is not there, or holds no recording, is
// fleet.ErrNotFound.
func Open(dir string) (*Recording, error) {
	segments, err := list(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot read the recording: %w", err)
	}
	if len(segments) == 0 {
		return nil, fmt.Errorf("recording in %s: %w", dir, fleet.ErrNotFound)
	}
	return &Recording{dir, segments}, nil
}

// From is the beginning of the recording.
func (r *Recording) From() time.Time { return r.segments[0].began }

// TornError is the place where a segment was cut off, since its writer was killed or the
// file is damaged.
type TornError struct {
	Segment string    // its file
	After   time.Time // the last time that could be read; zero: none
	Err     error
}

// Error says what is lost.
func (t *TornError) Error() string {
	name := filepath.Base(t.Segment)
	if t.After.IsZero() {
		return fmt.Sprintf("%s cannot be read: %v", name, t.Err)
	}
	return fmt.Sprintf("%s is cut off after %s: %v", name, t.After.UTC().Format(time.RFC3339), t.Err)
}

// Unwrap returns the cause.
func (t *TornError) Unwrap() error { return t.Err }

// walk hands the lines of a segment to use. What is torn off is returned, and no
// error.
func (s *segment) walk(ctx context.Context, use func(raw []byte) (time.Time, error)) (*TornError, error) {
	f, err := os.Open(s.path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the recording: %w", err)
	}
	defer f.Close()
	var last time.Time
	err = read(f, func(raw []byte) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		at, err := use(raw)
		if !at.IsZero() {
			last = at
		}
		return err
	})
	var torn *TornError
	switch {
	case errors.Is(err, errTorn) || errors.Is(err, errFormat):
		torn, err = &TornError{Segment: s.path, After: last, Err: err}, nil
	case errors.Is(err, errUnfinished):
		err = nil
	}
	return torn, err
}

// ahead is walk for all of a delta: while one is used, the next ones are read.
func (s *segment) ahead(ctx context.Context, use func(*fleet.Delta) error) (*TornError, error) {
	ctx, cancel := context.WithCancel(ctx)
	deltas := make(chan fleet.Delta, 64)
	var torn *TornError
	var failed error
	go func() {
		defer close(deltas)
		torn, failed = s.walk(ctx, func(raw []byte) (time.Time, error) {
			d, err := decodeLine(raw)
			if err != nil {
				return time.Time{}, err
			}
			select {
			case deltas <- d:
				return d.At, nil
			case <-ctx.Done():
				return time.Time{}, ctx.Err()
			}
		})
	}()
	var err error
	for d := range deltas {
		if err == nil {
			if err = use(&d); err != nil {
				cancel()
			}
		}
	}
	cancel()
	if errors.Is(err, io.EOF) { // the rest is not wanted
		err, failed = nil, nil
	}
	return torn, cmp.Or(err, failed)
}

// ReplayOptions say what of a recording is played, and how fast.
type ReplayOptions struct {
	From, To time.Time // zero: from the beginning, to the end
	// Speed is how many recorded seconds pass in one; 0 is as fast as can be.
	Speed float64
}

// Replay feeds a store, which has no sources, with a recording. What was known at
// From is there at once; then what changed follows in its time. It returns when To
// or the end is reached, having published the last state, and what was torn off.
func (r *Recording) Replay(ctx context.Context, store *fleet.Store, o ReplayOptions) ([]*TornError, error) {
	p := &player{ctx: ctx, store: store, o: o}
	var torn []*TornError
	for i := r.first(o.From); i < len(r.segments); i++ {
		if !o.To.IsZero() && r.segments[i].began.After(o.To) && p.begun {
			break
		}
		t, err := r.segments[i].ahead(ctx, p.play)
		if t != nil {
			torn = append(torn, t)
		}
		if err != nil {
			return torn, err
		}
		if p.over {
			break
		}
	}
	store.Flush()
	return torn, ctx.Err()
}

// first is the segment that holds a time, or the first.
func (r *Recording) first(at time.Time) int {
	n := 0
	for i := range r.segments {
		if !r.segments[i].began.After(at) {
			n = i
		}
	}
	return n
}

type player struct {
	ctx   context.Context //nolint:containedctx // of the replay, as long as it lives
	store *fleet.Store
	o     ReplayOptions
	begun bool // a delta was applied
	over  bool
	zero  time.Time // when From, or the first change after it, was played
	from  time.Time
}

// play uses one delta; io.EOF is the end.
func (p *player) play(d *fleet.Delta) error {
	if !p.o.To.IsZero() && d.At.After(p.o.To) && p.begun {
		p.over = true
		return io.EOF
	}
	if p.o.Speed > 0 && !d.At.Before(p.o.From) {
		if err := p.wait(d.At); err != nil {
			return err
		}
	}
	p.store.Apply(d)
	p.begun = true
	return nil
}

// wait waits until a recorded time has come.
func (p *player) wait(at time.Time) error {
	if p.zero.IsZero() {
		p.store.Flush()
		p.zero, p.from = time.Now(), at
		if p.from.After(p.o.From) && !p.o.From.IsZero() {
			p.from = p.o.From
		}
	}
	timer := time.NewTimer(time.Until(p.zero.Add(time.Duration(float64(at.Sub(p.from)) / p.o.Speed))))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-p.ctx.Done():
		return p.ctx.Err()
	}
}

// At returns the fleet as it was recorded at a time, or last before it: the
// snapshot's own time says when. A time before the recording is
// fleet.ErrNotFound.
func (r *Recording) At(ctx context.Context, at time.Time) (*fleet.Snapshot, []*TornError, error) {
	if at.Before(r.From()) {
		return nil, nil, fmt.Errorf("recording of %s, which begins at %s: %w",
			at.UTC().Format(time.RFC3339), r.From().UTC().Format(time.RFC3339), fleet.ErrNotFound)
	}
	store := fleet.NewStore(ctx, fleet.StoreOptions{})
	defer store.Close()
	torn, err := r.Replay(ctx, store, ReplayOptions{From: at, To: at})
	return store.Snapshot(), torn, err
}

// Events implements fleet.EventReader. What was torn off is among the Missing.
func (r *Recording) Events(ctx context.Context, service string, since, until time.Time) (fleet.EventList, error) {
	list := fleet.EventList{From: r.From()}
	var looked time.Time // the last time that somebody is known to have looked
	for i := r.first(since); i < len(r.segments) && !r.segments[i].began.After(until); i++ {
		head := true
		torn, err := r.segments[i].walk(ctx, func(raw []byte) (time.Time, error) {
			d, err := decodeEvents(raw)
			if err != nil {
				return time.Time{}, err
			}
			if looked.IsZero() { // a first line may tell what was known for long
				looked = r.segments[i].began
			}
			if d.At.Sub(looked) > gapAfter && d.At.After(since) {
				list.Gaps = append(list.Gaps, fleet.Gap{From: looked, To: d.At})
			}
			if d.At.After(looked) {
				looked = d.At
			}
			// The events of a first line were recorded before, unless there is
			// nothing before.
			if !head || i == 0 {
				list.Events = appendEvents(list.Events, d.Events, service, since, until)
			}
			head = false
			return d.At, nil
		})
		if err != nil {
			return list, err
		}
		if torn != nil {
			list.Missing = append(list.Missing, fleet.Missing{What: "recording", Err: torn})
		}
	}
	// A recorder that runs says so every heartbeat.
	if !looked.IsZero() && until.Sub(looked) > gapAfter {
		list.Gaps = append(list.Gaps, fleet.Gap{From: looked, To: until})
	}
	slices.SortStableFunc(list.Events, func(a, b fleet.Event) int { return a.At.Compare(b.At) })
	return list, nil
}

func appendEvents(to, events []fleet.Event, service string, since, until time.Time) []fleet.Event {
	for i := range events {
		if e := &events[i]; (service == "" || e.Service == service) && !e.At.Before(since) && !e.At.After(until) {
			to = append(to, *e)
		}
	}
	return to
}

// gapAfter is how far apart two lines may be before something is missing: a
// recorder that lives says something at every heartbeat, one whose machine sleeps
// does not.
const gapAfter = time.Minute

// decodeEvents reads the time of a delta, and its events only if it has some: most
// have none, and the rest is not needed.
func decodeEvents(raw []byte) (fleet.Delta, error) {
	if bytes.Contains(raw, []byte(`"events":`)) {
		return decodeLine(raw)
	}
	return decodeAt(raw)
}
