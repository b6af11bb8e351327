package output_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/goccy/go-yaml"

	"github.com/gctl-dev/gctl/internal/output"
	"github.com/gctl-dev/gctl/internal/term"
)

type row struct {
	Name  string    `json:"name"`
	Count int       `json:"count"`
	Since time.Time `json:"since"`
	Note  string    `json:"note"`
}

var (
	now  = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	data = []row{
		{"user", 3, now.Add(-90 * time.Second), ""},
		{"größe-用户", 12, now.Add(-26 * time.Hour), "two\nlines\x1b[31m"},
	}
	table = output.Rows[row]{
		Columns: []output.Column[row]{
			{Name: "NAME", Cell: func(r row) output.Cell { return output.Text(r.Name) }},
			{Name: "COUNT", Right: true, Cell: func(r row) output.Cell { return output.Count(r.Count, output.Good) }},
			{Name: "SINCE", Cell: func(r row) output.Cell { return output.Time(r.Since) }},
			{Name: "NOTE", Wide: true, Cell: func(r row) output.Cell { return output.Text(r.Note) }},
		},
		Key: func(r row) string { return r.Name },
	}
)

func render(t *testing.T, o output.Options, rows []row) string {
	t.Helper()
	var buf bytes.Buffer
	o.Out, o.Clean, o.Now = &buf, term.Clean, func() time.Time { return now }
	p, err := output.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := table.Print(p, rows, nil); err != nil {
		t.Fatal(err)
	}
	return buf.String()
}

