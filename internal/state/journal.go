package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// Journal is a file of JSON lines that is only ever added to, until it reaches its
// bounds, if it has some. Several processes may write it at once: each line is one
// write at the end of the file, so lines stay whole, and what a killed process left
// half written is stepped over.
type Journal struct {
	path   string
	bounds *Bounds
}

// NewJournal returns the journal at path. The file is made with its first line.
func NewJournal(path string) *Journal { return &Journal{path: path} }

// NewBoundedJournal returns the journal at path, which is shortened from its oldest
// end whenever it reaches its bounds.
func NewBoundedJournal(path string, b Bounds) *Journal { return &Journal{path, &b} }

// Dir returns the folder of what gctl remembers between runs: $XDG_STATE_HOME/gctl,
// ~/.local/state/gctl where that is unset, and %LocalAppData%\gctl on Windows.
func Dir(getenv func(string) string) (string, error) {
	if dir := getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "gctl"), nil
	}
	if runtime.GOOS == "windows" {
		dir, err := os.UserCacheDir()
		return filepath.Join(dir, "gctl"), err
	}
	home, err := os.UserHomeDir()
	return filepath.Join(home, ".local", "state", "gctl"), err
}

// Append writes v as one line and waits until it is on the disk.
func (j *Journal) Append(v any) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("cannot write %s: %w", j.path, err)
		}
	}()
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(j.path), 0o700); err != nil {
		return err
	}
	if j.bounds != nil {
		return j.appendBounded(line)
	}
	return j.appendLine(line)
}

func (j *Journal) appendLine(line []byte) (err error) {
	f, err := os.OpenFile(j.path, os.O_APPEND|os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	line = append(line, '\n')
	if broken(f) {
		line = append([]byte{'\n'}, line...)
	}
	if _, err := f.Write(line); err != nil {
		return err
	}
	return f.Sync()
}

// broken tells whether the last line has no end.
func broken(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return false
	}
	last := make([]byte, 1)
	_, err = f.ReadAt(last, info.Size()-1)
	return err == nil && last[0] != '\n'
}

// maxJournal is how much of the end of a journal is read.
const maxJournal = 8 << 20

// Each calls use with each line, oldest first, of the last 8 MiB. Lines that are no
// JSON are left out.
func (j *Journal) Each(use func(line []byte)) error {
	data, err := readTail(j.path)
	if err != nil {
		return fmt.Errorf("cannot read what was done: %w", err)
	}
	for line := range bytes.SplitSeq(data, []byte{'\n'}) {
		if whole(line) {
			use(line)
		}
	}
	return nil
}

// readTail reads the last 8 MiB of a file, nothing where there is none.
func readTail(path string) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > maxJournal {
		if _, err := f.Seek(-maxJournal, io.SeekEnd); err != nil {
			return nil, err
		}
	}
	return io.ReadAll(io.LimitReader(f, maxJournal))
}

// whole tells whether a line is all that was written as one.
func whole(line []byte) bool { return json.Valid(line) }
