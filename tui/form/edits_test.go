package form_test

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gctl-dev/gctl/tui/form"
)

// typed are texts that somebody may type anywhere.
var typed = []string{
	"", "0", "1", "-1", "4294967296", "1.5", "NaN", "-Infinity", "1e400", "-0", "true", "FALSE", "ROLE_ADMIN", "role_reader", "77", "LOW",
	"null", "{}", "[]", `{"a":[1,null]}`, `"x"`, "now", "now-5m", "2024-01-02", "2024-01-02T03:04:05+02:00", "1.5s", "300ms", "-2h30m",
	"a.b_c,d", "aGk=", "hi!", "legacy.Old", "legacy.Strict", "google.protobuf.Any", "google.protobuf.StringValue", "not.Known",
	"google.protobuf.Empty", "email", "phoneNumber", "tree", "parent", "nothing", "anything", "scalars", "first", "yes", "\xff", "\x00", "ü",
}

// edit does one thing to some row.
func edit(t testing.TB, f *form.Form, r *rand.Rand) {
	rows := f.Rows()
	row := rows[r.IntN(len(rows))]
	if row.ID == 0 {
		return
	}
	text := typed[r.IntN(len(typed))]
	var err error
	switch r.IntN(14) {
	case 0:
		err = f.Clear(row.ID)
	case 1, 2:
		err = f.Expand(row.ID)
	case 3:
		err = f.Collapse(row.ID)
	case 4:
		_ = f.Cycle(row.ID, r.IntN(7)-3)
	case 5, 6:
		_, _ = f.Add(row.ID)
	case 7:
		_, _ = f.AddKey(row.ID, text)
	case 8:
		_ = f.Rename(row.ID, text)
	case 9:
		_ = f.Remove(row.ID)
	case 10:
		_ = f.Move(row.ID, r.IntN(5)-2)
	default:
		if choices := f.Choices(row.ID); len(choices) > 0 && r.IntN(2) == 0 {
			text = choices[r.IntN(len(choices))]
		}
		if f.Set(row.ID, text) != nil {
			err = f.Revert(row.ID)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

func checkEdits(t testing.TB, seed uint64, edits int) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 2))
	f := newPage(t, everything).Form
	f.Now = func() time.Time { return time.Date(2024, 2, 29, 1, 2, 3, 4, time.UTC) }
	for range edits {
		edit(t, f, r)
		if n := len(f.Rows()); n > 20_000 {
			t.Fatalf("%d rows", n)
		}
	}
	b := again(t, f, everything)
	sameRows(t, f, b)
	if jsonOf(t, f) != jsonOf(t, b) {
		t.Fatalf("the JSON is\n%s\nand then\n%s", jsonOf(t, f), jsonOf(t, b))
	}
	m, err := f.Message()
	m2, err2 := b.Message()
	if (err == nil) != (err2 == nil) || err == nil && !proto.Equal(m, m2) {
		t.Fatalf("the messages differ: %v, %v in\n%s", err, err2, jsonOf(t, f))
	}
	// The mirror of itself changes nothing, not even what is open.
	before := f.Rows()
	if err := f.SetJSON([]byte(jsonOf(t, f))); err != nil {
		t.Fatal(err)
	}
	after := f.Rows()
	for i := range before {
		if i >= len(after) || before[i] != after[i] {
			t.Fatalf("the row\n%+v\nchanged", before[i])
		}
	}
	if f.Redacted() == nil {
		t.Fatal("no redacted JSON")
	}
}

func TestWhateverIsEditedIsInTheJSON(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) { checkEdits(t, seed, 250) })
	}
}

func FuzzEdits(f *testing.F) {
	f.Add(uint64(1), uint16(50))
	f.Fuzz(func(t *testing.T, seed uint64, edits uint16) { checkEdits(t, seed, int(edits%500)) })
}
