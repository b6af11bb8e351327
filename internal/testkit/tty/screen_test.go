package tty

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
)

func TestWhatIsWrittenIsShown(t *testing.T) {
	for name, c := range map[string]struct{ written, shown string }{
		"newlines":                {"one\ntwo  \n\n", "one\ntwo"},
		"wrap":                    {"0123456789ab", "0123456789\nab"},
		"no wrap at the edge":     {"0123456789\nab", "0123456789\nab"},
		"no wrap":                 {"\x1b[?7l0123456789ab\x1b[?7h", "012345678b"},
		"wide":                    {"a日b本c", "a日b本c"},
		"wide at the edge":        {"01234567日ab", "01234567日\nab"},
		"wide beyond the edge":    {"012345678日ab", "012345678\n日ab"},
		"colour at the edge":      {"01234567日\x1b[31mab", "01234567日\nab"},
		"back from the edge":      {"01234567日\rab", "ab234567日"},
		"wide overwritten":        {"日本\rx", "x 本"},
		"combining":               {"e\u0301a\u0308\u0301z", "e\u0301a\u0308\u0301z"},
		"combining at the edge":   {"012345678e\u0301z", "012345678e\u0301\nz"},
		"combining before it":     {"01234567e\u0301z", "01234567e\u0301z"},
		"combining alone":         {"\u0301ab", "ab"},
		"keycap":                  {"1\ufe0f\u20e3z", "1\ufe0f\u20e3z"},
		"keycap at the edge":      {"01234567" + "1\ufe0f\u20e3z", "01234567" + "1\ufe0f\u20e3\nz"},
		"family, flag, skin":      {"👩‍👩‍👧z🇩🇪z👍🏽z", "👩‍👩‍👧z🇩🇪z👍🏽z"},
		"insert mode":             {"abc\x1b[2G\x1b[4hXY\x1b[4lZ", "aXYZc"},
		"insert mode wide":        {"abc\x1b[2G\x1b[4h日\x1b[4lZ", "a日Zc"},
		"insert, delete":          {"abcdef\x1b[2G\x1b[2@\x1b[6G\x1b[1P", "a  bcef"},
		"erase":                   {"abcdef\x1b[3G\x1b[1K\x1b[5G\x1b[K", "   d"},
		"insert a line":           {"a\nb\nc\x1b[2;1H\x1b[L", "a\n\nb\nc"},
		"scroll in a region":      {"a\nb\nc\nd\x1b[2;3r\x1b[2;1H\x1b[M\x1b[r", "a\nc\n\nd"},
		"scrolled away":           {"a\nb\nc\nd\ne", "b\nc\nd\ne"},
		"line drawing":            {"\x1b(0lqk\x1b(B", "┌─┐"},
		"repeated":                {"ab\x1b[3b", "abbbb"},
		"alternate screen":        {"main\x1b[?1049halt", "alt"},
		"alternate screen left":   {"main\x1b[?1049halt\x1b[?1049l", "main"},
		"reset":                   {"\x1b[4habc\x1bcx\ry", "y"},
		"cut in a sequence|twice": {"a\x1b[|3|1mb\x1b]0;title|more\x07c", "abc"},
	} {
		t.Run(name, func(t *testing.T) {
			s := NewScreen(t, 10, 4)
			parts := []string{c.written}
			if strings.Contains(name, "|") {
				parts = strings.Split(c.written, "|")
			}
			for _, part := range parts {
				if n, err := s.Write([]byte(part)); n != len(part) || err != nil {
					t.Fatal(n, err)
				}
			}
			if got := s.Text(); got != c.shown {
				t.Errorf("%q, want %q", got, c.shown)
			}
			if want := int64(len(strings.Join(parts, ""))); s.Bytes() != want {
				t.Errorf("%d bytes, want %d", s.Bytes(), want)
			}
		})
	}
}

