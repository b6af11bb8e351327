package widget_test

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/theme"
	"github.com/gctl-dev/gctl/tui/widget"
)

func TestALineIsAsWideAsItMustBe(t *testing.T) {
	for w := range 12 {
		l := &widget.Line{}
		l.Put("", "a漢字漢字") // wide characters at the edge
		if got := ansi.StringWidth(l.Fit(w)); got != w {
			t.Errorf("%d cells, want %d", got, w)
		}
	}
}

// A document is as wide as it must be, with the cursor on any paragraph, however
// narrow it is and however long its words are.
func TestADocumentIsAsWideAsItMustBe(t *testing.T) {
	th, err := theme.New("none", true, theme.Unicode())
	if err != nil {
		t.Fatal(err)
	}
	var d widget.Doc
	var list []widget.Paragraph
	for _, text := range []string{"한국어 서비스 " + strings.Repeat("漢", 50), "a漢字bc漢 👨‍👩‍👧‍👦👨‍👩‍👧‍👦 e\u0301e\u0301", strings.Repeat("long", 30), ""} {
		list = append(list, widget.Paragraph{Parts: []widget.Part{{Text: text}, {Text: text}}, Indent: 3, Stop: true})
	}
	d.Set(list)
	for w := 1; w < 30; w++ {
		for range list {
			for _, line := range d.View(w, 7, th) {
				if got := ansi.StringWidth(line); got != w {
					t.Fatalf("%d cells, want %d: %q", got, w, line)
				}
			}
			d.Do(key.Down)
		}
		d.Do(key.Top)
	}
	d.Set([]widget.Paragraph{{Parts: []widget.Part{{Text: "漢字abc"}}}})
	if got := strings.Join(d.View(4, 3, th), "|"); ansi.Strip(got) != "漢字|abc |    " {
		t.Errorf("%q", got)
	}
}

// A word that fills thousands of lines is broken in one go.
func BenchmarkADocumentOfOneLongWord(b *testing.B) {
	th, err := theme.New("none", true, theme.Unicode())
	if err != nil {
		b.Fatal(err)
	}
	word := strings.Repeat("x", 1<<20)
	for b.Loop() {
		var d widget.Doc
		d.Set([]widget.Paragraph{{Parts: []widget.Part{{Text: word}}}})
		d.View(60, 20, th)
	}
}

// Accents that are a character of their own become one with theirs, and what has no
// cell is not shown where terminals do not agree on it.
func TestTextIsSettled(t *testing.T) {
	for in, want := range map[string]string{
		"e\u0301": "é", "Z\u0351\u036balgo": "Zalgo", "\u0301x": "x", "❤\ufe0f": "❤", "1\ufe0f\u20e3": "1", "so\u00adft\ufeff": "soft",
		"👨‍👩‍👧": "👨‍👩‍👧", "नमस्ते": "नमस्ते", "カ\u3099": "ガ", "a\u200db": "ab",
	} {
		l := &widget.Line{}
		l.Put("", in)
		if got := l.String(); got != want || l.Width() != ansi.StringWidth(want) {
			t.Errorf("%q is %q, %d wide; want %q", in, got, l.Width(), want)
		}
	}
}
