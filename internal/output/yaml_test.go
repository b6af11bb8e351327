package output_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/gctl-dev/gctl/internal/output"
)

func printYAML(t *testing.T, raw string) string {
	t.Helper()
	var buf bytes.Buffer
	p, err := output.New(output.Options{Out: &buf, Format: output.YAML})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Value(json.RawMessage(raw)); err != nil {
		t.Fatal(err)
	}
	return buf.String()
}

func TestYAMLReadsWell(t *testing.T) {
	got := printYAML(t, `[{"service":"user","address":"127.0.0.1:1","tags":["a","no"],"meta":{},"nested":[[1,2],[{"x":null}]],"ok":true}]`)
	want := `---
- service: user
  address: "127.0.0.1:1"
  tags:
    - a
    - "no"
  meta: {}
  nested:
    - - 1
      - 2
    - - x: null
  ok: true
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestYAMLOfAwkwardStrings(t *testing.T) {
	in := []string{"", " ", "null", "Yes", "1", "-1", "0x10", "1:30", "a: b", "# c", "- d", "'", `"`, "\\", "é", "a\nb", "\x1b[0m", "{", "*x", "&x", "!t", "@", "`", "%", "ümlaut", "/pkg.Svc/M", "a:", "a:b", "dns:///x:1"}
	raw, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	if err := yaml.Unmarshal([]byte(printYAML(t, string(raw))), &out); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(in, out) {
		t.Errorf("got  %q\nwant %q", out, in)
	}
}