func TestTablePipedIsPlainAndFull(t *testing.T) {
	want := "" +
		"NAME        COUNT  SINCE\n" +
		"user            3  2026-03-01T11:58:30Z\n" +
		"größe-用户     12  2026-02-28T10:00:00Z\n"
	if got := render(t, output.Options{}, data); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestWideHasEveryColumnAndNoOrders(t *testing.T) {
	got := render(t, output.Options{Format: output.Wide}, data)
	if !strings.Contains(got, "NOTE") || !strings.Contains(got, "two lines\n") || !strings.Contains(got, "Z  -\n") {
		t.Errorf("got\n%s", got)
	}
	if strings.Contains(got, "\x1b") {
		t.Error("an escape sequence reached the output")
	}
}

func TestTableOnATerminal(t *testing.T) {
	got := render(t, output.Options{TTY: true, Color: true, Width: 24}, data)
	if !strings.Contains(got, "\x1b[32m3\x1b[m") || !strings.Contains(got, "1m ago") || !strings.Contains(got, "1d ago") {
		t.Errorf("no colour or no relative times:\n%q", got)
	}
	for line := range strings.Lines(term.Clean(got)) {
		if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 24 {
			t.Errorf("%q is wider than the terminal", line)
		}
	}
	if !strings.Contains(got, "…") {
		t.Errorf("nothing was cut:\n%s", got)
	}
}

func TestNames(t *testing.T) {
	if got := render(t, output.Options{Format: output.Name}, data); got != "user\ngröße-用户\n" {
		t.Errorf("got %q", got)
	}
}

func TestStructuredFormatsCarryTheSameValue(t *testing.T) {
	hostile := []row{{Name: "a\u009b31m\u202e\x7f", Note: "<b>&\x1b[0m"}}
	asJSON := render(t, output.Options{Format: output.JSON}, hostile)
	asLine := render(t, output.Options{Format: output.JSONL}, hostile)
	asYAML := render(t, output.Options{Format: output.YAML}, hostile)
	for format, text := range map[string]string{"json": asJSON, "jsonl": asLine, "yaml": asYAML} {
		if term.Clean(text) != text {
			t.Errorf("%s holds orders for a terminal: %q", format, text)
		}
	}
	if !strings.Contains(asJSON, "<b>&") {
		t.Error("JSON must not be escaped for HTML")
	}
	var fromJSON, fromYAML []row
	var fromLine row
	for _, err := range []error{
		json.Unmarshal([]byte(asJSON), &fromJSON),
		json.Unmarshal([]byte(asLine), &fromLine),
		yaml.UnmarshalWithOptions([]byte(asYAML), &fromYAML, yaml.UseJSONUnmarshaler()),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if fromJSON[0] != hostile[0] || fromLine != hostile[0] || fromYAML[0] != hostile[0] {
		t.Errorf("values changed:\n%#v\n%#v\n%#v", fromJSON, fromLine, fromYAML)
	}
}

func TestNoRowsAreAnEmptyListAndAHeader(t *testing.T) {
	if got := render(t, output.Options{Format: output.JSON}, nil); got != "[]\n" {
		t.Errorf("got %q", got)
	}
	if got := render(t, output.Options{}, nil); got != "NAME  COUNT  SINCE\n" {
		t.Errorf("got %q", got)
	}
}

func TestJQ(t *testing.T) {
	for _, c := range []struct {
		expr   string
		format output.Format
		want   string
	}{
		{".[].name", "", "user\ngröße-用户\n"},
		{"map(.count) | add", "", "15\n"},
		{"map({(.name): .count}) | add", output.JSON, "{\n  \"größe-用户\": 12,\n  \"user\": 3\n}\n"},
		{"{count}", output.JSONL, "{\"count\":3}\n{\"count\":12}\n"},
		{"empty", output.JSON, ""},
	} {
		if got := render(t, output.Options{JQ: c.expr, Format: c.format}, data); got != c.want {
			t.Errorf("--jq %q -o %q: got %q, want %q", c.expr, c.format, got, c.want)
		}
	}
}

func TestJQKeepsBigNumbers(t *testing.T) {
	var buf bytes.Buffer
	p, err := output.New(output.Options{Out: &buf, JQ: "."})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Value(json.RawMessage(`9223372036854775807`)); err != nil || buf.String() != "9223372036854775807\n" {
		t.Errorf("got %q, %v", buf.String(), err)
	}
}

func TestJQThatIsWrong(t *testing.T) {
	var q *output.QueryError
	if _, err := output.New(output.Options{JQ: ".["}); !errors.As(err, &q) {
		t.Errorf("a broken expression: %v", err)
	}
	if _, err := output.New(output.Options{JQ: ".", Format: output.Name}); err == nil {
		t.Error("--jq with -o name must contradict")
	}
	p, err := output.New(output.Options{Out: &bytes.Buffer{}, JQ: ".a.b"})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Value([]int{1}); !errors.As(err, &q) {
		t.Errorf("an expression that does not fit: %v", err)
	}
}

func BenchmarkEscapeJSON(b *testing.B) {
	raw := []byte(`{"body":"` + strings.Repeat("QUJDREVGR0g=", 1<<16) + `"}`)
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		output.EscapeJSON(raw)
	}
}

func TestALineIsCutToTheTerminal(t *testing.T) {
	var buf bytes.Buffer
	p, err := output.New(output.Options{Out: &buf, Width: 10, Color: true, Clean: strings.ToUpper})
	if err != nil {
		t.Fatal(err)
	}
	for _, cells := range [][]output.Cell{
		{output.Text("ab"), {Text: "cd", Style: output.Bad}}, {output.Text("12345678"), output.Text("90123"), output.Text("x")}, {output.Text("a\nb   ")}, nil,
	} {
		if err := p.Line(cells...); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := buf.String(), "AB\x1b[31;1mCD\x1b[m\n123456789…\nA B\n\n"; got != want || p.Width() != 10 {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A name's end says most, and so does a trend's; where even that is too much, what
// can be spared is left out.
func TestTablesThatAreTooWide(t *testing.T) {
	type line struct{ name, number string }
	rows := output.Rows[line]{Columns: []output.Column[line]{
		{Name: "NAME", Tail: true, Cell: func(l line) output.Cell { return output.Text(l.name) }},
		{Name: "MORE", Spare: true, Cell: func(line) output.Cell { return output.Text("123456") }},
		{Name: "NUMBER", Right: true, Cell: func(l line) output.Cell { return output.Text(l.number) }},
	}}
	for _, c := range []struct {
		format output.Format
		width  int
		want   string
	}{
		{output.Table, 26, "NAME        MORE    NUMBER\n…e/GetUser  123456       1\n"},
		{output.Table, 20, "NAME          NUMBER\n…ice/GetUser       1\n"},
		{output.Wide, 20, "NAME      MORE    NUMBER\n…GetUser  123456       1\n"},
	} {
		var b strings.Builder
		p, err := output.New(output.Options{Out: &b, Width: c.width, Format: c.format})
		if err != nil {
			t.Fatal(err)
		}
		if err := rows.Print(p, []line{{"user.v1.UserService/GetUser", "1"}}, nil); err != nil {
			t.Fatal(err)
		}
		if got := b.String(); got != c.want {
			t.Errorf("%s at %d:\n%s", c.format, c.width, got)
		}
	}
	var b strings.Builder
	p, err := output.New(output.Options{Out: &b, Width: 17})
	if err != nil {
		t.Fatal(err)
	}
	if err := rows.Print(p, []line{{"用户用户用户用户用户", "1"}}, nil); err != nil {
		t.Fatal(err)
	}
	for l := range strings.Lines(b.String()) {
		if n := ansi.StringWidth(strings.TrimSuffix(l, "\n")); n > 17 {
			t.Errorf("%d: %s", n, l)
		}
	}
}
