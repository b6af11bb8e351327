package invoke_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/widget"
)

func TestTheFormShowsNamesValuesAndTypes(t *testing.T) {
	d := opened(t, "Get")
	d.sees("id ", "string", "tags", "(0)", "repeated string", "map<string, string>", "KIND_UNSPECIFIED", "oneof pay", "Number of the order.")
	d.lacks("shop.v1.Item") // types without their packages
}

func TestAValueIsTypedInItsRow(t *testing.T) {
	d := opened(t, "Get")
	d.on("id")
	d.act(key.Enter)
	if !d.s.Typing() {
		t.Fatal("keys are not taken as they are")
	}
	d.types("o-1", "enter")
	if d.s.Typing() {
		t.Error("enter does not end it")
	}
	d.sees(`"id": "o-1"`)
	d.act(key.Enter)
	d.types("xyz", "esc")
	d.sees(`"id": "o-1"`)
	d.lacks("xyz")
}

func TestTabTakesAValueAndGoesOn(t *testing.T) {
	d := opened(t, "Get")
	d.on("id")
	d.act(key.Enter)
	d.types("first", "tab")
	d.sees(`"id": "first"`, "▌ password")
}

func TestSendTakesWhatIsBeingTyped(t *testing.T) {
	d := opened(t, "Get")
	d.on("id")
	d.act(key.Enter)
	d.types("typed", "ctrl+s")
	d.sees("✓ OK", `"id": "typed"`)
}

func TestAWrongValueStaysMarkedAndCanBeMended(t *testing.T) {
	d := opened(t, "Get")
	d.fill("within", "soon")
	d.sees("✗ wrong", "✗ not to be sent: within")
	d.on("within")
	d.act(key.Remove)
	d.lacks("✗")
	d.fill("within", "3s")
	d.sees(`"within": "3s"`)
}

func TestChoicesAreGoneThrough(t *testing.T) {
	d := opened(t, "Get")
	d.on("kind")
	d.act(key.Mark)
	d.sees(`"kind": "KIND_FAST"`)
	d.act(key.Enter)
	d.sees("KIND_UNSPECIFIED | KIND_FAST | KIND_SLOW")
	d.types("down", "enter")
	d.sees(`"kind": "KIND_SLOW"`)
	d.act(key.Remove, key.Enter) // what is not set counts as the first
	d.types("down", "enter")
	d.sees(`"kind": "KIND_FAST"`)
	d.on("gift")
	d.act(key.Mark)
	d.sees(`"gift": true`)
	d.act(key.Mark)
	d.lacks(`"gift"`)
}

func TestAOneofHasTheChosenCaseOnly(t *testing.T) {
	d := opened(t, "Get")
	d.on("pay")
	d.act(key.Mark)
	d.sees(`"card": ""`)
	d.fill("card", "4711")
	d.sees(`"card": "4711"`)
	d.on("pay")
	d.act(key.Enter)
	d.types("backspace", "backspace", "backspace", "backspace", "cash", "enter")
	d.sees("✗ wrong: oneof pay wants one of card, iban")
	d.types("backspace", "backspace", "backspace", "backspace", "iban", "enter")
	d.sees(`"iban": ""`)
	d.lacks("4711")
}

func TestElementsAndEntriesComeAndGo(t *testing.T) {
	d := opened(t, "Get")
	d.on("tags")
	d.act(key.Add)
	d.types("one", "enter")
	d.act(key.Add)
	d.types("two", "enter")
	d.sees(`"one",`, `"two"`)
	d.on("[0]")
	d.act(key.Remove)
	d.lacks(`"one"`)
	d.on("labels")
	d.act(key.Add)
	d.sees("key of the new entry of labels")
	d.types("team", "enter", "core", "enter")
	d.sees(`"team": "core"`)
	d.act(key.Add)
	d.types("team", "enter")
	d.sees(`labels has the key "team" already`)
	d.types("esc")
	d.on("team")
	d.act(key.Remove)
	d.lacks("team")
	d.on("id")
	d.act(key.Add)
	d.says("there is no list and no map here")
}

