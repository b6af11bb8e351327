package recording

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/state"
)

// Options say how much a Recorder keeps.
type Options struct {
	Dir     string
	Keep    time.Duration // 24 h if 0
	MaxSize int64         // bytes; 256 MiB if 0
	// Segment is the time of one segment, after which everything is written
	// anew; 10 min if 0. It is cut short where a segment takes an eighth of
	// MaxSize.
	Segment time.Duration
	Now     func() time.Time // time.Now if nil
}

// Stats say what a Recorder did.
type Stats struct {
	Changes  int
	Bytes    int64 // of all segments that are kept
	Segments int
	Oldest   time.Time // the beginning of what is kept
}

// ErrBusy is the error of a second recorder in the same folder.
var ErrBusy = errors.New("another gctl record writes there")

// Recorder writes snapshots into a ring.
type Recorder struct {
	opts    Options
	unlock  func()
	current *writer
	began   time.Time
	last    *fleet.Snapshot
	written time.Time // of the last line
	stats   Stats
}

// NewRecorder prepares the folder, which belongs to this recorder until Close.
func NewRecorder(o Options) (*Recorder, error) {
	if o.Keep <= 0 {
		o.Keep = 24 * time.Hour
	}
	if o.MaxSize <= 0 {
		o.MaxSize = 256 << 20
	}
	if o.Segment <= 0 {
		o.Segment = 10 * time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot keep a recording: %w", err)
	}
	unlock, err := state.Lock(filepath.Join(o.Dir, "lock"))
	if errors.Is(err, state.ErrLocked) {
		return nil, ErrBusy
	}
	if err != nil {
		return nil, fmt.Errorf("cannot keep a recording: %w", err)
	}
	return &Recorder{opts: o, unlock: unlock}, nil
}

// Run records a store until ctx ends. told, where it is not nil, is called after
// each step.
func (r *Recorder) Run(ctx context.Context, store *fleet.Store, told func(Stats)) error {
	var version uint64
	for {
		step, cancel := context.WithTimeout(ctx, heartbeat)
		snap, err := store.Wait(step, version)
		cancel()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
			version = snap.Version()
			err = r.Record(snap)
		case errors.Is(err, context.DeadlineExceeded):
			err = r.beat(r.opts.Now())
		}
		if err != nil {
			return err
		}
		if told != nil {
			told(r.stats)
		}
	}
}

// heartbeat is how often a recorder says that nothing changed: where that is
// missing, nobody looked.
const heartbeat = 20 * time.Second

func (r *Recorder) beat(at time.Time) error {
	if r.current == nil {
		return nil
	}
	return r.write(&fleet.Delta{At: at})
}

func (r *Recorder) write(d *fleet.Delta) error {
	if err := r.current.delta(d); err != nil {
		return fmt.Errorf("cannot keep a recording: %w", err)
	}
	r.written = d.At
	return nil
}

// Record writes what changed since the snapshot before.
func (r *Recorder) Record(snap *fleet.Snapshot) error {
	if r.last == nil {
		r.last = snap
		return r.turn(snap)
	}
	d := fleet.Diff(r.last, snap)
	full := r.current.bytes > r.opts.MaxSize/8
	if full || snap.At().Sub(r.began) >= r.opts.Segment {
		// What was known before comes first, so that what changed since does not
		// look as if it had always been so.
		if err := r.turn(r.last); err != nil {
			return err
		}
	}
	r.last = snap
	if d.Empty() {
		if snap.At().Sub(r.written) >= heartbeat {
			return r.beat(snap.At())
		}
		return nil
	}
	r.stats.Changes += d.Changes()
	if err := r.write(&d); err != nil {
		return err
	}
	r.stats.Bytes = r.kept() // of the present segment too
	return nil
}

// turn begins a new segment with all that is known, and forgets what is too old or
// too much.
func (r *Recorder) turn(snap *fleet.Snapshot) error {
	if r.current != nil {
		if err := r.current.close(); err != nil {
			return fmt.Errorf("cannot keep a recording: %w", err)
		}
	}
	began := r.opts.Now()
	var err error
	for { // two segments of one millisecond would have one name
		if r.current, err = create(filepath.Join(r.opts.Dir, began.UTC().Format(nameLayout)+ending)); !errors.Is(err, os.ErrExist) {
			break
		}
		began = began.Add(time.Millisecond)
	}
	if err != nil {
		return fmt.Errorf("cannot keep a recording: %w", err)
	}
	r.began = snap.At()
	d := fleet.Diff(nil, snap)
	if err := r.write(&d); err != nil {
		return err
	}
	return r.forget()
}

// forget removes the oldest segments. The present one stays in any case.
func (r *Recorder) forget() error {
	segments, err := list(r.opts.Dir)
	if err != nil {
		return err
	}
	var total int64
	for _, s := range segments {
		total += s.bytes
	}
	limit := r.opts.Now().Add(-r.opts.Keep)
	for len(segments) > 1 {
		// A segment ends where the next begins.
		if total <= r.opts.MaxSize-r.opts.MaxSize/8 && !segments[1].began.Before(limit) {
			break
		}
		if err := os.Remove(segments[0].path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("cannot forget an old recording: %w", err)
		}
		total -= segments[0].bytes
		segments = segments[1:]
	}
	r.stats.Segments, r.stats.Oldest = len(segments), segments[0].began
	r.stats.Bytes = total
	return nil
}

func (r *Recorder) kept() int64 {
	segments, err := list(r.opts.Dir)
	if err != nil {
		return r.stats.Bytes
	}
	var total int64
	for _, s := range segments {
		total += s.bytes
	}
	return total
}

// Stats says what was done so far.
func (r *Recorder) Stats() Stats { return r.stats }

// Close ends the segment and lets another recorder have the folder.
func (r *Recorder) Close() error {
	defer r.unlock()
	if r.current == nil {
		return nil
	}
	return r.current.close()
}
