package recording

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// Export writes what was recorded from one time to another as one file, which Open
// reads: all that was known at from, then what changed. Zero times are the
// beginning and the end. It returns what of that time was torn off; where nothing
// was recorded in it, it fails with fleet.ErrNotFound.
func (r *Recording) Export(ctx context.Context, w io.Writer, from, to time.Time) ([]*TornError, error) {
	return r.ExportText(ctx, w, from, to, nil)
}

// ExportText is Export with the JSON of each line changed by rewrite, which may hide
// what is not for others in the texts, and leaves the rest as it is.
func (r *Recording) ExportText(ctx context.Context, w io.Writer, from, to time.Time, rewrite func(line []byte) []byte) ([]*TornError, error) {
	from = latest(from, r.From())
	if !to.IsZero() && to.Before(from) {
		return nil, fmt.Errorf("recording until %s, which begins at %s: %w", stamp(to), stamp(from), fleet.ErrNotFound)
	}
	e := &exporter{from: from, to: to, store: fleet.NewStore(ctx, fleet.StoreOptions{}), out: partWriter{out: w, rewrite: rewrite}}
	defer e.store.Close()
	var torn []*TornError
	for i := r.first(from); i < len(r.segments) && !e.over; i++ {
		t, err := r.segments[i].ahead(ctx, e.take)
		if t != nil {
			torn = append(torn, t)
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return torn, fmt.Errorf("cannot export the recording: %w", err)
		}
	}
	return torn, e.end()
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// exporter turns the lines of several segments into one row of differences.
type exporter struct {
	from, to time.Time
	store    *fleet.Store
	last     *fleet.Snapshot // with the delta before; nil: there was none
	written  time.Time       // the time of the last line
	lines    int             // after the first
	out      partWriter
	over     bool
}

// take uses one delta; io.EOF is the end.
func (e *exporter) take(d *fleet.Delta) error {
	if !e.to.IsZero() && d.At.After(e.to) && e.last != nil {
		e.over = true
		return io.EOF
	}
	before := e.last
	e.store.Apply(d)
	e.last = e.store.Flush()
	if !d.At.After(e.from) {
		return nil
	}
	if before == nil { // what was known at from could not be read
		return e.begin(d.At)
	}
	if !e.out.any {
		if err := e.write(before, e.from); err != nil {
			return err
		}
	}
	return e.change(before, d)
}

func (e *exporter) begin(began time.Time) error { return e.write(e.last, began) }

// write begins a part.
func (e *exporter) write(snap *fleet.Snapshot, began time.Time) error {
	whole := fleet.Diff(nil, snap)
	if e.written.IsZero() {
		e.written = whole.At
	}
	return e.out.begin(began, &whole)
}

// change writes what changed since the snapshot before. The first line of another
// segment says again what is known; a heartbeat says that nobody slept.
func (e *exporter) change(before *fleet.Snapshot, d *fleet.Delta) error {
	diff := fleet.Diff(before, e.last)
	diff.Sources = d.Sources // also where only the times of their answers differ
	if diff.Empty() && !d.At.After(e.written) {
		return nil
	}
	if e.out.full(d.At) {
		if err := e.write(before, d.At); err != nil {
			return err
		}
	}
	if diff.At = d.At; diff.At.Before(e.written) {
		diff.At = e.written
	}
	e.written = diff.At
	e.lines++
	return e.out.delta(&diff)
}

func (e *exporter) end() error {
	if e.last == nil || e.lines == 0 && e.from.Sub(e.last.At()) > gapAfter {
		return fmt.Errorf("recording of %s: %w", stamp(e.from), fleet.ErrNotFound)
	}
	if !e.out.any {
		if err := e.begin(e.from); err != nil {
			return err
		}
	}
	if err := e.out.end(false); err != nil {
		return fmt.Errorf("cannot export the recording: %w", err)
	}
	return nil
}
