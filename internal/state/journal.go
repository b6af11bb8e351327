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

// Journal is a file of JSON lines that is only ever added to. Several processes
// may write it at once: each line is one write at the end of the file, so lines
// stay whole, and what a killed process left half written is stepped over.
type Journal struct{ path string }

// NewJournal returns the journal at path. The file is made with its first line.
func NewJournal(path string) *Journal { return &Journal{path} }

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
	f, err := os.Open(j.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot read what was done: %w", err)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > maxJournal {
		_, err = f.Seek(-maxJournal, io.SeekEnd)
		if err != nil {
			return fmt.Errorf("cannot read %s: %w", j.path, err)
		}
	}
	data, err := io.ReadAll(io.LimitReader(f, maxJournal))
	if err != nil {
		return fmt.Errorf("cannot read %s: %w", j.path, err)
	}
	for line := range bytes.SplitSeq(data, []byte{'\n'}) {
		if json.Valid(line) {
			use(line)
		}
	}
	return nil
}
