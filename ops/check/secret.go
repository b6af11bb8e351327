package check

import (
	"bytes"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// minSecret is how long a value must be for its every occurrence to be hidden:
// hiding each "1" would make reports unreadable and hide nothing.
const minSecret = 4

// Redact replaces every value that came from the environment, also as JSON, a
// shell, a quoted string or a URL has it, so that text may be shown. It is to see
// the whole text: of a value that was cut off the rest would be shown.
func (f *File) Redact(text string) string {
	for _, secret := range f.secrets {
		text = strings.ReplaceAll(text, secret, "(hidden)")
	}
	return text
}

// hide remembers a value that no report may show. Of several lines each is hidden
// by itself too: tables and messages break and trim them.
func (f *File) hide(value string) {
	for _, v := range append(strings.FieldsFunc(value, func(r rune) bool { return r == '\n' || r == '\r' }), value) {
		for _, plain := range []string{v, strings.TrimSpace(v)} {
			for _, form := range forms(plain) {
				if len(plain) >= minSecret && !slices.Contains(f.secrets, form) {
					f.secrets = append(f.secrets, form)
				}
			}
		}
	}
	slices.SortStableFunc(f.secrets, func(a, b string) int { return len(b) - len(a) })
}

// forms are a value as it is, and as it stands in other text.
func forms(v string) []string {
	quoted := func(s string) string { return s[1 : len(s)-1] }
	html := strings.NewReplacer("<", `\u003c`, ">", `\u003e`, "&", `\u0026`).Replace(string(plainJSON(v)))
	out := []string{
		v, quoted(string(plainJSON(v))), quoted(html), quoted(strconv.Quote(v)), quoted(strconv.QuoteToASCII(v)),
		url.QueryEscape(v), url.PathEscape(v),
	}
	for _, s := range slices.Clone(out) {
		twice := quoted(string(plainJSON(s))) // JSON in JSON
		out = append(out, twice, strings.ReplaceAll(s, "'", `'\''`), strings.ReplaceAll(twice, "'", `'\''`))
	}
	return out
}

// plainJSON writes a string, or what came of YAML or JSON, with <, > and & as they
// are.
func plainJSON(v any) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
