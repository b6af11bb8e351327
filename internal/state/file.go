package state

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// WriteFile makes a file that only its owner can read, in one step: whoever looks
// sees nothing or all that fill wrote, whatever happens on the way. What is there
// already is only replaced if replace says so, and if it is a file; else it fails
// with fs.ErrExist.
func WriteFile(path string, replace bool, fill func(io.Writer) error) (err error) {
	if err := mayWrite(path, replace); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	if err = errors.Join(fill(f), f.Sync(), f.Close()); err != nil {
		return err
	}
	// Somebody may have been faster. Where there are no hard links that is not
	// noticed.
	if !replace {
		if err = os.Link(f.Name(), path); err == nil || errors.Is(err, fs.ErrExist) {
			_ = os.Remove(f.Name())
			return err
		}
	}
	return os.Rename(f.Name(), path)
}

// mayWrite refuses what would be lost. A link is no file: what it points to would
// stay as it is.
func mayWrite(path string, replace bool) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !replace:
		return fmt.Errorf("%s: %w", path, fs.ErrExist)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is no regular file, it will not be replaced", path)
	}
	return nil
}
