// Package stack finds, builds and starts the real backends that tests and
// demos run against: on PATH, else in the user's cache, where Build puts what
// it makes from the pinned modules below tools/backends.
package stack

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// A Backend is a program of somebody else at a pinned version.
type Backend struct {
	Name    string // of the executable, and of the folder below tools/backends
	Version string
	Package string // the Go package that is built
}

// Backends lists what Find and Build know.
func Backends() []Backend {
	return []Backend{
		{Name: "consul", Version: "1.19.2", Package: "github.com/hashicorp/consul"},
		{Name: "jaeger", Version: "1.62.0", Package: "github.com/jaegertracing/jaeger/cmd/all-in-one"},
		{Name: "prometheus", Version: "0.305.0", Package: "github.com/prometheus/prometheus/cmd/prometheus"},
	}
}

// ErrMissing is the error of Find for a backend that is neither on PATH nor in
// the cache.
var ErrMissing = errors.New("not on PATH and not built yet: run make backends")

// Find returns the path of a backend's executable. It never builds: a build
// takes minutes, which a test's time limit does not allow for.
func Find(name string) (string, error) {
	b, err := lookup(name)
	if err != nil {
		return "", err
	}
	if path, err := exec.LookPath(b.Name); err == nil {
		return path, nil
	}
	path, err := b.cachePath()
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%s %s: %w", b.Name, b.Version, ErrMissing)
	}
	return path, nil
}

func lookup(name string) (Backend, error) {
	for _, b := range Backends() {
		if b.Name == name {
			return b, nil
		}
	}
	return Backend{}, fmt.Errorf("no backend is called %q", name)
}

// cachePath is where Build puts the executable. The version is part of the
// name, so that a new pin is built anew.
func (b Backend) cachePath() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("user cache: %w", err)
	}
	name := b.Name + "-" + b.Version
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return filepath.Join(dir, "gctl", "backends", name), nil
}
