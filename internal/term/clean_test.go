package term_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gctl-dev/gctl/internal/term"
)

func TestCleanLeavesTextAndTakesOrders(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"text stays", "größe 用户 🙂\n\ttab", "größe 用户 🙂\n\ttab"},
		{"colour", "\x1b[31mred\x1b[0m", "red"},
		{"title by BEL", "a\x1b]0;evil\x07b", "ab"},
		{"hyperlink by ST", "a\x1b]8;;http://x\x1b\\b", "ab"},
		{"device control", "a\x1bPpayload\x1b\\b", "ab"},
		{"C1 sequences", "a\u009b2Jb\u009d0;t\u009cc", "abc"},
		{"two-byte escape", "a\x1bcb", "ab"},
		{"character set", "a\x1b(0b", "ab"},
		{"open string shows its text", "a\x1b]0;evil", "a0;evil"},
		{"open CSI", "a\x1b[31", "a31"},
		{"CSI broken by another", "\x1b[3\x1b[31mx", "3x"},
		{"lone escape", "a\x1b", "a"},
		{"carriage return, bell, delete", "a\rb\x07c\x7fd\x00e", "abcde"},
		{"right-to-left override", "user\u202egpj.exe", "usergpj.exe"},
		{"isolates and marks", "\u2066a\u2069\u200f\u061c", "a"},
		{"raw C1 byte is no UTF-8", "a\x9b31mb", "a\ufffd31mb"},
	} {
		if got := term.Clean(c.in); got != c.want {
			t.Errorf("%s: Clean(%q) = %q, want %q", c.name, c.in, got, c.want)
		}
	}
}

func TestCleanLineIsOneLine(t *testing.T) {
	if got, want := term.CleanLine("a\nb\tc\x1b[2J"), "a b c"; got != want {
		t.Errorf("CleanLine = %q, want %q", got, want)
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"\x1b[31mred", "\x1b]0;t\x07", "\u009b1m", "\x9b", "plain", "\x1b\x1b[m", "\xc2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := term.Clean(s)
		if !utf8.ValidString(got) {
			t.Fatalf("Clean(%q) = %q is no UTF-8", s, got)
		}
		if i := strings.IndexFunc(got, term.Unsafe); i >= 0 {
			t.Fatalf("Clean(%q) = %q keeps an order at %d", s, got, i)
		}
		if term.Clean(got) != got {
			t.Fatalf("Clean(%q) is not stable", s)
		}
	})
}

func TestCleanIsLinear(t *testing.T) {
	hostile := strings.Repeat("\x1b]x", 1<<20)
	if got := term.Clean(hostile); len(got) != 1<<20 {
		t.Errorf("%d bytes left, want %d", len(got), 1<<20)
	}
}
