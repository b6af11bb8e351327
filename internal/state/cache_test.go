package state_test

import (
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/gctl-dev/gctl/internal/state"
	"github.com/gctl-dev/gctl/reflection"
)

var _ reflection.Cache = (*state.Cache)(nil)

func TestCacheKeepsWhatItWasGiven(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "there", "yet")
	c := state.NewCache(dir)
	const key = "../../etc/passwd\x00 any text"
	if _, ok := c.Load(key); ok {
		t.Fatal("an empty cache knows something")
	}
	for _, want := range []string{"one", "", "three"} {
		if err := c.Save(key, []byte(want)); err != nil {
			t.Fatal(err)
		}
		if got, ok := state.NewCache(dir).Load(key); !ok || string(got) != want {
			t.Fatalf("Load = %q, %v; want %q", got, ok, want)
		}
	}
	if _, ok := c.Load("another key"); ok {
		t.Error("keys are mixed up")
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Fatalf("the folder holds %v (%v), want one file", entries, err)
	}
	info, err := entries[0].Info()
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600", info.Mode().Perm())
	}
}

func TestCacheReadersNeverSeeHalfAnEntry(t *testing.T) {
	c := state.NewCache(t.TempDir())
	full := make([]byte, 1<<16)
	if err := c.Save("k", full); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				if err := c.Save("k", full); err != nil {
					t.Error(err)
				}
				if got, ok := c.Load("k"); !ok || len(got) != len(full) {
					t.Errorf("Load = %d bytes, %v", len(got), ok)
				}
			}
		})
	}
	wg.Wait()
}

func TestCacheThatCannotBeWrittenSaysSo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := state.NewCache(filepath.Join(file, "cache")).Save("k", nil); err == nil {
		t.Error("Save into a file reports nothing")
	}
}

func TestCacheForgets(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	c := state.NewCache(dir)
	for _, key := range []string{"a", "b"} {
		if err := c.Save(key, []byte(key)); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Remove("a"); err != nil {
		t.Fatal(err)
	}
	if _, ok := c.Load("a"); ok {
		t.Error("a is still there")
	}
	if _, ok := c.Load("b"); !ok {
		t.Error("b is gone too")
	}
	for _, key := range []string{"b", "b"} {
		if err := c.Remove(key); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("the empty folder is left")
	}
}
