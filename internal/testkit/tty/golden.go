package tty

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gctl-dev/gctl/internal/testkit/golden"
)

// Golden compares the text of the screen with the file testdata/NAME.txt, which
// it writes when the test runs with -update.
func (s *Screen) Golden(t testing.TB, name string) {
	t.Helper()
	compare(t, name+".txt", s.Text()+"\n", golden.Update())
}

// GoldenANSI compares the screen with its colours with testdata/NAME.ansi (to be
// looked at with cat).
func (s *Screen) GoldenANSI(t testing.TB, name string) {
	t.Helper()
	compare(t, name+".ansi", s.ANSI()+"\n", golden.Update())
}

func compare(t testing.TB, name, got string, update bool) {
	t.Helper()
	path := filepath.Join("testdata", filepath.FromSlash(name))
	if update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("%s does not exist: run the test with -update, and look at what it writes", path)
	}
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the screen is not as in %s (-update writes it anew)\n%s", path, difference(string(want), got))
	}
}

// difference shows the lines that differ, and then the whole screen.
func difference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	var text strings.Builder
	for i := range max(len(w), len(g)) {
		was, is := lineOf(w, i), lineOf(g, i)
		if was != is {
			text.WriteString("- " + was + "\n+ " + is + "\n")
		}
	}
	return text.String() + "the screen now:\n" + got
}

func lineOf(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}
