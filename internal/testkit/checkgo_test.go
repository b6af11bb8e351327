package testkit

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// checkGo runs tools/check-go.sh where `go env GOVERSION` prints version, or
// without a go where version is empty.
func checkGo(t *testing.T, version string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	if version != "" {
		script := "#!/bin/sh\necho " + version + "\n"
		if err := os.WriteFile(filepath.Join(dir, "go"), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, tool := range []string{"sh", "sed", "dirname", "printf", "sort", "head"} { // all but go
		path, err := exec.LookPath(tool)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(dir, tool)); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("sh", filepath.Join("..", "..", "tools", "check-go.sh"))
	cmd.Env = []string{"PATH=" + dir}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestAnOldGoIsNamedInOneLine(t *testing.T) {
	for version, found := range map[string]string{
		"": "no go was found on PATH", "go1.9.7": "found go 1.9.7", "go1.26": "found go 1.26", "go1.26.1": "found go 1.26.1",
	} {
		out, err := checkGo(t, version)
		if err == nil || strings.Count(out, "\n") != 1 || !strings.HasPrefix(out, "gctl needs Go 1.") || !strings.Contains(out, found) {
			t.Errorf("go %q: %v, %q", version, err, out)
		}
	}
	for _, version := range []string{"go1.27.0", "go1.100.1-X:nocoverageredesign", "go2.0"} {
		if out, err := checkGo(t, version); err != nil || out != "" {
			t.Errorf("go %q: %v, %q", version, err, out)
		}
	}
}
