package incident_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/term"
	"github.com/gctl-dev/gctl/ops/incident"
	"github.com/gctl-dev/gctl/ops/why"
)

// fill puts a text into every string of a value.
func fill(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for _, field := range v.Fields() {
			if field.CanSet() {
				fill(field, text)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			fill(v.Index(i), text)
		}
	case reflect.Pointer:
		if !v.IsNil() && v.Type() != reflect.TypeFor[*fleet.Snapshot]() {
			fill(v.Elem(), text)
		}
	}
}

// everywhere is an incident in which every string is the same.
func everywhere(t *testing.T, text string) *incident.Incident {
	t.Helper()
	in := facts()
	fill(reflect.ValueOf(in).Elem(), text)
	in.Hide = nil
	store := fleet.NewStore(t.Context(), fleet.StoreOptions{})
	defer store.Close()
	d := world(5*time.Minute, "v2.4", fleet.NotServing, fleet.BreakerOpen)
	fill(reflect.ValueOf(d).Elem(), text)
	d.Instances[0].Catalog = fleet.Critical
	d.Breakers[0].State = fleet.BreakerOpen
	store.Apply(d)
	in.AtCursor = store.Flush()
	return in
}

var hostile = []string{
	"a|b", `a\|b`, `a\`, "`", "``` x", "a\n```\n# owned\n", "\n\n# owned", "<script>alert(1)</script>", "<!-- ", "</td></table>",
	"[x](javascript:alert(1))", "![x](http://evil/x.png)", "**bold** _it_ ~~no~~", "- item", "1. item", "+ a", "===", "---", "| a | b |\n|---|---|",
	"\x1b[31mred\x1b]0;title\x07", "\u202eevil\u2066", "a\rb\x00c\u0085d", "&lt;b&gt; &#124;", "$x$", "    code", "\t# owned", "> quote", "a  \n  b", "\xff\xfe",
	strings.Repeat("`", 9), "~~~", "[ref]: http://evil", "#", "a\u2028# b",
}

// shape is what a page looks like without its texts: headings, tables and fences.
func shape(t *testing.T, text string) []string {
	t.Helper()
	var lines []string
	fence, columns := "", 0
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		trimmed := strings.TrimSpace(line)
		ticks := trimmed[:len(trimmed)-len(strings.TrimLeft(trimmed, "`"))]
		switch {
		case fence != "":
			if trimmed == fence {
				fence = ""
				lines = append(lines, "end of block")
			} else if len(ticks) >= len(fence) {
				t.Errorf("a block ends early: %q", line)
			}
			continue
		case len(ticks) >= 3:
			fence = ticks
			lines = append(lines, "block")
			continue
		case strings.HasPrefix(line, "#"):
			level, _, _ := strings.Cut(line, " ")
			lines = append(lines, level)
		case strings.HasPrefix(line, "|"):
			if n := strings.Count(line, "|"); columns != 0 && n != columns {
				t.Errorf("a row with %d pipes in a table with %d: %q", n, columns, line)
			} else {
				columns = n
			}
			lines = append(lines, fmt.Sprint("row of ", columns))
			plain(t, line)
			continue
		default:
			plain(t, line)
		}
		columns = 0
	}
	if fence != "" {
		t.Error("a block does not end")
	}
	return lines
}

// plain complains about markup that did not come from the page itself.
func plain(t *testing.T, line string) {
	t.Helper()
	rest := strings.NewReplacer("**done**", "", "**note**", "", "*exact*", "", "*noticed*", "", "`gctl why`", "", "`incident.json`", "", "`incident.rec`", "", "`gctl events --dir incident.rec --since 8760h`", "").Replace(line)
	for i := 0; i < len(rest); i++ {
		if rest[i] == '\\' {
			i++
			continue
		}
		inWord := i > 0 && i < len(rest)-1 && inAWord(rest[i-1]) && inAWord(rest[i+1])
		if strings.IndexByte("<>`*_[]~!$", rest[i]) >= 0 && (rest[i] != '_' || !inWord) {
			t.Errorf("markup %q in %q", rest[i], line)
		}
	}
}

func inAWord(c byte) bool {
	return c < unicode.MaxASCII && (unicode.IsLetter(rune(c)) || unicode.IsDigit(rune(c)))
}

