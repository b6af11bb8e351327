package archtest

import (
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
	for path, rel := range goFiles(t) {
		folder := filepath.ToSlash(filepath.Dir(rel))
		if strings.HasPrefix(folder, "internal/stack") || strings.HasPrefix(folder, "internal/testkit") {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if m := skipCall.Find(text); m != nil {
			t.Errorf("%s: calls %s...): let internal/stack or internal/testkit decide", rel, m)
		}
	}
}
