package form_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gctl-dev/gctl/tui/form"
)

func TestElementsAreAddedMovedAndRemoved(t *testing.T) {
	p := newPage(t, everything).open("lists")
	list := p.row("lists.names").ID
	a, err := p.Add(list)
	p.ok(err)
	p.ok(p.Set(a, "a"))
	c, err := p.Add(list)
	p.ok(err)
	p.ok(p.Set(c, "c"))
	b, err := p.Add(a) // behind a
	p.ok(err)
	p.ok(p.Set(b, "b"))
	p.wantJSON(`{"lists": {"names": ["a", "b", "c"]}}`)
	if r := p.row("lists.names"); r.Count != 3 || !r.Expanded || !r.Set {
		t.Errorf("%+v", r)
	}
	if r := p.row("lists.names[1]"); r.ID != b || r.Label != "[1]" || !r.Element || r.Type != "string" || r.Depth != 2 {
		t.Errorf("%+v", r)
	}
	p.ok(p.Move(c, -1))
	p.wantJSON(`{"lists": {"names": ["a", "c", "b"]}}`)
	p.ok(p.Move(a, 99))
	p.wantJSON(`{"lists": {"names": ["c", "b", "a"]}}`)
	p.ok(p.Move(a, -99))
	p.ok(p.Remove(c))
	p.wantJSON(`{"lists": {"names": ["a", "b"]}}`)
	p.ok(p.Clear(a))
	p.wantJSON(`{"lists": {"names": ["", "b"]}}`)
	p.ok(p.Clear(list))
	p.wantJSON(`{"lists": {}}`)
	p.ok(p.Clear(p.row("lists").ID))
	p.wantJSON(`{}`)
}

func TestANewElementIsWhatItsTypeStartsWith(t *testing.T) {
	p := newPage(t, everything).open("lists")
	for name, want := range map[string]string{
		"names": `""`, "numbers": `"0"`, "floats": `0`, "flags": `false`, "blobs": `""`, "roles": `"ROLE_UNSPECIFIED"`, "scalars": `{}`,
		"times": `"1970-01-01T00:00:00Z"`, "values": `null`, "details": `{}`, "words": `""`, "nulls": `null`, "trees": `{}`,
	} {
		_, err := p.Add(p.row("lists." + name).ID)
		p.ok(err)
		p.wantJSON(`{"lists": {"` + name + `": [` + want + `]}}`)
		p.ok(p.Clear(p.row("lists." + name).ID))
	}
	p.open("old")
	_, err := p.Add(p.row("old.levels").ID) // an enum without 0
	p.ok(err)
	p.wantJSON(`{"lists": {}, "old": {"levels": ["LOW"]}}`)
}

func TestEntriesAreAddedRenamedAndRemoved(t *testing.T) {
	p := newPage(t, everything).open("maps")
	labels := p.row("maps.labels").ID
	for _, key := range []string{"m", "b", "z"} {
		id, err := p.AddKey(labels, key)
		p.ok(err)
		p.ok(p.Set(id, "of "+key))
	}
	keys := func() string {
		return strings.Join(slices.DeleteFunc(p.labels(), func(l string) bool { return len(l) != 1 }), " ")
	}
	if keys() != "b m z" {
		t.Errorf("the keys are %s", keys())
	}
	if _, err := p.AddKey(labels, "m"); err == nil || err.Error() != `labels has the key "m" already` {
		t.Errorf("the error is %v", err)
	}
	m := p.row(`maps.labels["m"]`)
	if !m.Entry || m.Label != "m" || m.Value != "of m" || m.Type != "string" {
		t.Errorf("%+v", m)
	}
	if err := p.Rename(m.ID, "z"); err == nil || err.Error() != `labels has the key "z" already` {
		t.Errorf("the error is %v", err)
	}
	p.ok(p.Rename(m.ID, "m"))
	p.ok(p.Rename(m.ID, "zz"))
	p.wantJSON(`{"maps": {"labels": {"b": "of b", "z": "of z", "zz": "of m"}}}`)
	p.ok(p.Rename(m.ID, "a"))
	p.ok(p.Remove(p.row(`maps.labels["z"]`).ID))
	p.wantJSON(`{"maps": {"labels": {"a": "of m", "b": "of b"}}}`)
	if id, err := p.AddKey(m.ID, ""); err != nil || p.Path(id) != `maps.labels[""]` {
		t.Errorf("%v: the empty text is a key", err)
	}
}

