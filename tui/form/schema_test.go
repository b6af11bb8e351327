package form_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gctl-dev/gctl/reflection"
	"github.com/gctl-dev/gctl/tui/form"
)

// The schemas that gctl has of servers are not those of a compiler.
func TestFormsOfASchemaAsGctlHasIt(t *testing.T) {
	s, err := reflection.FromProtoFiles([]string{"testdata"}, []string{"everything.proto"})
	if err != nil {
		t.Fatal(err)
	}
	mt, err := s.Types().FindMessageByName(everything)
	if err != nil {
		t.Fatal(err)
	}
	p := page{form.New(mt.Descriptor(), s.Types()), t}.open("known", "old", "login")
	if !p.row("login.plain").Secret || !p.row("login.old").Deprecated {
		t.Error("the schema lost the options of fields")
	}
	if got := p.Choices(p.row("known.any").ID); !slices.Contains(got, "type.googleapis.com/legacy.Strict") {
		t.Errorf("the choices are %q", got)
	}
	p.set("known.any", "legacy.Old")
	p.set("known.any.[legacy.nick]", "a")
	p.set("old.[legacy.Scope.inner_level]", "HIGH")
	p.wantJSON(`{"known": {"any": {"@type": "type.googleapis.com/legacy.Old", "[legacy.nick]": "a"}}, "old": {"[legacy.Scope.inner_level]": "HIGH"}}`)

	_, types := messageOf(t, everything)
	for seed := range uint64(20) {
		r := maker{rand.New(rand.NewPCG(seed, 3)), types}
		want := r.message(mt.Descriptor(), 3)
		text, err := protojson.MarshalOptions{Resolver: s.Types(), AllowPartial: true}.Marshal(want.Interface())
		if err != nil {
			continue // an Any of a type that the schema lacks
		}
		if err := p.SetJSON(text); err != nil {
			t.Fatal(err)
		}
		if got := jsonOf(t, p.Form); compact(t, []byte(got)) != compact(t, text) {
			t.Fatalf("another message came back of %s:\n%s", text, got)
		}
	}
}

func TestWellKnownTypesThatAreNotAsTheyAreKnown(t *testing.T) {
	for _, empty := range []bool{true, false} {
		md, types := strange(t, empty)
		checkStrange(t, form.New(md, types))
		for _, name := range strangeTypes {
			mt, err := types.FindMessageByName(protoreflect.FullName("google.protobuf." + name))
			if err != nil {
				t.Fatal(err)
			}
			form.New(mt.Descriptor(), types).Rows()
		}
	}
}

// checkStrange sees that nothing panics and that the rows are there.
func checkStrange(t *testing.T, f *form.Form) {
	t.Helper()
	for _, r := range f.Rows() {
		for _, text := range []string{"now", "1s", "{}", "a", "[1]", "1", "strange.Root", "null", ""} {
			if err := f.Set(r.ID, text); err == nil {
				break
			}
		}
		_, _ = f.JSON()
		_, _ = f.Message()
		_ = f.Redacted()
		_ = f.Expand(r.ID)
		_ = f.Revert(r.ID)
		_ = f.Clear(r.ID)
		_, _ = f.Add(r.ID)
	}
	for _, name := range strangeTypes {
		_ = f.SetJSON([]byte(`{"f` + name + `": {}}`))
		_ = f.SetJSON([]byte(`{"f` + name + `": "1s"}`))
		_ = f.SetJSON([]byte(`{"deep": {"f` + name + `": {}, "l` + name + `": [{}]}}`))
		unfold(t, f)
	}
	if n := len(f.Rows()); n < len(strangeTypes) {
		t.Errorf("%d rows", n)
	}
}
