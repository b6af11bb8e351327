package form_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/gctl-dev/gctl/tui/form"
)

func TestTheCaseOfAOneofIsChosen(t *testing.T) {
	p := newPage(t, everything).open("choices")
	oneof := p.row("contact").ID
	want := []string{"email", "phoneNumber", "scalars", "after", "nobody", "role", "anything", "nothing"}
	if got := p.Choices(oneof); !slices.Equal(got, want) {
		t.Errorf("the choices are %q", got)
	}
	for name, json := range map[string]string{
		"email": `"email": ""`, "phoneNumber": `"phoneNumber": "0"`, "phone_number": `"phoneNumber": "0"`, "scalars": `"scalars": {}`, "after": `"after": "0s"`,
		"nobody": `"nobody": {}`, "role": `"role": "ROLE_UNSPECIFIED"`, "anything": `"anything": null`, "nothing": `"nothing": null`,
	} {
		p.ok(p.Clear(oneof))
		p.ok(p.Set(oneof, name))
		p.wantJSON(`{"choices": {` + json + `}}`)
		if r := p.row("contact"); r.Value != strings.ReplaceAll(name, "phone_number", "phoneNumber") || !r.Set || !r.Expanded {
			t.Errorf("%+v", r)
		}
		sameRows(t, p.Form, again(t, p.Form, everything))
	}
	if err := p.Set(oneof, "emial"); err == nil || !strings.HasPrefix(err.Error(), "oneof contact wants one of email, phoneNumber, scalars, after, nobody, role, ...; did you mean email?") {
		t.Errorf("the error is %v", err)
	}
}

func TestACaseThatIsChosenAgainHasItsValue(t *testing.T) {
	p := newPage(t, everything).open("choices")
	oneof := p.row("contact").ID
	p.ok(p.Set(oneof, "scalars"))
	p.set("choices.scalars.fInt32", "5")
	hidden := p.row("choices.scalars.fInt32").ID
	p.ok(p.Set(oneof, "email"))
	p.set("choices.email", "a@b")
	p.wantJSON(`{"choices": {"email": "a@b"}}`)
	if p.Set(hidden, "6") == nil {
		t.Error("a row that is not there was set")
	}
	p.ok(p.Set(oneof, "scalars"))
	p.wantJSON(`{"choices": {"scalars": {"fInt32": 5}}}`)
	p.ok(p.Set(hidden, "6"))
	p.wantJSON(`{"choices": {"scalars": {"fInt32": 6}}}`)
	p.ok(p.Clear(p.row("choices.scalars").ID))
	p.wantJSON(`{"choices": {}}`)
	if r := p.row("contact"); r.Set || r.Value != "" {
		t.Errorf("%+v", r)
	}
}

func TestCyclesGoRound(t *testing.T) {
	p := newPage(t, everything).open("choices", "scalars", "optionals", "known", "old")
	values := func(path string, by, n int) string {
		t.Helper()
		var got []string
		for range n {
			p.ok(p.Cycle(p.row(path).ID, by))
			got = append(got, cmp.Or(p.row(path).Value, "-"))
		}
		return strings.Join(got, " ")
	}
	for _, c := range []struct {
		path  string
		by, n int
		want  string
	}{
		{"scalars.fBool", 1, 3, "true - true"},
		{"optionals.fBool", 1, 3, "true false true"},
		{"known.wBool", 1, 3, "true false true"},
		{"old.on", 1, 2, "false true"}, // it counts as true while it is unset
		{"scalars.fRole", 1, 4, "ROLE_ADMIN ROLE_READER - ROLE_ADMIN"},
		{"optionals.fRole", -1, 4, "ROLE_READER ROLE_ADMIN ROLE_UNSPECIFIED ROLE_READER"},
		{"second", 1, 4, "yes tree - yes"},
		{"second", -1, 3, "- tree yes"},
	} {
		if got := values(c.path, c.by, c.n); got != c.want {
			t.Errorf("%s goes %q, want %q", c.path, got, c.want)
		}
	}
	p.set("scalars.fRole", "77") // no value of the enum
	if got := values("scalars.fRole", 1, 2); got != "- ROLE_ADMIN" {
		t.Errorf("from 77 it goes %q", got)
	}
	if got := p.Choices(p.row("scalars.fBool").ID); !slices.Equal(got, []string{"false", "true"}) {
		t.Errorf("the choices are %q", got)
	}
	if got := p.Choices(p.row("scalars.fRole").ID); !slices.Equal(got, []string{"ROLE_UNSPECIFIED", "ROLE_ADMIN", "ROLE_READER"}) {
		t.Errorf("the choices are %q", got)
	}
	if p.Choices(p.row("id").ID) != nil || p.Cycle(p.row("known.any").ID, 1) == nil {
		t.Error("there is nothing to choose from")
	}
}

