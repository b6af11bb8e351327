package tty

import (
	"os"
	"strings"
	"testing"
)

func TestGoldenScreens(t *testing.T) {
	s := NewScreen(t, 20, 5)
	s.Write([]byte("\x1b[1mgolden\x1b[m\n\n  \x1b[32m✓\x1b[m end"))
	s.Golden(t, "screen")
	s.GoldenANSI(t, "screen")
}

func TestGoldenScreensThatDiffer(t *testing.T) {
	t.Chdir(t.TempDir())
	s := NewScreen(t, 20, 5)
	s.Write([]byte("one\ntwo"))
	if said := fails(t, func(f testing.TB) { s.Golden(f, "sub/name") }); !strings.Contains(said, "run the test with -update") {
		t.Errorf("%s", said)
	}
	compare(t, "sub/name.txt", s.Text()+"\n", true)
	if text, err := os.ReadFile("testdata/sub/name.txt"); err != nil || string(text) != "one\ntwo\n" {
		t.Errorf("%q, %v", text, err)
	}
	s.Golden(t, "sub/name")
	s.Write([]byte("\x1b[2J\x1b[Hone\nthree\nfour"))
	said := fails(t, func(f testing.TB) { s.Golden(f, "sub/name") })
	if !strings.Contains(said, "\n- two\n+ three\n- \n+ four\n") || !strings.HasSuffix(said, "the screen now:\none\nthree\nfour\n") {
		t.Errorf("%s", said)
	}
}
