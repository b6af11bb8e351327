package term_test

import (
	"os/exec"
	"testing"

	"github.com/gctl-dev/gctl/internal/term"
)

// What is quoted is one word for a shell, the same as before.
func TestAShellReadsAQuotedWordAsItWas(t *testing.T) {
	for in, want := range map[string]string{
		"user-3":            "user-3",
		"10.0.4.7:9090":     "10.0.4.7:9090",
		"a.b/C=1,2+3@x%":    "a.b/C=1,2+3@x%",
		"":                  "''",
		"two words":         "'two words'",
		"it's":              `'it'\''s'`,
		"$(rm -rf /)`x`":    "'$(rm -rf /)`x`'",
		"~":                 "'~'",
		"a\\b\"c*?[]{}!#&|": "'a\\b\"c*?[]{}!#&|'",
		"한국":                "'한국'",
	} {
		got := term.Quote(in)
		if got != want {
			t.Errorf("%q is %s, want %s", in, got, want)
		}
		said, err := exec.CommandContext(t.Context(), "sh", "-c", "printf '%s.' "+got).Output()
		if err != nil || string(said) != in+"." {
			t.Errorf("a shell reads %s as %q, %v", got, said, err)
		}
	}
}
