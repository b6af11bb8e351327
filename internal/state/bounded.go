package state

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"
)

// Bounds say how long a journal may become.
type Bounds struct {
	Lines int
	Bytes int // of all lines together
	// Keep tells which lines are to go last; nil: the oldest go first.
	Keep func(line []byte) bool
}

// lockPatience is how long a line waits until the processes before it have written
// theirs.
const lockPatience = 5 * time.Second

// appendBounded writes a line, and shortens the journal where it would be longer
// than its bounds. Only who holds the lock does either, so no line gets lost between
// the old file and the new.
func (j *Journal) appendBounded(line []byte) error {
	unlock, err := waitLock(j.path + ".lock")
	if err != nil {
		return err
	}
	defer unlock()
	there, err := readTail(j.path)
	if err != nil {
		return err
	}
	size := int64(0)
	info, err := os.Lstat(j.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case !info.Mode().IsRegular(): // a link would be replaced by a file
		return j.appendLine(line)
	default:
		size = info.Size()
	}
	if bytes.Count(there, []byte{'\n'}) < j.bounds.Lines && size+int64(len(line)) < int64(j.bounds.Bytes) {
		return j.appendLine(line)
	}
	return j.replace(append(j.bounds.newest(there, len(line)+1), line))
}

func waitLock(path string) (unlock func(), err error) {
	for end := time.Now().Add(lockPatience); ; time.Sleep(2 * time.Millisecond) {
		unlock, err = Lock(path)
		if !errors.Is(err, ErrLocked) || time.Now().After(end) {
			return unlock, err
		}
	}
}

// newest are the lines that stay beside a new one of a size: three quarters of what
// may be there, so that not every line makes the file anew.
func (b *Bounds) newest(data []byte, size int) [][]byte {
	var all [][]byte
	for line := range bytes.SplitSeq(data, []byte{'\n'}) {
		if whole(line) {
			all = append(all, line)
		}
	}
	lines, room := b.Lines*3/4-1, b.Bytes*3/4-size
	stays := make([]bool, len(all))
	take := func(wanted func(line []byte) bool) {
		for i, line := range slices.Backward(all) {
			if lines <= 0 || len(line)+1 > room {
				return
			}
			if !stays[i] && wanted(line) {
				stays[i] = true
				lines, room = lines-1, room-len(line)-1
			}
		}
	}
	if b.Keep != nil {
		take(b.Keep)
	}
	take(func([]byte) bool { return true })
	var out [][]byte
	for i, line := range all {
		if stays[i] {
			out = append(out, line)
		}
	}
	return out
}

// replace writes the journal anew, in one step. What a killed process left half
// written, the next one overwrites.
func (j *Journal) replace(lines [][]byte) (err error) {
	path := j.path + ".new"
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(bytes.Join(lines, []byte{'\n'}), '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("shorten it: %w", err)
	}
	return os.Rename(path, j.path)
}
