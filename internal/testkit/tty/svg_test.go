package tty

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// picture returns the SVG of what is written to a small screen.
func picture(t *testing.T, theme Theme, written string) string {
	t.Helper()
	s := newScreen(t, 12, 3, theme, false, func([]byte) {})
	fmt.Fprint(s, "\x1b[?25l"+written)
	var svg strings.Builder
	if err := s.SVG(&svg); err != nil {
		t.Fatal(err)
	}
	parser := xml.NewDecoder(strings.NewReader(svg.String()))
	for {
		_, err := parser.Token()
		if errors.Is(err, io.EOF) {
			return svg.String()
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, svg.String())
		}
	}
}

func TestPicturesShowTheLook(t *testing.T) {
	for name, c := range map[string]struct {
		written string
		want    string
	}{
		"plain":                 {"ab  cd", `<text x="0" y="13.5" textLength="50.4" lengthAdjust="spacingAndGlyphs" fill="#d8dee9">ab  cd</text>`},
		"escaped":               {"<&\"", `>&lt;&amp;&#34;</text>`},
		"title":                 {"\x1b]2;a <b>\x07", `text-anchor="middle" fill="#d8dee9" fill-opacity="0.6">a &lt;b&gt;</text>`},
		"16":                    {"\x1b[31ma", `fill="#e5534b">a<`},
		"16 bright by number":   {"\x1b[38;5;9ma", `fill="#ff938a">a<`},
		"256":                   {"\x1b[38;5;208ma", `fill="#ff8700">a<`},
		"true":                  {"\x1b[38;2;1;2;3ma", `fill="#010203">a<`},
		"background":            {" \x1b[48;2;1;2;3m  \x1b[m", `<rect x="8.4" y="0" width="16.8" height="18" fill="#010203"/>`},
		"reverse":               {"\x1b[7ma", `fill="#16181d">a<`},
		"reverse background":    {"\x1b[7ma", `height="18" fill="#d8dee9"/>`},
		"bold italic":           {"\x1b[1;3ma", `class="b i">a<`},
		"underline":             {"\x1b[4ma b", `text-decoration="underline">a b<`},
		"curly and struck":      {"\x1b[4:3;9ma", `text-decoration="underline wavy line-through">a<`},
		"faint":                 {"\x1b[2ma", `opacity="0.6">a<`},
		"wide in its place":     {"日b", `<text x="16.8" y="13.5" textLength="8.4" lengthAdjust="spacingAndGlyphs" fill="#d8dee9">b</text>`},
		"not ASCII":             {"a✓b", `<text x="8.4" y="13.5" textLength="8.4" lengthAdjust="spacingAndGlyphs" fill="#d8dee9">✓</text>`},
		"a block":               {"▂", `<path d="M0 13.5H8.4V18H0z" fill="#d8dee9" shape-rendering="crispEdges"/>`},
		"blocks are one path":   {"▌▐", `<path d="M0 0H4.2V18H0zM12.6 0H16.8V18H12.6z" fill`},
		"a quadrant":            {"▚", `<path d="M0 0H4.2V9H0zM4.2 9H8.4V18H4.2z" fill`},
		"a shade":               {"▒", `fill-opacity="0.5"`},
		"braille":               {"⠁", `<path d="M0.8 2.25a1.3 1.3 0 1 0 2.6 0a1.3 1.3 0 1 0 -2.6 0" fill="#d8dee9"/>`},
		"a line":                {"┐", `<path d="M4.2 9L4.2 18M4.2 9L0 9" fill="none" stroke-width="1.2" stroke="#d8dee9"/>`},
		"a round corner":        {"╭", `<path d="M8.4 9Q4.2 9 4.2 18" fill="none"`},
		"the cursor":            {"ab\x1b[?25h", `<rect x="16.8" y="0" width="8.4" height="18" fill="#d8dee9" fill-opacity="0.5"/>`},
		"the second line":       {"\r\nab", `<text x="0" y="31.5"`},
		"the program's colours": {"\x1b]11;#010203\x07", `rx="8" fill="#010203"`},
	} {
		t.Run(name, func(t *testing.T) {
			svg := picture(t, Dark, c.written)
			if !strings.Contains(svg, c.want) {
				t.Errorf("%s is missing in\n%s", c.want, svg)
			}
			if svg != picture(t, Dark, c.written) {
				t.Error("not the same each time")
			}
		})
	}
}

func TestPicturesHideWhatIsHidden(t *testing.T) {
	svg := picture(t, Light, "\x1b[8mabc✓▂\x1b[m   ")
	if strings.Count(svg, "<text") != 0 || strings.Contains(svg, "<path") || !strings.Contains(svg, `rx="8" fill="#ffffff"`) {
		t.Errorf("%s", svg)
	}
}

func TestEveryShapeIsDrawn(t *testing.T) {
	for r := rune(0x2580); r <= 0x259f; r++ {
		if svg := picture(t, Dark, string(r)); strings.Count(svg, "<path") != 1 || strings.Contains(svg, "<text") {
			t.Errorf("%c: %s", r, svg)
		}
	}
	for r := range lines {
		if svg := picture(t, Dark, string(r)); strings.Count(svg, "<path") != 1 || strings.Contains(svg, "<text") {
			t.Errorf("%c: %s", r, svg)
		}
	}
	if svg := picture(t, Dark, "⣿"); strings.Count(svg, "a1.3") != 16 {
		t.Errorf("%s", svg)
	}
	if svg := picture(t, Dark, "⠀"); strings.Contains(svg, "<path") {
		t.Errorf("%s", svg)
	}
}

func TestAPictureIsAsLargeAsTheScreen(t *testing.T) {
	s := NewScreen(t, 100, 40)
	width, height := s.PictureSize()
	var svg strings.Builder
	if err := s.SVG(&svg); err != nil {
		t.Fatal(err)
	}
	if width != 864 || height != 762 || !strings.Contains(svg.String(), `width="864" height="762" viewBox="0 0 864 762"`) {
		t.Errorf("%dx%d: %s", width, height, svg.String())
	}
	if err := s.SVG(broken{}); err == nil {
		t.Error("no error")
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
