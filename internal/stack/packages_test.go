package stack

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEnsurePackagesSaysWhatToInstall(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	err := EnsurePackages(t.Context(), nil)
	if err == nil || !strings.Contains(err.Error(), "install node and npm (Debian: apt-get install nodejs npm)") {
		t.Errorf("EnsurePackages = %v, want what to install", err)
	}
}

func TestEnsurePackagesLeavesAloneWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	for _, p := range Packages() {
		if err := os.WriteFile(filepath.Join(dir, p.Program), []byte("#!/bin/sh\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	if err := EnsurePackages(t.Context(), nil); err != nil {
		t.Error(err)
	}
}