func TestElementsAreMovedAndEntriesRenamed(t *testing.T) {
	d := opened(t, "Get")
	d.on("tags")
	for _, tag := range []string{"one", "two", "three"} {
		d.act(key.Add)
		d.types(tag, "enter")
	}
	order := func(first, second, third string) {
		t.Helper()
		if !regexp.MustCompile(`(?s)"` + first + `".*"` + second + `".*"` + third + `"`).MatchString(d.shown()) {
			t.Errorf("the order is not %s, %s, %s:\n%s", first, second, third, d.shown())
		}
	}
	d.on("[2]")
	hints := func(action key.Action) bool {
		return slices.ContainsFunc(d.s.Hints(), func(h screen.Hint) bool { return h.Action == action })
	}
	if !hints(key.MoveUp) || !hints(key.MoveDown) || hints(key.Rename) {
		t.Errorf("the hints at an element are %v", d.s.Hints())
	}
	d.act(key.MoveUp) // the cursor goes with it
	order("one", "three", "two")
	d.act(key.MoveUp, key.MoveUp)
	order("three", "one", "two")
	d.act(key.MoveDown)
	order("one", "three", "two")
	d.on("labels")
	d.act(key.MoveDown)
	d.says("only elements of lists can be moved")
	d.act(key.Rename)
	d.says("only entries of maps")
	for _, label := range []string{"team", "zone"} {
		d.on("labels")
		d.act(key.Add)
		d.types(label, "enter", "of "+label, "enter")
	}
	d.on("team")
	if hints(key.MoveUp) || !hints(key.Rename) {
		t.Errorf("the hints at an entry are %v", d.s.Hints())
	}
	d.act(key.Rename)
	d.sees("new key of team: team")
	d.types("backspace", "backspace", "backspace", "backspace", "zone", "enter")
	d.sees(`labels has the key "zone" already`)
	d.types("s", "enter")
	d.sees(`"zones": "of team"`, `"zone": "of zone"`)
	d.lacks(`"team"`)
}

func TestMessagesUnfold(t *testing.T) {
	d := opened(t, "Get")
	d.on("item")
	d.lacks("apiKey")
	d.act(key.Right)
	d.sees("apiKey")
	d.fill("name", "book")
	d.on("name")
	d.act(key.Left, key.Left) // to the message, and closed
	d.lacks("apiKey")
	d.sees("{name: book}")
}

func TestSecretsAreMasked(t *testing.T) {
	d := opened(t, "Get")
	d.on("password")
	d.act(key.Enter)
	d.types("tiger")
	d.lacks("tiger")
	d.types("enter")
	d.lacks("tiger")
	d.sees("●●●●●●●●", `"password": "(hidden)"`)
	d.act(key.NextPane, key.Enter) // who edits the JSON sees what is in it
	d.sees("tiger")
	d.types("esc")
	d.lacks("tiger")
}

func TestAWrongSecretIsMaskedToo(t *testing.T) {
	d := opened(t, "Get")
	d.fill("token", "tiger!")
	d.sees("✗ wrong", "bytes wants base64")
	d.lacks("tiger")
}

func TestTheFormIsFiltered(t *testing.T) {
	d := opened(t, "Get")
	d.on("item")
	d.act(key.Right)
	d.run(d.s.SetFilter("api", d.look))
	d.sees("item", "apiKey")
	d.lacks("oneof pay", "gift")
	d.run(d.s.SetFilter("nosuch", d.look))
	d.sees("fields match. esc clears the filter")
	d.run(d.s.SetFilter("", d.look))
	d.sees("gift")
}

func TestTheJSONIsTakenIntoTheFormAsItIsTyped(t *testing.T) {
	d := opened(t, "Get")
	d.act(key.NextPane, key.Enter)
	if !d.s.Typing() {
		t.Fatal("keys are not taken as they are")
	}
	d.types(`"id": "fro`)
	d.sees("✗ request, line 2, column 13")
	d.types(`m-json", "count": 3`)
	d.sees("✓ taken into the form", "from-json")
	d.types("esc")
	d.act(key.PrevPane)
	d.on("count") // the form has it
	d.sees("count", "3", `"count": 3`)
}