func TestStringsFromOutsideBreakNothing(t *testing.T) {
	want := shape(t, page(t, everywhere(t, "harmless")))
	if len(want) < 40 {
		t.Fatalf("only %d lines of shape", len(want))
	}
	for _, text := range hostile {
		t.Run(fmt.Sprintf("%.12q", text), func(t *testing.T) {
			in := everywhere(t, text)
			got := page(t, in)
			if s := shape(t, got); !reflect.DeepEqual(s, want) {
				t.Errorf("the page has another shape:\n%s", got)
			}
			for _, c := range got {
				if c != '\n' && c != '\t' && (unicode.IsControl(c) || term.Unsafe(c)) {
					t.Errorf("a %U stands in the page", c)
				}
			}
			dir := filepath.Join(t.TempDir(), "x")
			if err := incident.Write(t.Context(), dir, in); err != nil {
				t.Fatal(err)
			}
			raw, err := os.ReadFile(filepath.Join(dir, "incident.json"))
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range string(raw) {
				if c != '\n' && (unicode.IsControl(c) || term.Unsafe(c)) {
					t.Errorf("a %U stands in the data", c)
				}
			}
		})
	}
}

func FuzzStringsFromOutside(f *testing.F) {
	for _, text := range hostile {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.TrimSpace(term.CleanLine(text)) == "" {
			return
		}
		want := shape(t, page(t, everywhere(t, "harmless")))
		if got := page(t, everywhere(t, text)); !reflect.DeepEqual(shape(t, got), want) {
			t.Errorf("the page has another shape:\n%s", got)
		}
	})
}

// Credentials are in none of the files, wherever they stood.
func TestNoSecrets(t *testing.T) {
	for text, kept := range map[string]string{
		`GET http://admin:s3cr3t-value@prom:9090/api failed`:                           "prom:9090/api failed",
		`GET https://s3cr3t-value@prom/api`:                                            "prom/api",
		`GET http://consul/v1/x?token=s3cr3t-value&dc=eu`:                              "dc=eu",
		`GET http://x/y?a=1&sig=s3cr3t-value`:                                          "a=1",
		`gctl call M -H 'x-tenant: s3cr3t-value' --addr a:1`:                           "--addr a:1",
		`grpcurl -rpc-header "x-tenant: s3cr3t-value" a:1 list`:                        "a:1 list",
		`curl -H x-tenant:s3cr3t-value http://a`:                                       "http://a",
		`authorization: Bearer s3cr3t-value`:                                           "authorization",
		`cookie: a=b; c=s3cr3t-value`:                                                  "cookie",
		`x-api-key: s3cr3t-value`:                                                      "x-api-key",
		`got Bearer s3cr3t-value1 from a`:                                              "from a",
		`postgres: password=s3cr3t-value host=db`:                                      "host=db",
		`body {"client_secret": "s3cr3t-value", "a": "b"}`:                             `a`,
		`jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJzM2NyM3QtdmFsdWUifQ.s3cr3t-value end`:     "end",
		"-----BEGIN RSA PRIVATE KEY-----\ns3cr3t-value\n-----END RSA PRIVATE KEY-----": "hidden",
		`ghp_s3cr3tvalue0123456789 x`:                                                  "x",
		`the value hide-me/of the context`:                                             "of the context",
	} {
		in := everywhere(t, text)
		in.Hide = []string{"hide-me/", "x"} // one is too short to be hidden
		dir := filepath.Join(t.TempDir(), "x")
		if err := incident.Write(t.Context(), dir, in); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"incident.md", "incident.json"} {
			raw, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			for _, secret := range []string{"s3cr3t", "hide-me", "czM2NyM3"} {
				if strings.Contains(string(raw), secret) {
					t.Errorf("%s of %q shows %s", name, text, secret)
				}
			}
			if !strings.Contains(strings.ReplaceAll(string(raw), `\`, ""), kept) {
				t.Errorf("%s of %q lost %q", name, text, kept)
			}
		}
	}
	for _, plain := range []string{
		"basic understanding", "author: ada", "rate(token_bucket_total[5m])", "10.0.0.1:9090", "2026-03-01T14:00:00Z", "monkey: see", "shop.v1.Cart/Get", "a=b",
		"4bf92f3577b34da6a3ce929d0e0e4736", "GET /v1/health/state/any?index=5", "UNAVAILABLE: connection refused", "design=new", "payment_service_v2",
	} {
		in := &incident.Incident{Evidence: []why.Evidence{{Text: "x", Query: plain}}}
		if text := page(t, in); !strings.Contains(text, plain) {
			t.Errorf("%q is no secret, and is hidden:\n%s", plain, text)
		}
	}
}
