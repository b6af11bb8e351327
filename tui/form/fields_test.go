package form_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/gctl-dev/gctl/tui/form"
)

func TestARowSaysWhatTheSourceSays(t *testing.T) {
	p := newPage(t, everything).open("lists", "maps", "old", "modern", "login", "known", "choices")
	for path, want := range map[string]form.Row{
		"id":                             {Type: "string", Comment: "The identity.\nTwo lines of it.", Label: "id"},
		"other-name":                     {Type: "string", Label: "other-name"},
		"lists":                          {Type: "everything.v1.Lists", Kind: form.Message, Expandable: true, Expanded: true, Presence: true, Label: "lists"},
		"lists.roles":                    {Type: "repeated everything.v1.Role", Kind: form.List, Depth: 1, Label: "roles"},
		"maps.counts":                    {Type: "map<int32, int64>", Kind: form.Map, Depth: 1, Label: "counts"},
		"contact":                        {Type: "oneof contact", Kind: form.Oneof, Depth: 1, Presence: true, Label: "contact", Comment: "How to reach the person."},
		"known.at":                       {Type: "google.protobuf.Timestamp", Kind: form.Known, Depth: 1, Presence: true, Label: "at"},
		"known.wBool":                    {Type: "google.protobuf.BoolValue", Kind: form.Bool, Depth: 1, Presence: true, Label: "wBool", Default: "null"},
		"known.any":                      {Type: "google.protobuf.Any", Kind: form.Any, Depth: 1, Presence: true, Label: "any"},
		"known.empty":                    {Type: "google.protobuf.Empty", Kind: form.Message, Depth: 1, Presence: true, Label: "empty"},
		"login.userName":                 {Type: "string", Depth: 1, Label: "userName", Comment: "who it is"},
		"login.old":                      {Type: "string", Depth: 1, Label: "old", Deprecated: true},
		"old.port":                       {Type: "int32", Depth: 1, Label: "port", Default: "8080", Presence: true},
		"old.host":                       {Type: "string", Depth: 1, Label: "host", Default: "localhost", Presence: true},
		"old.ratio":                      {Type: "double", Depth: 1, Label: "ratio", Default: "Infinity", Presence: true},
		"old.blob":                       {Type: "bytes", Depth: 1, Label: "blob", Default: "aGk=", Presence: true},
		"old.level":                      {Type: "legacy.Level", Kind: form.Enum, Depth: 1, Label: "level", Default: "HIGH", Presence: true},
		"old.on":                         {Type: "bool", Kind: form.Bool, Depth: 1, Label: "on", Default: "true", Presence: true},
		"old.line":                       {Type: "repeated legacy.Old.Line", Kind: form.List, Depth: 1, Label: "line"},
		"old.[legacy.nick]":              {Type: "string", Depth: 1, Label: "[legacy.nick]", Presence: true},
		"old.[legacy.Scope.inner_level]": {Type: "legacy.Level", Kind: form.Enum, Depth: 1, Label: "[legacy.Scope.inner_level]", Presence: true, Default: "LOW"},
		"modern.explicit":                {Type: "string", Depth: 1, Label: "explicit", Presence: true},
		"modern.implicit":                {Type: "string", Depth: 1, Label: "implicit"},
		"modern.number":                  {Type: "int32", Depth: 1, Label: "number", Presence: true, Default: "3"},
	} {
		got := p.row(path)
		got.ID = 0
		if got != want {
			t.Errorf("%s is\n%+v, want\n%+v", path, got, want)
		}
	}
}

func TestGroupsExtensionsAndEditions(t *testing.T) {
	p := newPage(t, everything).open("old", "modern", "modern.delimited", "old.single")
	line, err := p.Add(p.row("old.line").ID)
	p.ok(err)
	p.wantJSON(`{"old": {"line": [{}]}}`)
	if _, err := p.Message(); err == nil || err.Error() != "old.line[0].text: required, and not set" {
		t.Errorf("the error is %v", err)
	}
	if r := p.row("old.line[0].text"); !r.Required || r.Set {
		t.Errorf("%+v", r)
	}
	p.set("old.line[0].text", "")
	p.set("old.single.word", "w")
	p.set("old.[legacy.nick]", "n")
	p.set("modern.delimited.name", "d")
	_, err = p.Add(p.row("old.[legacy.sizes]").ID)
	p.ok(err)
	p.wantJSON(`{"old": {"line": [{"text": ""}], "single": {"word": "w"}, "[legacy.nick]": "n", "[legacy.sizes]": [0]}, "modern": {"delimited": {"name": "d"}}}`)
	_, err = p.Message()
	p.ok(err)
	p.ok(p.Remove(line))
	p.ok(p.Clear(p.row("modern").ID))
	p.wantJSON(`{"old": {"single": {"word": "w"}, "[legacy.nick]": "n", "[legacy.sizes]": [0]}}`)
}

