package recording

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"sort"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// At returns the fleet as it was recorded at a time, or last before it: the
// snapshot's own time says when. A time before the recording, or one of which
// nothing can be read, is fleet.ErrNotFound. What was torn off there is returned
// too.
//
// Snapshots around the one asked for are kept, so that a step to one of them costs
// next to nothing; together they take some tens of megabytes at most. Nobody waits
// for what another reads, so that who walks can ask for a moment of the next minutes
// meanwhile, and has it then. Each snapshot of a Recording has a version of its own.
func (r *Recording) At(ctx context.Context, at time.Time) (*fleet.Snapshot, []*TornError, error) {
	var torn []*TornError
	for i := r.first(at); i >= 0 && !at.Before(r.From()); i-- {
		w, err := r.window(ctx, i, at)
		if err != nil {
			return nil, torn, err
		}
		snap, t := w.find(at)
		if t != nil {
			torn = append(torn, t)
		}
		if snap != nil {
			return snap, torn, nil
		}
	}
	return nil, torn, fmt.Errorf("recording of %s, which begins at %s: %w", stamp(at), stamp(r.From()), fleet.ErrNotFound)
}

// Timeline returns the times at which a snapshot was recorded, in order, since
// something had changed or another segment began: At has one for each. It reads the recording once, without what is torn off.
func (r *Recording) Timeline(ctx context.Context) ([]time.Time, error) {
	var times []time.Time
	for i := range r.segments {
		s := &r.segments[i]
		_, err := s.walk(ctx, func(raw []byte) (time.Time, error) {
			at, beat, ok := timeOf(raw)
			if !ok {
				d, err := decodeLine(raw)
				if err != nil {
					return time.Time{}, err
				}
				at = d.At
			}
			// A first line says again what was known, and may have been taken a
			// moment before its segment was begun.
			if !beat && (len(times) == 0 || at.After(times[len(times)-1])) {
				times = append(times, latest(at, s.began))
			}
			return at, nil
		})
		if err != nil {
			return nil, err
		}
	}
	return times, nil
}

func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// window is what At keeps of one segment: snapshots one after another.
type window struct {
	segment int
	frames  []frame
	cut     bool      // what was before the first frame was read, and is not kept
	next    time.Time // of the line after the last frame; zero: there is none
	size    int64     // of the file, when it was read
	torn    *TornError
}

// frame is a snapshot and the time from which on it holds.
type frame struct {
	at   time.Time
	snap *fleet.Snapshot
	cost int // that it keeps in memory, in facts, each of which takes half a kilobyte
}

// How much a window keeps, in facts: of what was before the time that was asked
// for, and of what comes after; 30,000 are about ten minutes of fifty services. Who
// asks the first time may not ask again, and is not to wait for more.
const (
	keptBehind  = 30_000
	keptAhead   = 30_000
	aheadFirst  = 5_000
	keptWindows = 2 // there and back between two segments
)

// window returns one that knows what a segment has of a time.
func (r *Recording) window(ctx context.Context, segment int, at time.Time) (*window, error) {
	w, load := r.recall(segment, at)
	if w != nil {
		return w, ctx.Err()
	}
	w, err := r.load(ctx, segment, at, load)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.windows = slices.DeleteFunc(r.windows, func(old *window) bool { return old.segment == segment })
	r.windows = slices.Insert(r.windows[:min(len(r.windows), keptWindows-1)], 0, w)
	return w, nil
}

// recall returns the window that was read, or as which one it is to be.
func (r *Recording) recall(segment int, at time.Time) (w *window, load uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, w := range r.windows {
		if w.segment == segment && w.covers(at, &r.segments[segment]) {
			r.windows = slices.Insert(slices.Delete(r.windows, i, i+1), 0, w)
			return w, 0
		}
	}
	r.loads++
	return nil, r.loads
}

// covers tells whether the window knows what there is at a time. Somebody may
// write on at the end of a segment.
func (w *window) covers(at time.Time, s *segment) bool {
	switch {
	case w.cut && at.Before(w.frames[0].at):
		return false
	case !w.next.IsZero():
		return at.Before(w.next)
	case len(w.frames) > 0 && at.Before(w.frames[len(w.frames)-1].at):
		return true
	default:
		return s.size() == w.size
	}
}

func (s *segment) size() int64 {
	info, err := os.Stat(s.path)
	if err != nil {
		return -1
	}
	return info.Size()
}

// find returns the snapshot of a time, nil if there is none, and what was torn off
// behind it.
func (w *window) find(at time.Time) (*fleet.Snapshot, *TornError) {
	n := sort.Search(len(w.frames), func(i int) bool { return w.frames[i].at.After(at) })
	var torn *TornError
	if n == len(w.frames) && w.next.IsZero() {
		torn = w.torn
	}
	if n == 0 {
		return nil, torn
	}
	return w.frames[n-1].snap, torn
}

// load reads a segment up to a time and a little on.
func (r *Recording) load(ctx context.Context, segment int, at time.Time, number uint64) (*window, error) {
	s := &r.segments[segment]
	l := &loader{window: &window{segment: segment, size: s.size()}, at: at, limit: keptAhead}
	if number == 1 {
		l.limit = aheadFirst
	}
	l.store = fleet.NewStore(ctx, fleet.StoreOptions{Version: number << 32})
	defer l.store.Close()
	var err error
	l.torn, err = s.ahead(ctx, l.take)
	if err == nil {
		err = ctx.Err()
	}
	return l.window, err
}

type loader struct {
	*window

	store         *fleet.Store
	at            time.Time // asked for
	behind, ahead int       // what the frames on either side of it cost
	limit         int       // of ahead
}

// take uses one delta; io.EOF is the end.
func (l *loader) take(d *fleet.Delta) error {
	last := frame{}
	if n := len(l.frames); n > 0 {
		last = l.frames[n-1]
	}
	if l.ahead > l.limit && d.At.After(last.at) {
		l.next = d.At
		return io.EOF
	}
	l.store.Apply(d)
	f := frame{at: latest(d.At, last.at), snap: l.store.Flush()}
	f.cost = cost(d, last.snap, f.snap)
	l.frames = append(l.frames, f)
	if f.at.After(l.at) {
		l.ahead += f.cost
		return nil
	}
	l.behind += f.cost
	n := 0
	for ; l.behind > keptBehind && n < len(l.frames)-1; n++ {
		l.behind -= l.frames[n].cost
	}
	l.cut = l.cut || n > 0
	l.frames = slices.Delete(l.frames, 0, n)
	return nil
}

// cost is what a snapshot keeps in memory that the one before it does not: what
// changed, and lists of pointers. All that is known at first stays in any case.
func cost(d *fleet.Delta, before, snap *fleet.Snapshot) int {
	if before == nil {
		return 0
	}
	pointers := len(snap.Services())
	changed, _ := snap.Since(before)
	for _, s := range changed {
		pointers += len(s.Instances) + len(s.Health) + len(s.Breakers) + len(s.REDs) + len(s.Dependencies)
	}
	return 1 + d.Changes() + pointers/64
}
