package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/lockedfile"
)

// modulePath is the module whose tools/backends folder holds the pins.
const modulePath = "github.com/gctl-dev/gctl"

// Ensure returns the path of a backend's executable and builds it first where
// it is missing. Progress is written to log, a line at a time.
func Ensure(ctx context.Context, name string, log io.Writer) (string, error) {
	path, err := Find(name)
	if err == nil || !errors.Is(err, ErrMissing) {
		return path, err
	}
	return Build(ctx, name, log)
}

// Build builds a backend from its pinned module into the user's cache and
// returns the path. Of several processes that ask at once one builds and the
// others wait for it.
func Build(ctx context.Context, name string, log io.Writer) (string, error) {
	b, err := lookup(name)
	if err != nil {
		return "", err
	}
	path, err := b.cachePath()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return "", fmt.Errorf("user cache: %w", err)
	}
	unlock, err := lockedfile.MutexAt(path + ".lock").Lock()
	if err != nil {
		return "", fmt.Errorf("lock the build of %s: %w", name, err)
	}
	defer unlock()
	if _, err := os.Stat(path); err == nil {
		return path, nil // somebody else built it while we waited
	}
	return path, b.build(ctx, path, log)
}

func (b Backend) build(ctx context.Context, path string, log io.Writer) error {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	fmt.Fprintf(log, "building %s %s, this takes a few minutes once\n", b.Name, b.Version)
	start := time.Now()
	partial := path + ".partial"
	defer os.Remove(partial) //nolint:errcheck // gone after a success
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", partial, b.Package)
	cmd.Dir = filepath.Join(root, "tools", "backends", b.Name)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	done := tick(log, b.Name, start)
	out, err := cmd.CombinedOutput()
	done()
	if err != nil {
		return fmt.Errorf("build %s %s: %w\n%s", b.Name, b.Version, err, strings.TrimSpace(string(out)))
	}
	if err := os.Rename(partial, path); err != nil {
		return fmt.Errorf("install %s: %w", b.Name, err)
	}
	fmt.Fprintf(log, "built %s %s in %s: %s\n", b.Name, b.Version, time.Since(start).Round(time.Second), path)
	return nil
}

// tick writes a sign of life every half minute until the returned function is
// called.
func tick(log io.Writer, name string, start time.Time) (stop func()) {
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(30 * time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				fmt.Fprintf(log, "  still building %s (%s)\n", name, time.Since(start).Round(time.Second))
			case <-quit:
				return
			}
		}
	}()
	return func() { close(quit); <-ended }
}

// moduleRoot walks up from the working directory to the folder of this module.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("working directory: %w", err)
	}
	for {
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		first, _, _ := strings.Cut(string(mod), "\n")
		if err == nil && strings.TrimSpace(first) == "module "+modulePath {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("the pins of the backends are in the source of %s: run this inside it", modulePath)
		}
		dir = parent
	}
}