func TestAnAnyHasTheFieldsOfItsType(t *testing.T) {
	p := newPage(t, everything).open("known")
	id := p.row("known.any").ID
	choices := p.Choices(id)
	for _, want := range []string{"everything.v1.Tree", "legacy.Strict", "edition.Modern.Part", "google.protobuf.Duration"} {
		if !slices.Contains(choices, "type.googleapis.com/"+want) {
			t.Errorf("%s is not among the choices", want)
		}
	}
	if slices.ContainsFunc(choices, func(c string) bool { return strings.HasSuffix(c, "Entry") }) || !slices.IsSorted(choices) {
		t.Errorf("the choices are %q", choices)
	}
	p.ok(p.Set(id, "everything.v1.Tree"))
	p.set("known.any.name", "a")
	p.wantJSON(`{"known": {"any": {"@type": "type.googleapis.com/everything.v1.Tree", "name": "a"}}}`)
	p.ok(p.Set(id, "example.com/everything.v1.Tree")) // the same type from elsewhere
	p.wantValue("known.any", "example.com/everything.v1.Tree")
	p.wantValue("known.any.name", "a")

	p.ok(p.Set(id, "google.protobuf.Duration"))
	inside := slices.IndexFunc(p.Rows(), func(r form.Row) bool { return r.Label == "value" && r.Depth == 2 })
	p.ok(p.Set(p.Rows()[inside].ID, "5s"))
	p.wantJSON(`{"known": {"any": {"@type": "type.googleapis.com/google.protobuf.Duration", "value": "5s"}}}`)

	p.ok(p.Set(id, "everything.v1.Tre"))
	r := p.row("known.any")
	if r.Note != "the schema does not have this type: its value is bytes; did you mean everything.v1.Tree?" {
		t.Errorf("the note is %q", r.Note)
	}
	inside = slices.IndexFunc(p.Rows(), func(r form.Row) bool { return r.Label == "value" && r.Depth == 2 })
	p.ok(p.Set(p.Rows()[inside].ID, "CgFh"))
	p.wantJSON(`{"known": {"any": {"@type": "type.googleapis.com/everything.v1.Tre", "value": "CgFh"}}}`)
	if p.Set(id, "no name") == nil {
		t.Error("that is no type")
	}
	p.set("known.any", "")
	p.wantJSON(`{"known": {}}`)
}

func TestTheTypesOfTheProgramServeWhereNoneAreGiven(t *testing.T) {
	md, _ := messageOf(t, "google.protobuf.Any")
	for _, f := range []*form.Form{form.New(md, nil), form.New(md, protoregistry.GlobalTypes)} {
		id := f.Rows()[0].ID
		if !slices.Contains(f.Choices(id), "type.googleapis.com/google.protobuf.FileDescriptorProto") {
			t.Errorf("the choices are %q", f.Choices(id))
		}
		if err := f.Set(id, "google.protobuf.FieldOptions"); err != nil {
			t.Error(err)
		}
		if err := f.SetJSON([]byte(`{"@type": "x/google.protobuf.FieldOptions", "deprecated": true}`)); err != nil {
			t.Error(err)
		}
		if text := jsonOf(t, f); !strings.Contains(text, `"deprecated": true`) {
			t.Error(text)
		}
	}
}

func TestTheClockIsTheOneOfTheProgramUnlessSaid(t *testing.T) {
	p := newPage(t, "google.protobuf.Timestamp")
	before := time.Now().Truncate(time.Second)
	p.ok(p.Set(p.Rows()[0].ID, "now"))
	got, err := time.Parse(time.RFC3339, p.Rows()[0].Value)
	if err != nil || got.Before(before) || got.After(time.Now()) {
		t.Errorf("now is %v, %v", got, err)
	}
}
