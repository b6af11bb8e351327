package archtest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var skipCall = regexp.MustCompile(`\b(t|tb|b|f)\.Skip(f|Now)?\(`)

// A test that skips itself looks like one that passed. Only the two rooms that
// hand out real backends and peers may skip, and they fail instead where CI is
// set.
func TestOnlyTheBackendsMaySkip(t *testing.T) {
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if skipped(path, rel, d.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		folder := filepath.ToSlash(filepath.Dir(rel))
		if !strings.HasSuffix(path, ".go") || strings.HasPrefix(folder, "internal/stack") || strings.HasPrefix(folder, "internal/testkit") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if m := skipCall.Find(text); m != nil {
			t.Errorf("%s: calls %s...): let internal/stack or internal/testkit decide", rel, m)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
