package form_test

import (
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gctl-dev/gctl/rpc/message"
	"github.com/gctl-dev/gctl/tui/form"
)

const everything = "everything.v1.Everything"

// unfold opens everything that is set, and nothing else.
func unfold(t testing.TB, f *form.Form) {
	t.Helper()
	for changed := true; changed; {
		changed = false
		for _, r := range f.Rows() {
			var err error
			switch {
			case !r.Expandable || r.Set == r.Expanded || r.Kind == form.Oneof:
				continue
			case r.Set:
				err = f.Expand(r.ID)
			default:
				err = f.Collapse(r.ID)
			}
			changed = true
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// sameRows fails unless two forms show the same once all is open.
func sameRows(t testing.TB, a, b *form.Form) {
	t.Helper()
	unfold(t, a)
	unfold(t, b)
	left, right := a.Rows(), b.Rows()
	for i := range min(len(left), len(right)) {
		l, r := left[i], right[i]
		l.ID, r.ID, l.Expanded, r.Expanded = 0, 0, false, false
		if l != r {
			t.Fatalf("row %d is\n%+v\nand\n%+v", i, l, r)
		}
	}
	if len(left) != len(right) {
		t.Fatalf("%d rows and %d rows", len(left), len(right))
	}
}

// jsonOf returns the JSON of a form that has no wrong texts.
func jsonOf(t testing.TB, f *form.Form) string {
	t.Helper()
	text, err := f.JSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// again returns a new form of the JSON of another.
func again(t testing.TB, f *form.Form, name protoreflect.FullName) *form.Form {
	t.Helper()
	next := newPage(t, name).Form
	if err := next.SetJSON([]byte(jsonOf(t, f))); err != nil {
		t.Fatalf("%v in\n%s", err, jsonOf(t, f))
	}
	return next
}

func checkMessage(t testing.TB, name protoreflect.FullName, seed uint64) {
	t.Helper()
	md, types := messageOf(t, name)
	r := maker{rand.New(rand.NewPCG(seed, 1)), types}
	want := r.message(md, 4)
	f := form.New(md, types)
	e := message.Encoder{Types: types}
	text, err := e.Encode(want.Interface())
	if err != nil {
		t.Fatal(err)
	}
	if err := f.SetJSON(text); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	for range 2 { // folded and unfolded
		got, err := f.Message()
		if err != nil {
			t.Fatal(err)
		}
		if !proto.Equal(got, want.Interface()) {
			t.Fatalf("another message came back:\n%s\nof\n%s", jsonOf(t, f), text)
		}
		if jsonOf(t, f) != string(text) {
			t.Fatalf("another JSON came back:\n%s\nof\n%s", jsonOf(t, f), text)
		}
		unfold(t, f)
	}
	sameRows(t, f, again(t, f, name))
}

func TestAMessageComesBackAsItWas(t *testing.T) {
	for seed := range uint64(60) {
		checkMessage(t, everything, seed)
	}
	for _, name := range anyTypes {
		for seed := range uint64(12) {
			checkMessage(t, name, seed)
		}
	}
}

func FuzzMessage(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { checkMessage(t, everything, seed) })
}
