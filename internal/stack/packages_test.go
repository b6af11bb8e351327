package stack

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func program(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
}

func TestEnsurePackagesSaysWhatToInstall(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	err := EnsurePackages(t.Context(), nil)
	if err == nil || !strings.Contains(err.Error(), "install node and npm and chromium") || !strings.Contains(err.Error(), "(Debian: apt-get install nodejs npm chromium") {
		t.Errorf("EnsurePackages = %v, want what to install", err)
	}
}

func TestEnsurePackagesLeavesAloneWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	for _, p := range Packages() {
		program(t, filepath.Join(dir, p.Program))
	}
	t.Setenv("PATH", dir)
	if err := EnsurePackages(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

func TestAProgramBesidePATHIsFoundInItsNewestVersion(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	lib := t.TempDir()
	p := Package{Program: "server", Debian: "server", Dirs: filepath.Join(lib, "*", "bin")}
	if err := ensurePackages(t.Context(), nil, []Package{p}); err == nil || !strings.Contains(err.Error(), "install server") {
		t.Errorf("ensurePackages = %v, want what to install", err)
	}
	newest := filepath.Join(lib, "17", "bin", "server")
	program(t, filepath.Join(lib, "15", "bin", "server"))
	program(t, newest)
	if path, err := p.find(); err != nil || path != newest {
		t.Errorf("find = %s, %v; want %s", path, err, newest)
	}
}

func TestInstallingPostgreSQLStartsNoServer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "createcluster.d", "gctl.conf")
	restore, err := noMainCluster(path)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "create_main_cluster = false\n" {
		t.Errorf("configuration = %q, %v", text, err)
	}
	restore()
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the configuration stays: %v", err)
	}
}
