package file

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/gctl-dev/gctl/fleet"
)

const sample = `
services:
  user:
    tags: [grpc]
    meta: {tls: false, zone: a}
    instances:
      - address: 127.0.0.1:9090
      - id: user-2
        address: "[::1]:9091"
        tags: [canary, grpc]
        meta: {version: v2.4.0, zone: b}
        status: maintenance
      - {id: local, address: "unix:/run/user.sock"}
  empty: {}
`

func TestParseJoinsWhatServiceAndInstanceSay(t *testing.T) {
	c, err := parse([]byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	if !c.check || len(c.services) != 2 || c.services[0].Name != "empty" {
		t.Fatalf("check = %v, services = %+v", c.check, c.services)
	}
	var ids []string
	for _, i := range c.byName["user"] {
		ids = append(ids, i.ID)
	}
	if want := []string{"127.0.0.1:9090", "local", "user-2"}; !slices.Equal(ids, want) {
		t.Fatalf("IDs = %v, want %v", ids, want)
	}
	i := c.byName["user"][2]
	if i.Addr != "[::1]:9091" || i.Catalog != fleet.Maintenance || i.Version != "v2.4.0" || i.Zone != "b" ||
		!slices.Equal(i.Tags, []string{"canary", "grpc"}) ||
		!maps.Equal(i.Meta, map[string]string{"tls": "false", "zone": "b", "version": "v2.4.0"}) {
		t.Errorf("user-2 = %+v", i)
	}
	user := c.services[1]
	if !slices.Equal(user.Tags, []string{"canary", "grpc"}) || !maps.Equal(user.Meta, map[string]string{"tls": "false"}) {
		t.Errorf("user = %+v", user)
	}
}

func TestParseAcceptsNothing(t *testing.T) {
	for _, text := range []string{"", "# to be written\n", "---\n", "services:\n", "services: {}\n", "null\n"} {
		if c, err := parse([]byte(text)); err != nil || len(c.services) != 0 {
			t.Errorf("parse(%q) = %+v, %v; want no services", text, c, err)
		}
	}
}

func TestParseSaysWhatIsWrongAndWhere(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"unknown key at the top":    {"service: {}\n", `line 1, column 1: unknown field "service"`},
		"unknown key of a service":  {"services:\n  user:\n    instance: []\n", `line 3, column 5: unknown field "instance"`},
		"unknown key of an entry":   {"services:\n  user:\n    instances:\n    - addr: a:1\n", `line 4, column 7: unknown field "addr"`},
		"doubled key":               {"services:\n  a: {}\n  a: {}\n", `line 3, column 3: mapping key "a" already defined`},
		"no address":                {"services:\n  user:\n    instances:\n    - id: a\n", "line 4, column "},
		"no port":                   {"services:\n  user:\n    instances:\n    - address: localhost\n", `line 4, column 16: address "localhost" is neither`},
		"port 0":                    {"services: {user: {instances: [{address: 'a:0'}]}}\n", `address "a:0" is neither`},
		"no host":                   {"services: {user: {instances: [{address: ':9090'}]}}\n", `address ":9090" is neither`},
		"unknown status":            {"services: {user: {instances: [{address: 'a:1', status: sick}]}}\n", `status "sick" is none of`},
		"unknown check":             {"check: http\n", `line 1, column 8: check "http" is neither`},
		"the same ID twice":         {"services:\n  user:\n    instances:\n    - {id: a, address: 'a:1'}\n    - {id: a, address: 'a:2'}\n", `two instances with the ID "a"`},
		"the same address twice":    {"services: {user: {instances: [{address: 'a:1'}, {address: 'a:1'}]}}\n", "two instances"},
		"a list for a map":          {"services: [a]\n", "line 1, column "},
		"a map for a text":          {"services: {user: {instances: [{address: {a: 1}}]}}\n", "line 1, column "},
		"a tab":                     {"services:\n\tuser: {}\n", "line 2, column "},
		"an open bracket":           {"services: {user: {\n", "line "},
		"two documents":             {"services: {}\n---\nservices: {}\n", "more than one document"},
		"an anchor":                 {"services: {a: &x {}, b: *x}\n", "line 1, column 15: anchors"},
		"a merge":                   {"services: {a: {<<: *x}}\n", "anchors"},
		"a tag":                     {"services: {a: !!binary x}\n", "tags are not supported"},
		"an empty name":             {"services: {'': {}}\n", "empty name"},
		"not text":                  {"\x00\x01", "line "},
		"deep brackets":             {"services: " + strings.Repeat("[", 100_000), "line 1, column 61: more than 50 brackets"},
		"deep lists":                {strings.Repeat("- ", 100_000), "line 1, column 201: the line is indented"},
		"deep keys":                 {deep(300), "is indented by more than 200 columns"},
		"deep in one line":          {"a: {" + strings.Repeat("a: {", 1000), "more than 50 brackets"},
		"bombs":                     {"a: &a [x]\nb: &b [*a, *a]\nservices: *b\n", ""},
		"too large":                 {strings.Repeat("#", maxSize+1), "the file is larger than 4 MiB"},
		"a number too large":        {"services: {user: {instances: [{address: 1e999}]}}\n", ""},
		"an instance that is a nil": {"services: {user: {instances: [null]}}\n", "no address"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse([]byte(c.text))
			var s *SyntaxError
			if !errors.As(err, &s) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error = %v, want a SyntaxError with %q", err, c.want)
			}
		})
	}
}

// deep nests n mappings, each indented by one more column.
func deep(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%sa:\n", strings.Repeat(" ", i))
	}
	return b.String()
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{sample, "", "services: {a: &x {}, b: *x}", "check: none\nservices:\n", "services: [", "? a\n: b\n", "services: !!binary x", "\t- |\n  x", "a: >-\n\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parse(data)
		if err != nil {
			var s *SyntaxError
			if !errors.As(err, &s) || s.Message == "" {
				t.Errorf("error = %#v, want a SyntaxError", err)
			}
			return
		}
		for name, instances := range c.byName {
			for _, i := range instances {
				if i.Service != name || i.ID == "" || !isAddress(i.Addr) || i.Catalog == "" {
					t.Errorf("instance = %+v", i)
				}
			}
		}
	})
}