func TestMissingRequiredFieldsAreNamedWhereverTheyAre(t *testing.T) {
	p := newPage(t, "legacy.Strict")
	p.ok(p.SetJSON([]byte(`{"inner": {}, "more": [{"number": 1}, {}], "byName": {"k": {}}}`)))
	want := []string{"name", "inner.number", "more[1].number", `byName["k"].number`}
	for range 2 { // folded and unfolded
		var paths []string
		for _, problem := range p.Problems() {
			paths = append(paths, problem.Path)
			if problem.Text != "required, and not set" {
				t.Error(problem)
			}
		}
		if !slices.Equal(paths, want) {
			t.Errorf("missing are %q, want %q", paths, want)
		}
		unfold(t, p.Form)
	}
	// Protobuf does not look into an Any either.
	p = newPage(t, "google.protobuf.Any")
	p.ok(p.Set(p.Rows()[0].ID, "legacy.Strict"))
	if _, err := p.Message(); err != nil {
		t.Error(err)
	}
}

func TestAMessageThatContainsItselfOpensOnDemand(t *testing.T) {
	p := newPage(t, everything).open("tree")
	path := "tree"
	for i := range 50 {
		before := len(p.Rows())
		path = "tree" + strings.Repeat(".left", i+1)
		p.open(path)
		if added := len(p.Rows()) - before; added != 6 {
			t.Fatalf("%d rows came at once", added)
		}
	}
	p.wantJSON(`{}`) // looking sets nothing
	p.set(path+".name", "deep")
	if got := strings.Count(jsonOf(t, p.Form), `"left"`); got != 50 {
		t.Errorf("the name is %d deep", got)
	}
	p.ok(p.Collapse(p.row("tree.left").ID))
	if slices.Contains(p.labels(), "byName") && len(p.Rows()) > 20 {
		t.Errorf("closed, there are %d rows", len(p.Rows()))
	}
}

func TestAMessageIsSetWithItsJSON(t *testing.T) {
	p := newPage(t, everything).open("known")
	p.set("known.empty", "{}")
	p.set("tree", `{"left": {"name": "a"}}`)
	p.wantJSON(`{"tree": {"left": {"name": "a"}}, "known": {"empty": {}}}`)
	before := jsonOf(t, p.Form)
	if err := p.Set(p.row("tree").ID, `{"nam": 1}`); err == nil || !strings.Contains(err.Error(), `everything.v1.Tree wants its JSON, such as {}: (line 1:2): unknown field "nam"`) {
		t.Errorf("the error is %v", err)
	}
	if jsonOf(t, p.Form) != before {
		t.Error("a wrong JSON changed the form")
	}
	p.set("tree", "")
	p.wantJSON(`{"known": {"empty": {}}}`)
	if err := p.Set(p.row("lists").ID, `{"names": ["a"]}`); err != nil {
		t.Error(err)
	}
	p.open("lists")
	if p.Set(p.row("lists.names").ID, "a") == nil {
		t.Error("a list has no text")
	}
}

func TestWhatIsGoneCannotBeEdited(t *testing.T) {
	p := newPage(t, everything).open("lists")
	id, err := p.Add(p.row("lists.trees").ID)
	p.ok(err)
	inside := p.row("lists.trees[0].name").ID
	p.ok(p.Remove(id))
	for _, gone := range []form.ID{id, inside, 0, -1} {
		_, addErr := p.Add(gone)
		_, keyErr := p.AddKey(gone, "k")
		for what, err := range map[string]error{
			"Set": p.Set(gone, "x"), "Clear": p.Clear(gone), "Revert": p.Revert(gone), "Expand": p.Expand(gone), "Collapse": p.Collapse(gone),
			"Cycle": p.Cycle(gone, 1), "Remove": p.Remove(gone), "Move": p.Move(gone, 1), "Rename": p.Rename(gone, "k"), "Add": addErr, "AddKey": keyErr,
		} {
			if err == nil || err.Error() != "this row is not in the form any more" {
				t.Errorf("%s of row %d: %v", what, gone, err)
			}
		}
		if p.Choices(gone) != nil || p.Path(gone) != "" {
			t.Errorf("row %d is still there", gone)
		}
	}
}
