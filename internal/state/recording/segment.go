package recording

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// longestLine bounds one line of a segment, and with it what a damaged file can
// make a reader keep.
const longestLine = 256 << 20

// writer writes one segment.
type writer struct {
	file  *os.File
	gzip  *gzip.Writer
	bytes int64 // written to the file
}

func create(path string) (*writer, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	w := &writer{file: f}
	w.gzip = gzip.NewWriter(w)
	if err := w.json(header{formatName, formatVersion}); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return w, nil
}

// Write counts what goes to the file.
func (w *writer) Write(p []byte) (int, error) {
	n, err := w.file.Write(p)
	w.bytes += int64(n)
	return n, err
}

func (w *writer) delta(d *fleet.Delta) error { return w.json(encode(d)) }

func (w *writer) json(v any) error {
	if err := writeLine(w.gzip, v); err != nil {
		return err
	}
	return w.gzip.Flush()
}

func writeLine(w io.Writer, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return writeRaw(w, raw)
}

func writeRaw(w io.Writer, raw []byte) error {
	if _, err := fmt.Fprintf(w, "%08x ", crc32.ChecksumIEEE(raw)); err != nil {
		return err
	}
	_, err := w.Write(append(raw, '\n'))
	return err
}

func (w *writer) close() error {
	return errors.Join(w.gzip.Close(), w.file.Sync(), w.file.Close())
}

// errTorn is what is left of a segment whose writer was killed, or of a damaged
// one.
var errTorn = errors.New("the recording is torn")

// errUnfinished is the end of a segment that has no end but is whole so far: its
// writer still runs, or was killed between two lines.
var errUnfinished = errors.New("unfinished")

// errShort is the end of a file that was exported, where there should be more.
var errShort = errors.New("the file ends too early")

// errFormat is a segment of another version, or none at all.
var errFormat = errors.New("not a recording that this gctl can read")

// read hands each line of a segment to use, which may return io.EOF to end it; of
// one with a head the first line says what it is. It returns nil at the end of the
// segment, or errUnfinished, errTorn or errFormat.
func read(r io.Reader, head bool, use func(raw []byte) error) error {
	zip, err := gzip.NewReader(r)
	if err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return errUnfinished
		}
		return fmt.Errorf("%w: %w", errFormat, err)
	}
	lines := &lineReader{r: bufio.NewReaderSize(zip, 1<<16)}
	if head {
		if err := checkHead(lines); err != nil {
			return err
		}
	}
	for {
		raw, err := lines.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := use(raw); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	}
}

func checkHead(lines *lineReader) error {
	raw, err := lines.next()
	if err != nil {
		return err
	}
	var h header
	if err := json.Unmarshal(raw, &h); err != nil || h.Format != formatName || h.Version != formatVersion {
		return fmt.Errorf("%w: its first line is %.100q", errFormat, raw)
	}
	return nil
}

type lineReader struct {
	r   *bufio.Reader
	buf []byte
}

// next returns the JSON of the next line, valid until the one after; io.EOF at the
// end of a finished segment.
func (l *lineReader) next() ([]byte, error) {
	l.buf = l.buf[:0]
	for {
		part, err := l.r.ReadSlice('\n')
		l.buf = append(l.buf, part...)
		switch {
		case err == nil:
			return l.check()
		case len(l.buf) > longestLine:
			return nil, fmt.Errorf("%w: a line is too long", errTorn)
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(l.buf) == 0:
			return nil, io.EOF
		case errors.Is(err, io.ErrUnexpectedEOF) && len(l.buf) == 0:
			return nil, errUnfinished
		default:
			return nil, fmt.Errorf("%w: %w", errTorn, err)
		}
	}
}

func (l *lineReader) check() ([]byte, error) {
	sum, raw, ok := bytes.Cut(bytes.TrimSuffix(l.buf, []byte("\n")), []byte(" "))
	want, err := strconv.ParseUint(string(sum), 16, 32)
	if !ok || err != nil || uint32(want) != crc32.ChecksumIEEE(raw) {
		return nil, fmt.Errorf("%w: a line is damaged", errTorn)
	}
	return raw, nil
}

// decodeLine reads a delta.
func decodeLine(raw []byte) (fleet.Delta, error) {
	var l line
	if err := json.Unmarshal(raw, &l); err != nil {
		return fleet.Delta{}, fmt.Errorf("%w: %w", errTorn, err)
	}
	return l.decode(), nil
}

// decodeAt reads no more than the time of a delta.
func decodeAt(raw []byte) (fleet.Delta, error) {
	if at, _, ok := timeOf(raw); ok {
		return fleet.Delta{At: at}, nil
	}
	return decodeLine(raw)
}

// timeOf reads the time of a delta, and whether there is nothing else in it, which
// is a heartbeat; not ok where it does not begin as gctl writes it.
func timeOf(raw []byte) (at time.Time, beat, ok bool) {
	rest, ok := bytes.CutPrefix(raw, []byte(`{"at":"`))
	if !ok {
		return time.Time{}, false, false
	}
	text, rest, _ := bytes.Cut(rest, []byte(`"`))
	at, err := time.Parse(time.RFC3339Nano, string(text))
	return at, string(rest) == "}", err == nil
}
