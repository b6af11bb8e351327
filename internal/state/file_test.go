package state_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/gctl-dev/gctl/internal/state"
)

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

func TestWriteFileIsAllOrNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	has := func(want string) {
		t.Helper()
		got, err := os.ReadFile(path)
		if err != nil || string(got) != want {
			t.Errorf("file = %q, %v; want %q", got, err, want)
		}
	}
	if err := state.WriteFile(path, false, text("one")); err != nil {
		t.Fatal(err)
	}
	has("one")
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	if err := state.WriteFile(path, false, text("two")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("WriteFile = %v, want ErrExist", err)
	}
	has("one")
	broken := errors.New("broken")
	if err := state.WriteFile(path, true, func(w io.Writer) error { return errors.Join(text("half")(w), broken) }); !errors.Is(err, broken) {
		t.Errorf("WriteFile = %v", err)
	}
	has("one")
	if err := state.WriteFile(path, true, text("three")); err != nil {
		t.Fatal(err)
	}
	has("three")
	// Somebody else is faster.
	raced := filepath.Join(dir, "raced")
	if err := state.WriteFile(raced, false, func(io.Writer) error { return os.WriteFile(raced, []byte("first"), 0o600) }); !errors.Is(err, fs.ErrExist) {
		t.Errorf("WriteFile = %v, want ErrExist", err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for _, odd := range []string{link, dir} {
		if err := state.WriteFile(odd, true, text("x")); err == nil {
			t.Errorf("%s was replaced", odd)
		}
	}
	if err := state.WriteFile(filepath.Join(dir, "no", "where"), false, text("x")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("WriteFile = %v, want ErrNotExist", err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 3 {
		t.Errorf("%v, %v; want the two files and the link, and nothing half written", left, err)
	}
}
