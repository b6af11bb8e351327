package recording

import (
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
	"sync"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// Recording is what a folder or a file holds. It is safe for concurrent use, and
// needs no closing.
type Recording struct {
	segments []segment // oldest first

	mu      sync.Mutex
	windows []*window // what At has read, the one used last first
	loads   uint64    // how often it read
}

// segment is what can be read alone: a file of the ring, or a part of a file that
// was exported.
type segment struct {
	path  string
	began time.Time
	bytes int64 // of the file
	part  *part // nil: the whole file
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

// Open looks at a folder of segments, at one segment, or at a file that Export
// wrote. What is not there, and a folder that holds no recording, is
// fleet.ErrNotFound.
func Open(path string) (*Recording, error) {
	info, err := os.Stat(path)
	var segments []segment
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = nil
	case err != nil:
	case info.IsDir():
		segments, err = list(path)
	case info.Mode().IsRegular():
		segments, err = openFile(path, info.Size())
	default:
		err = fmt.Errorf("%s is neither a folder nor a file", path)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the recording: %w", err)
	}
	if len(segments) == 0 {
		return nil, fmt.Errorf("recording in %s: %w", path, fleet.ErrNotFound)
	}
	return &Recording{segments: segments}, nil
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

// lines hands the lines of a segment to use; see read.
func (s *segment) lines(use func(raw []byte) error) error {
	f, err := os.Open(s.path)
	if err != nil {
		return fmt.Errorf("cannot read the recording: %w", err)
	}
	defer f.Close()
	var in io.Reader = f
	if s.part != nil {
		in = io.NewSectionReader(f, s.part.offset, s.part.size)
	}
	return read(in, s.part == nil || s.part.offset == 0, use)
}

// walk is lines with their times. What is torn off is returned, and no error.
func (s *segment) walk(ctx context.Context, use func(raw []byte) (time.Time, error)) (*TornError, error) {
	var last time.Time
	err := s.lines(func(raw []byte) error {
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
	case errors.Is(err, errUnfinished) && s.part != nil: // nobody writes it any more
		torn, err = &TornError{Segment: s.path, After: last, Err: errShort}, nil
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