func TestColoursAreText(t *testing.T) {
	for name, c := range map[string]struct{ written, ansi string }{
		"plain":          {"a  \n  b ", "a\n  b"},
		"16, 256, 2^24":  {"\x1b[31ma\x1b[91mb\x1b[38;5;200mc\x1b[38;2;1;2;3md\x1b[me", "\x1b[31ma\x1b[m\x1b[91mb\x1b[m\x1b[38;5;200mc\x1b[m\x1b[38;2;1;2;3md\x1b[me"},
		"background":     {"\x1b[44m  \x1b[m  ", "\x1b[44m  \x1b[m"},
		"attributes":     {"\x1b[1;2;3;4;7;9mx", "\x1b[1;2;3;7;9;4mx\x1b[m"},
		"a line's own":   {"\x1b[1ma\nb", "\x1b[1ma\x1b[m\n\x1b[1mb\x1b[m"},
		"other way here": {"\x1b[31m\x1b[1ma\x1b[22;39m b", "\x1b[1;31ma\x1b[m b"},
		"wide":           {"\x1b[4m日\x1b[mx", "\x1b[4m日\x1b[mx"},
	} {
		t.Run(name, func(t *testing.T) {
			s := NewScreen(t, 10, 4)
			s.Write([]byte(c.written))
			if got := s.ANSI(); got != c.ansi {
				t.Errorf("%q, want %q", got, c.ansi)
			}
			again := NewScreen(t, 10, 4)
			again.Write([]byte(s.ANSI()))
			if again.ANSI() != s.ANSI() {
				t.Errorf("%q is shown as %q", s.ANSI(), again.ANSI())
			}
		})
	}
}

func TestCells(t *testing.T) {
	s := NewScreen(t, 10, 2)
	s.Write([]byte("日\x1b[1;3;4:3;5;8;9;31;48;2;1;2;3ma\x1b[0;2;7mb\x1b[m\x1b]8;id=1;https://example.org/?a=1\x07c\x1b]8;;\x07d"))
	cell := s.Cell(2, 0)
	if !cell.Bold || !cell.Italic || cell.Underline != ansi.UnderlineCurly || !cell.Blink || !cell.Conceal || !cell.Strike ||
		cell.Faint || cell.Reverse || cell.Foreground != ansi.Red || cell.Text != "a" || cell.Width != 1 {
		t.Errorf("%+v", cell)
	}
	if r, g, b, _ := cell.Background.RGBA(); r>>8 != 1 || g>>8 != 2 || b>>8 != 3 {
		t.Errorf("%v", cell.Background)
	}
	if cell := s.Cell(3, 0); !cell.Faint || !cell.Reverse || cell.Bold || cell.Foreground != nil {
		t.Errorf("%+v", cell)
	}
	if cell := s.Cell(4, 0); cell.URL != "https://example.org/?a=1" || s.Cell(5, 0).URL != "" {
		t.Errorf("%+v", cell)
	}
	if wide, right := s.Cell(0, 0), s.Cell(1, 0); wide.Width != 2 || wide.Text != "日" || right.Width != 0 || right.Text != "" {
		t.Errorf("%+v %+v", wide, right)
	}
	if blank, outside := s.Cell(9, 1), s.Cell(10, 1); blank.Text != " " || outside.Text != "" || s.Cell(-1, -1).Text != "" {
		t.Errorf("%+v %+v", blank, outside)
	}
}

func TestTheStateOfAScreen(t *testing.T) {
	s := NewScreen(t, 10, 4)
	if s.AltScreen() || !s.CursorVisible() || s.Title() != "" || s.Clipboard() != "" {
		t.Error("not as a terminal begins")
	}
	s.Write([]byte("\x1b[?1049h\x1b[?25l\x1b[?2004h\x1b]2;a; b\x1b\\\x1b]52;c;aMOpbGxv\x07\x1b[2;3H"))
	if x, y := s.Cursor(); x != 2 || y != 1 {
		t.Errorf("cursor %d,%d", x, y)
	}
	if w, h := s.Size(); w != 10 || h != 4 {
		t.Errorf("%dx%d", w, h)
	}
	if !s.AltScreen() || s.CursorVisible() || s.Title() != "a; b" || s.Clipboard() != "héllo" || !s.Mode(ansi.ModeBracketedPaste) {
		t.Errorf("%s", s.picture())
	}
	s.Write([]byte("\x1b[?1049l\x1b[?25h\x1b[?2004l"))
	if s.AltScreen() || !s.CursorVisible() || s.Mode(ansi.ModeBracketedPaste) {
		t.Errorf("%s", s.picture())
	}
}

func TestAScreenWakesWhoWaits(t *testing.T) {
	s := NewScreen(t, 10, 4)
	go s.Write([]byte("one"))
	s.WaitFor("one")
	go s.Write([]byte("\rtwo"))
	s.WaitGone("one")
	if s.Text() != "two" {
		t.Errorf("%q", s.Text())
	}
	if problem := s.wait(func(string) bool { return false }, 1); problem != "1ns went by" {
		t.Errorf("%q", problem)
	}
	s.end("it broke")
	if said := fails(t, func(f testing.TB) { s.t = f; s.WaitGone("two") }); !strings.HasPrefix(said, `it broke before "two" is gone`) {
		t.Errorf("%q", said)
	}
}