func TestAWrongJSONIsNotDroppedUnsaid(t *testing.T) {
	d := opened(t, "Get")
	d.fill("id", "before")
	d.act(key.NextPane, key.Enter)
	d.types(`, "nosuch": 1`)
	d.sees(`unknown field "nosuch"`, "line 2")
	d.types("ctrl+s")
	d.says("the JSON is not right yet")
	d.types("tab")
	d.says("again drops what you typed")
	if !d.s.Typing() {
		t.Fatal("it was dropped at once")
	}
	d.types("esc")
	d.sees(`"id": "before"`)
	d.lacks("nosuch")
}

func TestPastedJSONIsTaken(t *testing.T) {
	d := opened(t, "Get")
	d.act(key.NextPane, key.Enter)
	d.hear(tea.PasteMsg{Content: "\"id\": \"pasted\",\n\"tags\": [\"a\", \"b\"]"})
	d.sees("✓ taken into the form")
	d.types("ctrl+s")
	d.sees("✓ OK", "pasted")
}

func TestLineBreaksAreKeptOutOfRows(t *testing.T) {
	d := opened(t, "Get")
	d.act(key.NextPane, key.Enter)
	d.types(`"id": "a\nb"`, "esc")
	d.act(key.PrevPane)
	d.on("id")
	d.act(key.Enter)
	d.says("edit it in the JSON")
	d.sees(`"id": "a\nb"`)
}

func TestTooMuchJSONIsNotEdited(t *testing.T) {
	d := opened(t, "Get")
	d.act(key.NextPane, key.Enter)
	d.hear(tea.PasteMsg{Content: `{"tags": [` + strings.Repeat(`"x",`, 1200) + `"x"]}`})
	d.says("taken as the request: 4.8 kB")
	d.act(key.Enter)
	d.says("1205 lines are too many to be edited here")
	d.act(key.PrevPane)
	d.on("tags")
	d.act(key.Remove, key.NextPane, key.Enter)
	d.hear(tea.PasteMsg{Content: strings.Repeat("x", 20_000)})
	d.says("a line of 20.0 kB is too long to be edited here, and it is no request by itself: request, line 1, column 1")
}

func TestNoSizeIsTooSmall(t *testing.T) {
	d := opened(t, "Watch")
	d.fill("count", "3")
	d.act(key.Send)
	d.sees("3 messages")
	d.act(key.NextPane, key.Enter)
	sizes := func(what string) {
		for _, w := range []int{1, 2, 7, 20, 40, 59, 60, 80, 99, 100, 101, 120, 200} {
			for _, h := range []int{0, 1, 2, 3, 4, 5, 6, 11, 12, 13, 21, 47} {
				d.look.Width, d.look.Height = w, h
				d.shown()
				d.s.Status(d.look, &widget.Line{})
				if t.Failed() {
					t.Fatalf("%s at %dx%d", what, w, h)
				}
			}
		}
	}
	sizes("editing the JSON")
	d.types("esc")
	sizes("JSON")
	d.act(key.NextPane)
	sizes("answer")
	d.act(key.NextPane)
	sizes("form")
	d.on("id")
	d.act(key.Enter)
	sizes("typing")
	d.types("esc")
	d.act(key.Save)
	sizes("asking")
	d.types("esc")
	d.run(d.s.Copy(d.look))
	sizes("choosing")
}

func TestOneStandsAloneWhereItIsNarrow(t *testing.T) {
	d := opened(t, "Get", func(d *desk) { d.look.Width, d.look.Height = 120, 30 })
	d.look.Width, d.look.Height = 60, 13
	d.sees("▌FORM", "JSON", "ANSWER", "tags")
	d.lacks("nothing was sent")
	d.fill("id", "o-1")
	d.act(key.Send) // leads to the answer
	d.sees("▌ANSWER 1", "✓ OK")
	d.act(key.NextPane)
	d.sees("▌FORM")
	d.hear(screen.Click{X: 3, Y: 2})
}
