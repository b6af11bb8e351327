package form_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gctl-dev/gctl/tui/form"
)

func TestWrongJSONLeavesTheFormAsItWasAndSaysWhere(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"{\n  \"scalars\": {\"fInt23\": 1}\n}", `line 2, column 15: unknown field "fInt23" in everything.v1.Scalars; did you mean fInt32`},
		{`{"scalars": {"fRole": "ROLE_ADMIM"}}`, `line 1, column 23: unknown value "ROLE_ADMIM" of everything.v1.Role; did you mean ROLE_ADMIN?`},
		{"{\"scalars\":\n {\"fInt32\": 4294967296}}", "line 2, column 13: invalid value for int32 field fInt32: 4294967296; int32 wants a whole number from -2147483648 to 2147483647"},
		{`{"known": {"took": "300ms"}}`, `line 1, column 20: "300ms" is no Duration; write seconds with an "s": "0.3s"`},
		{`{"known": {"any": {"@type": "a/everything.v1.Tree", "nam": ""}}}`, `column 53: unknown field "nam" in everything.v1.Tree; did you mean name or`},
		{`{"choices": {"email": "a", "phoneNumber": 1}}`, "column 28: error parsing \"phoneNumber\", oneof everything.v1.Choices.contact is already set"},
		{`{"known": {"any": {"@type": "a/b.C", "x": 1}}}`, `column 38: unknown field "x"; an Any whose type the schema lacks has only "@type" and "value"`},
		{`{"maps": {"roles": {"yes": 1}}}`, `column 21: invalid value for bool key`},
		{`{"id": "a"`, "line 1, column 11: malformed JSON: it ends in the middle"},
		{`{"id": }`, "line 1, column 8: malformed JSON"},
		{"{\"id\": \"a\"}\n\n  {}", "line 3, column 3: a form is one message"},
		{`{"id": "a", "id": "b"}`, "column 13: duplicate field"},
	} {
		p := newPage(t, everything)
		p.set("id", "before")
		p.open("maps")
		before := p.Rows()
		err := p.SetJSON([]byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v\nwant %s", c.text, err, c.want)
		}
		after := p.Rows()
		for i := range before {
			if before[i] != after[i] {
				t.Errorf("%s changed %+v", c.text, before[i])
			}
		}
	}
}

func TestNoTextIsTheEmptyMessage(t *testing.T) {
	p := newPage(t, everything)
	p.set("id", "a")
	p.ok(p.SetJSON([]byte(" \n")))
	p.wantJSON(`{}`)
}

func TestRowsKeepTheirIDAndStayOpenWhenTheJSONChanges(t *testing.T) {
	p := newPage(t, everything)
	p.ok(p.SetJSON([]byte(`{"lists": {"trees": [{"name": "a"}, {"name": "b"}]}, "maps": {"trees": {"k": {"left": {"name": "c"}}}},
		"known": {"any": {"@type": "x/everything.v1.Tree", "left": {"name": "d"}}}, "choices": {"scalars": {"fBool": true}}}`)))
	p.open("lists", "lists.trees", "lists.trees[1]", "maps", "maps.trees", `maps.trees["k"]`, `maps.trees["k"].left`,
		"known", "known.any", "known.any.left", "choices", "choices.scalars", "tree")
	ids := map[string]form.ID{}
	for _, path := range []string{"lists.trees[1].name", `maps.trees["k"].left.name`, "known.any.left.name", "choices.scalars.fBool", "tree.left"} {
		ids[path] = p.row(path).ID
	}
	p.ok(p.SetJSON([]byte(`{"lists": {"trees": [{}, {"name": "new"}, {}]}, "maps": {"trees": {"a": {}, "k": {"left": {"name": "new"}}}},
		"known": {"any": {"@type": "x/everything.v1.Tree", "left": {"name": "new"}}}, "choices": {"scalars": {"fInt32": 1}}}`)))
	for path, id := range ids {
		if got := p.row(path).ID; got != id {
			t.Errorf("%s had the ID %d and has %d", path, id, got)
		}
	}
	p.wantValue("lists.trees[1].name", "new")
	p.wantValue(`maps.trees["k"].left.name`, "new")
	p.wantValue("known.any.left.name", "new")
	if p.Set(ids["choices.scalars.fBool"], "true") != nil || p.Set(9999, "x") == nil {
		t.Error("an ID must mean the row that it is of, or nothing")
	}
}

func FuzzSetJSON(f *testing.F) {
	f.Add(`{"id": "a", "scalars": {"fDouble": "NaN"}, "maps": {"labels": {"a": "b"}}}`)
	f.Add(`{"known": {"any": {"@type": "a/b.C", "value": "aGk="}, "value": null, "mask": "a,b"}}`)
	f.Add(`{"lists": {"details": [{}, {"@type": "a/google.protobuf.Any", "value": {}}]}, "optionals": {"fNull": 5}}`)
	f.Add(`{"old": {"[legacy.nick]": "n", "line": [{}], "single": {"word": "w"}}, "modern": {"delimited": {}}}`)
	f.Add(`{"choices": {"anything": null, "yes": false}}`)
	f.Fuzz(func(t *testing.T, text string) {
		p := newPage(t, everything).Form
		if p.SetJSON([]byte(text)) != nil {
			return
		}
		b := again(t, p, everything)
		if jsonOf(t, p) != jsonOf(t, b) {
			t.Fatalf("the JSON is\n%s\nand then\n%s", jsonOf(t, p), jsonOf(t, b))
		}
		unfold(t, p)
		if jsonOf(t, p) != jsonOf(t, b) {
			t.Fatalf("open the JSON is\n%s\nand closed\n%s", jsonOf(t, p), jsonOf(t, b))
		}
		if p.Redacted() == nil {
			t.Fatal("no redacted JSON")
		}
	})
}

func TestRequestsThatAreAWellKnownType(t *testing.T) {
	for name, c := range map[protoreflect.FullName]struct{ text, value, json string }{
		"google.protobuf.Duration":    {"1m", "60s", `"60s"`},
		"google.protobuf.StringValue": {"null", "null", `"null"`},
		"google.protobuf.Value":       {"[1]", "[1]", `[1]`},
		"google.protobuf.Int64Value":  {"7", "7", `"7"`},
		"google.protobuf.Any":         {"google.protobuf.Empty", "type.googleapis.com/google.protobuf.Empty", `{"@type": "type.googleapis.com/google.protobuf.Empty"}`},
	} {
		p := newPage(t, name)
		if _, err := p.JSON(); err != nil {
			t.Errorf("%s, empty: %v", name, err)
		}
		row := p.Rows()[0]
		p.ok(p.Set(row.ID, c.text))
		if got := p.Rows()[0]; got.Value != c.value || got.Label != string(name.Name()) {
			t.Errorf("%s: %+v", name, got)
		}
		p.wantJSON(c.json)
		sameRows(t, p.Form, again(t, p.Form, name))
	}
	if p := newPage(t, "google.protobuf.Empty"); len(p.Rows()) != 0 {
		t.Error("Empty has rows")
	}
}
