package recording

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// part is where a segment lies in a file that was exported.
type part struct{ offset, size int64 }

// The beginning of a part: a gzip header of ten bytes (RFC 1952, 2.3), then the
// length of what is extra, and that.
const (
	extraAt    = 12
	extraSize  = 4 + 17
	partHead   = extraAt + extraSize
	partsAtAll = 100_000 // in one file
)

// extra is the extra field of a part.
func extra(size int64, began time.Time, more bool) []byte {
	b := append(make([]byte, 0, extraSize), 'g', 'c', 17, 0)
	b = binary.LittleEndian.AppendUint64(b, uint64(size))
	b = binary.LittleEndian.AppendUint64(b, uint64(began.UnixNano()))
	if more {
		return append(b, 1)
	}
	return append(b, 0)
}

// readPart reads the head of the part at a place, false if none begins there.
func readPart(f io.ReaderAt, offset int64) (p part, began time.Time, more, ok bool) {
	var head [partHead]byte
	if _, err := f.ReadAt(head[:], offset); err != nil ||
		!bytes.HasPrefix(head[:], []byte{0x1f, 0x8b, 8, 4}) || !bytes.HasPrefix(head[10:], []byte{extraSize, 0, 'g', 'c', 17, 0}) {
		return part{}, time.Time{}, false, false
	}
	field := head[extraAt+4:]
	size := int64(binary.LittleEndian.Uint64(field))
	began = time.Unix(0, int64(binary.LittleEndian.Uint64(field[8:]))).UTC()
	return part{offset, size}, began, field[16] != 0, size > partHead
}

// openFile returns what a single file holds.
func openFile(path string, size int64) ([]segment, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	segments, err := parts(f, path, size)
	if err != nil {
		return nil, err
	}
	if segments == nil {
		segments = []segment{{path: path, bytes: size}}
	}
	first := &segments[0]
	began, err := first.begins()
	if err != nil {
		return nil, err
	}
	if first.part == nil {
		first.began = began
		stamp, _ := strings.CutSuffix(filepath.Base(path), ending)
		if named, err := time.Parse(nameLayout, stamp); err == nil {
			first.began = named
		}
	}
	return segments, nil
}

// parts returns the parts of a file, nil if it has none. What is missing at its
// end is a segment too, of which nothing can be read.
func parts(f io.ReaderAt, path string, size int64) ([]segment, error) {
	var segments []segment
	for offset, more := int64(0), true; more; {
		p, began, goesOn, ok := readPart(f, offset)
		if !ok && offset == 0 {
			return nil, nil
		}
		if !ok {
			began = segments[len(segments)-1].began
			p, goesOn = part{offset, max(0, size-offset)}, false
		}
		if len(segments) == partsAtAll {
			return nil, fmt.Errorf("%s: %w: it has more than %d parts", path, errFormat, partsAtAll)
		}
		segments = append(segments, segment{path: path, began: began, bytes: size, part: &p})
		offset, more = offset+p.size, goesOn && p.size <= size-offset
	}
	return segments, nil
}

// begins returns the time of the first line, without which there is nothing.
func (s *segment) begins() (time.Time, error) {
	var first time.Time
	err := s.lines(func(raw []byte) error {
		d, err := decodeAt(raw)
		if first = d.At; err == nil {
			err = io.EOF // the rest is not wanted
		}
		return err
	})
	if errors.Is(err, errUnfinished) || err == nil && first.IsZero() {
		err = errors.New("nothing was recorded in it")
	}
	if err != nil {
		return first, fmt.Errorf("%s: %w", filepath.Base(s.path), err)
	}
	return first, nil
}

// partWriter writes the parts of a file, one after another.
type partWriter struct {
	out     io.Writer
	rewrite func(line []byte) []byte // nil: lines stay as they are
	buf     bytes.Buffer             // the part that is being written
	zip     *gzip.Writer
	began   time.Time
	limit   int // of changes in a part
	changes int // in it
	any     bool
}

// The longest part: as a segment of the ring, or fewer changes, so that a reader
// who looks for one moment has little to read before it.
const (
	partTime    = 10 * time.Minute
	partChanges = 10_000
)

// full tells whether it is time for another part.
func (w *partWriter) full(at time.Time) bool {
	return at.After(w.began) && (at.Sub(w.began) >= partTime || w.changes >= w.limit)
}

// begin ends the part before, and begins another with all that is known.
func (w *partWriter) begin(began time.Time, whole *fleet.Delta) error {
	l := encode(whole)
	if w.any {
		if err := w.end(true); err != nil {
			return err
		}
		l.Known, l.Events = l.Events, nil
	}
	w.buf.Reset()
	w.zip = gzip.NewWriter(&w.buf)
	w.zip.Extra = extra(0, time.Time{}, false) // filled in at the end
	if !w.any {
		if err := writeLine(w.zip, header{formatName, formatVersion}); err != nil {
			return err
		}
	}
	w.any, w.began, w.changes = true, began, 0
	w.limit = max(partChanges, 2*(whole.Changes()-len(whole.Events))) // else all that is known would be most of the file
	return w.line(l)
}

func (w *partWriter) line(l *line) error {
	raw, err := json.Marshal(l)
	if err != nil {
		return err
	}
	if w.rewrite != nil {
		raw = w.rewrite(raw)
	}
	return writeRaw(w.zip, raw)
}

func (w *partWriter) delta(d *fleet.Delta) error {
	w.changes += d.Changes()
	return w.line(encode(d))
}

func (w *partWriter) end(more bool) error {
	if err := w.zip.Close(); err != nil {
		return err
	}
	raw := w.buf.Bytes()
	copy(raw[extraAt:], extra(int64(len(raw)), w.began, more))
	_, err := w.out.Write(raw)
	return err
}
