// Package state keeps gctl's own files between runs. They may hold what others
// should not read, so folders are 0700 and files 0600.
package state

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Cache is a folder of files that can be lost without harm, one a key.
type Cache struct{ dir string }

// NewCache returns the cache in dir. The folder is made when the first entry is
// saved.
func NewCache(dir string) *Cache { return &Cache{dir} }

// Load returns what was saved under key last, and false if there is nothing
// that can be read.
func (c *Cache) Load(key string) ([]byte, bool) {
	data, err := os.ReadFile(c.path(key))
	return data, err == nil
}

// Save keeps data under key, in one step: a reader sees the old or the new
// data, whatever happens on the way.
func (c *Cache) Save(key string, data []byte) error {
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return fmt.Errorf("cannot keep the cache: %w", err)
	}
	return replace(c.path(key), data)
}

// Remove forgets what was saved under key, and the folder with its last entry.
func (c *Cache) Remove(key string) error {
	if err := os.Remove(c.path(key)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot clean the cache: %w", err)
	}
	_ = os.Remove(c.dir) // fails while something is in it
	return nil
}

// path hides the key: keys are any text, names of files are not.
func (c *Cache) path(key string) string {
	sum := sha256.Sum256([]byte(key))
	return filepath.Join(c.dir, hex.EncodeToString(sum[:16]))
}

// replace writes a file beside path and renames it.
func replace(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // 0600
	if err != nil {
		return fmt.Errorf("cannot keep the cache: %w", err)
	}
	_, err = f.Write(data)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("cannot keep the cache: %w", err)
	}
	return nil
}
