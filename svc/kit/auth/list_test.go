package auth_test

import (
	"path"
	"strings"
	"testing"

	"github.com/gctl-dev/gctl/svc/kit/auth"
)

func TestListAllows(t *testing.T) {
	for _, c := range []struct {
		patterns string // with spaces between them
		yes, no  string
	}{
		{"", "edge spiffe://example.org/a x.y", ""},
		{"*", "edge spiffe://example.org/a x.y", ""},
		{"spiffe://example.org/edge", "spiffe://example.org/edge",
			"spiffe://example.org/edge/a spiffe://example.org/Edge spiffe://example.org spiffe://example.com/edge edge example.org"},
		{"spiffe://example.org/*", "spiffe://example.org/edge spiffe://example.org/a/b/c",
			"spiffe://example.org spiffe://example.org/ spiffe://example.org.evil/a spiffe://evil/example.org/a spiffe://example.org@evil/a example.org"},
		{"spiffe://example.org/ns/prod/*", "spiffe://example.org/ns/prod/edge spiffe://example.org/ns/prod/...",
			"spiffe://example.org/ns/production spiffe://example.org/ns/prod/../dev/edge spiffe://example.org/ns/prod/./x spiffe://example.org/ns/prod//x spiffe://example.org/ns/prod/%2e%2e/x spiffe://example.org/ns/prod/a?b spiffe://example.org/ns/prod"},
		{"edge.example.org", "edge.example.org EDGE.example.ORG", "edge.example.org.evil a.edge.example.org example.org"},
		{"*.example.org", "edge.example.org Edge.Example.Org", "a.edge.example.org example.org .example.org edge.example.com edgeexample.org *.example.org"},
		{"*.Example.Org spiffe://a/b", "edge.example.org spiffe://a/b", "spiffe://a/c"},
		{"name:kedge", "kedge KEDGE", "\u212aedge kedge. name:kedge"},
		{"name:Ann_Example,CA", "Ann_Example,CA", "ann_example,ca"},
		{"name:edge.example.org", "edge.example.org", "example.org"},
	} {
		list, err := auth.NewList(strings.Fields(c.patterns)...)
		if err != nil {
			t.Errorf("%s: %v", c.patterns, err)
			continue
		}
		for id := range strings.FieldsSeq(c.yes) {
			if !list.Allows(id) {
				t.Errorf("%q does not allow %q", c.patterns, id)
			}
		}
		for _, id := range append(strings.Fields(c.no), "") {
			if list.Allows(id) {
				t.Errorf("%q allows %q", c.patterns, id)
			}
		}
	}
}

func TestListSaysWhatIsWrong(t *testing.T) {
	for pattern, want := range map[string]string{
		"":                          "empty",
		"  ":                        "empty",
		"bogus":                     "no SPIFFE ID and no DNS name",
		"spiffe:/example.org/edge":  "no SPIFFE ID and no DNS name",
		"spiffe:example.org/edge":   "no SPIFFE ID and no DNS name",
		"example.org/edge":          "no SPIFFE ID and no DNS name",
		"edge.example.org.":         "no SPIFFE ID and no DNS name",
		"a.example.org,b.org":       "no SPIFFE ID and no DNS name",
		"edge.example.org:9090":     "no SPIFFE ID and no DNS name",
		"Ann Example":               "no SPIFFE ID and no DNS name",
		"10.0.0.1":                  "no SPIFFE ID and no DNS name",
		"name:":                     "followed by the name",
		"name: edge":                "followed by the name",
		"name:ed*ge":                "an asterisk stands",
		"spifffe://example.org/a":   "no SPIFFE ID",
		"edge*":                     "an asterisk stands",
		"**":                        "an asterisk stands",
		"a.*.org":                   "an asterisk stands",
		"*.":                        "first label",
		"*.*.org":                   "first label",
		"spiffe://*":                "no SPIFFE ID",
		"spiffe://*/a":              "no SPIFFE ID",
		"spiffe://example.org/a*":   "no SPIFFE ID",
		"spiffe://example.org/a/":   "no SPIFFE ID",
		"spiffe://Example.org/a":    "no SPIFFE ID",
		"spiffe://example.org//*":   "no SPIFFE ID",
		"spiffe://example.org/../*": "no SPIFFE ID",
		"https://example.org/a":     "no SPIFFE ID",
	} {
		if _, err := auth.NewList("fine.example.org", pattern); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("NewList(%q) = %v, want %q", pattern, err, want)
		}
	}
}

// A list of one pattern is refused, or allows itself where it is no pattern, and
// never what lies outside of it.
func FuzzList(f *testing.F) {
	f.Add("spiffe://example.org/ns/*", "spiffe://example.org/ns/../x")
	f.Add("*.example.org", "a.example.org")
	f.Add("name:edge", "EDGE")
	f.Add("edge", "edge")
	f.Fuzz(func(t *testing.T, pattern, id string) {
		list, err := auth.NewList(pattern)
		if err != nil {
			return
		}
		pattern = strings.TrimPrefix(strings.TrimSpace(pattern), "name:")
		if !strings.Contains(pattern, "*") && !list.Allows(pattern) {
			t.Errorf("%q does not allow itself", pattern)
		}
		if pattern == "*" || !list.Allows(id) {
			return
		}
		if id == "" {
			t.Errorf("%q allows nobody", pattern)
		}
		below, wild := strings.CutSuffix(pattern, "/*")
		switch {
		case wild:
			if clean := path.Clean(strings.TrimPrefix(id, "spiffe:/")); !strings.HasPrefix(clean, strings.TrimPrefix(below, "spiffe:/")+"/") {
				t.Errorf("%q allows %q", pattern, id)
			}
		case strings.HasPrefix(pattern, "*."):
			if strings.Count(id, ".") != strings.Count(pattern, ".") || !strings.HasSuffix(strings.ToLower(id), strings.ToLower(pattern[1:])) {
				t.Errorf("%q allows %q", pattern, id)
			}
		case !strings.EqualFold(pattern, id):
			t.Errorf("%q allows %q", pattern, id)
		}
	})
}