func TestKeysAreOfTheirTypeAndInItsOrder(t *testing.T) {
	p := newPage(t, everything).open("maps")
	for name, c := range map[string]struct {
		keys []string
		want string
		bad  string
	}{
		"counts":  {[]string{"10", "9", "-1"}, `{"-1": "0", "9": "0", "10": "0"}`, "int32 wants a whole number from -2147483648 to 2147483647"},
		"weights": {[]string{"18446744073709551615", "2"}, `{"2": 0, "18446744073709551615": 0}`, "uint64 wants a whole number from 0 to 18446744073709551615"},
		"roles":   {[]string{"true", "false"}, `{"false": "ROLE_UNSPECIFIED", "true": "ROLE_UNSPECIFIED"}`, "bool wants true or false"},
		"delays":  {[]string{"2", "1"}, `{"1": "0s", "2": "0s"}`, "sint64 wants a whole number from -9223372036854775808 to 9223372036854775807"},
		"blobs":   {[]string{"2", "1"}, `{"1": "", "2": ""}`, "fixed32 wants a whole number from 0 to 4294967295"},
		"trees":   {[]string{"y", "x"}, `{"x": {}, "y": {}}`, ""},
	} {
		id := p.row("maps." + name).ID
		for _, key := range c.keys {
			_, err := p.AddKey(id, key)
			p.ok(err)
		}
		p.wantJSON(`{"maps": {"` + name + `": ` + c.want + `}}`)
		if _, err := p.AddKey(id, "x!"); c.bad != "" && (err == nil || err.Error() != "the key: "+c.bad) {
			t.Errorf("%s: the error is %v", name, err)
		}
		p.ok(p.Clear(id))
	}
}

func TestOperationsAreRefusedWhereTheyMeanNothing(t *testing.T) {
	p := newPage(t, everything).open("lists", "maps")
	element, err := p.Add(p.row("lists.names").ID)
	p.ok(err)
	entry, err := p.AddKey(p.row("maps.labels").ID, "k")
	p.ok(err)
	for name, got := range map[string]error{
		"Add to a string":        errOf(p.Add(p.row("id").ID)),
		"Add to a map":           errOf(p.Add(p.row("maps.labels").ID)),
		"Add to an entry":        errOf(p.Add(entry)),
		"AddKey to a list":       errOf(p.AddKey(p.row("lists.names").ID, "k")),
		"Remove a field":         p.Remove(p.row("id").ID),
		"Move an entry":          p.Move(entry, 1),
		"Rename an element":      p.Rename(element, "k"),
		"Cycle a string":         p.Cycle(p.row("id").ID, 1),
		"Set a map":              p.Set(p.row("maps.labels").ID, "{}"),
		"AddKey of invalid text": errOf(p.AddKey(entry, "\xff")),
	} {
		if got == nil || errors.Unwrap(got) == nil && len(got.Error()) < 10 {
			t.Errorf("%s: %v", name, got)
		}
	}
	p.wantJSON(`{"lists": {"names": [""]}, "maps": {"labels": {"k": ""}}}`)
}

func errOf(_ form.ID, err error) error { return err }

func TestOfALongListTheFirstElementsHaveRowsAndTheRestIsKept(t *testing.T) {
	const n = form.MaxElements + 5
	p := large(t, "lists.numbers", n, number)
	rows := p.Rows()
	more := slices.IndexFunc(rows, func(r form.Row) bool { return r.Kind == form.More })
	if more < form.MaxElements || rows[more].Label != "5 more, in the JSON only" || rows[more].ID != 0 || rows[more].Depth != 2 {
		t.Fatalf("row %d is %+v", more, rows[more])
	}
	if r := p.row("lists.numbers"); r.Count != n {
		t.Errorf("%+v", r)
	}
	if _, err := p.Add(p.row("lists.numbers").ID); err == nil {
		t.Error("the new element could not be seen")
	}
	for range 6 { // those behind take the places
		p.ok(p.Remove(p.row("lists.numbers[0]").ID))
	}
	p.wantValue(fmt.Sprintf("lists.numbers[%d]", n-7), fmt.Sprint(n-1))
	if got := strings.Count(jsonOf(t, p.Form), "\n"); got != n-6+5 {
		t.Errorf("%d lines", got)
	}
	if _, err := p.Add(p.row("lists.numbers").ID); err != nil {
		t.Error(err)
	}
}

func TestOfALargeMapTheFirstEntriesHaveRowsAndTheRestIsKept(t *testing.T) {
	const n = form.MaxElements + 1
	p := large(t, "maps.labels", n, labelled)
	text := jsonOf(t, p.Form)
	id := p.row("maps.labels").ID
	if _, err := p.AddKey(id, "new"); err == nil {
		t.Error("the new entry might not be seen")
	}
	if p.Rename(p.row(`maps.labels["label-0"]`).ID, "new") == nil {
		t.Error("the renamed entry might not be seen")
	}
	if strings.Count(text, "label-") != n {
		t.Error("not all entries are in the JSON")
	}
	p.ok(p.Remove(p.row(`maps.labels["label-0"]`).ID))
	if got := jsonOf(t, p.Form); strings.Count(got, "label-") != n-1 || p.row(`maps.labels["label-9999"]`).Value != "value" {
		t.Error("the last entry did not take the free place")
	}
}
