package events

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"go.uber.org/goleak"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/notes"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/screen/screentest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ago(d time.Duration) time.Time { return screentest.Now().Add(-d) }

// story is what gctl has seen: oldest first.
func story() []fleet.Event {
	return []fleet.Event{
		{At: ago(5 * time.Minute), Kind: fleet.InstanceCame, Service: "cart", Instance: "cart-9", Subject: "10.0.0.9:1", To: "v2.4", Provenance: fleet.Provenance{Source: "consul"}},
		{At: ago(3 * time.Minute), Kind: fleet.HealthChanged, Service: "user", Instance: "user-3", From: "serving", To: "not_serving", Provenance: fleet.Provenance{Source: "health 10.0.0.3:1", Query: "Check"}},
		{At: ago(169 * time.Second), Kind: fleet.BreakerChanged, Service: "edge", Instance: "edge-1", Subject: "user/read", From: "closed", To: "open", Exact: true, Provenance: fleet.Provenance{Source: "control"}},
		{At: ago(time.Minute), Kind: fleet.SourceChanged, Subject: "jaeger", From: "fresh", To: "failing: refused", Exact: true, Provenance: fleet.Provenance{Source: "gctl"}},
	}
}

func shown(tb testing.TB, subject string, list []fleet.Event, ask func(context.Context, string, time.Time, time.Time) (fleet.EventList, error)) (*Screen, *screen.Look) {
	tb.Helper()
	look := screentest.Look(tb, screentest.Snapshot(tb, fleet.Delta{Events: list}))
	look.History.Add(look.Snap)
	look.Env.Events = ask
	s := New(&screen.Jobs{Parent: tb.Context()}, subject)
	screentest.Send(s, look, screen.Shown{})
	tb.Cleanup(s.jobs.Close)
	return s, look
}

// answering answers each question with a list.
func answering(list fleet.EventList) func(context.Context, string, time.Time, time.Time) (fleet.EventList, error) {
	return func(context.Context, string, time.Time, time.Time) (fleet.EventList, error) { return list, nil }
}

// want fails the test for each text that the screen does not show, however many
// blanks are between its words.
func want(t *testing.T, s *Screen, look *screen.Look, texts ...string) {
	t.Helper()
	shown := screentest.Plain(t, s, look)
	for _, text := range texts {
		if !strings.Contains(strings.Join(strings.Fields(shown), " "), strings.Join(strings.Fields(text), " ")) {
			t.Errorf("the screen lacks %q:\n%s", text, shown)
		}
	}
}

// times are the times of the events that are shown, from above.
func times(s *Screen) []string {
	var list []string
	for i := range s.table.Len() {
		list = append(list, s.table.Arranged().At(i).time+" "+s.table.Arranged().At(i).word)
	}
	return list
}

func TestEventsAreShownNewestFirst(t *testing.T) {
	s, look := shown(t, "", story(), nil)
	order := "14:04:00 source, 14:02:11 breaker, ~14:02:00 health, ~14:00:00 came, 13:55:00 gap"
	if got := strings.Join(times(s), ", "); got != order {
		t.Errorf("shown are %s, want %s", got, order)
	}
	want(t, s, look,
		" 14:02:11       ✗ breaker edge ", " edge-1 ", "user/read  closed → open", "~14:02:00      ✗ health  user ", "serving → not_serving",
		"✓ came", "✗ source", "jaeger  fresh → failing: refused",
		"? gap", "not known before; gctl record keeps it")
}

func TestASubjectLeavesItsEvents(t *testing.T) {
	var asked string
	s, look := shown(t, "user", story(), func(_ context.Context, service string, _, _ time.Time) (fleet.EventList, error) {
		asked = service
		return fleet.EventList{}, fleet.ErrNoHistory
	})
	narrow := *look
	narrow.Width, narrow.Height = 60, 13
	want(t, s, &narrow, "✗ health user-3 serving → not_serving") // no room is lost to what all are about
	if got := strings.Join(times(s), ", "); got != "~14:02:00 health, 13:55:00 gap" || asked != "user" {
		t.Errorf("shown are %s; asked about %q", got, asked)
	}
}

func TestTheRecordingIsMergedWithoutDoubles(t *testing.T) {
	seen := story()
	before := fleet.Event{At: ago(30 * time.Minute), Kind: fleet.VersionChanged, Service: "user", Instance: "user-1", From: "v1", To: "v2"}
	noticed := seen[1] // by the recorder, some seconds before
	noticed.At = noticed.At.Add(-6 * time.Second)
	s, look := shown(t, "", seen, answering(fleet.EventList{
		From:   ago(3 * time.Hour),
		Events: []fleet.Event{before, seen[0], noticed, seen[2]},
	}))
	order := "14:04:00 source, 14:02:11 breaker, ~14:01:54 health, ~14:00:00 came, ~13:35:00 version"
	if got := strings.Join(times(s), ", "); got != order {
		t.Errorf("shown are %s, want %s", got, order)
	}
	want(t, s, look, "· version", "v1 → v2")
}

func TestMergeKeepsWhatHappenedTwice(t *testing.T) {
	at := screentest.Now()
	event := func(second int, exact bool) fleet.Event {
		return fleet.Event{At: at.Add(time.Duration(second) * time.Second), Kind: fleet.HealthChanged, Service: "a", To: "serving", Exact: exact}
	}
	for name, c := range map[string]struct {
		told, seen []fleet.Event
		want       []int
	}{
		"twice with both":         {[]fleet.Event{event(0, false), event(8, false)}, []fleet.Event{event(1, false), event(9, false)}, []int{0, 8}},
		"far apart":               {[]fleet.Event{event(0, false)}, []fleet.Event{event(16, false)}, []int{0, 16}},
		"the exact time wins":     {[]fleet.Event{event(0, false)}, []fleet.Event{event(3, true)}, []int{3}},
		"and is kept":             {[]fleet.Event{event(3, true)}, []fleet.Event{event(0, false)}, []int{3}},
		"two exact times are two": {[]fleet.Event{event(0, true)}, []fleet.Event{event(1, true)}, []int{0, 1}},
		"equal ones are one":      {[]fleet.Event{event(0, true), event(0, true)}, []fleet.Event{event(0, true)}, []int{0}},
	} {
		var got []int
		for _, e := range merge(c.told, c.seen) {
			got = append(got, int(e.At.Sub(at)/time.Second))
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestGapsOfTheRecordingAreRows(t *testing.T) {
	s, look := shown(t, "", story(), answering(fleet.EventList{
		From: ago(50 * time.Minute),
		// The last one ends while gctl looks: from then on it is known.
		Gaps: []fleet.Gap{{From: ago(40 * time.Minute), To: ago(30 * time.Minute)}, {From: ago(12 * time.Minute), To: ago(0)}, {From: ago(5 * time.Minute), To: ago(0)}},
	}))
	order := "14:04:00 source, 14:02:11 breaker, ~14:02:00 health, ~14:00:00 came, 13:55:00 gap, 13:35:00 gap, 13:15:00 gap"
	if got := strings.Join(times(s), ", "); got != order {
		t.Errorf("shown are %s, want %s", got, order)
	}
	want(t, s, look, "not recorded from 13:25:00 on, for 10m", "not recorded from 13:53:00 on, for 2m", "not known before; gctl record keeps it")
}

func TestNothingHasChanged(t *testing.T) {
	s, look := shown(t, "", nil, nil)
	want(t, s, look, "Nothing has changed since 13:55:00, when gctl began to look.", "gctl record keeps what changes")
	s, look = shown(t, "cart", story()[1:], nil)
	want(t, s, look, "Nothing has changed in cart since 13:55:00")
	s, look = shown(t, "", nil, answering(fleet.EventList{From: ago(3 * time.Hour)}))
	want(t, s, look, "Nothing has changed in the last 60m.", "Further back")
	s, look = shown(t, "", nil, answering(fleet.EventList{From: ago(3 * time.Hour), Gaps: []fleet.Gap{{From: ago(time.Hour), To: ago(20 * time.Minute)}}}))
	want(t, s, look, "Nothing has changed since 13:45:00; nothing was recorded just before.")
}

func TestWhileAskedItIsSaid(t *testing.T) {
	look := screentest.Look(t, screentest.Snapshot(t, fleet.Delta{}))
	look.Env.Events = answering(fleet.EventList{})
	s := New(&screen.Jobs{Parent: t.Context()}, "")
	t.Cleanup(s.jobs.Close)
	want(t, s, look, "Looking through what changed …")
	s.ask(look, false) // which does not end
	screentest.Run(s, look, s.arrange(look))
	want(t, s, look, "Reading the recording …")
}

func TestAPastThatFailsIsSaid(t *testing.T) {
	s, look := shown(t, "", story(), func(context.Context, string, time.Time, time.Time) (fleet.EventList, error) {
		return fleet.EventList{}, &fleet.Error{What: "the recording cannot be read", Hint: "see gctl record"}
	})
	want(t, s, look, "! not all of the past is known: the recording cannot be read", "user/read")
	if _, lines := s.Describe(look); !strings.Contains(strings.Join(lines, "\n"), "see gctl record") {
		t.Errorf("described as %q", lines)
	}
	screentest.Send(s, look, screen.Click{Y: 3}) // the notice and the header are above
	if r := s.table.Selected(); r.word != "breaker" {
		t.Errorf("a click selects %s", r.word)
	}
	s, look = shown(t, "", story(), answering(fleet.EventList{Missing: []fleet.Missing{{What: "recording", Err: errors.New("cut off")}, {What: "starts", Err: errors.New("down")}}}))
	want(t, s, look, "! not all of the past is known (2 times): cut off")
}

func TestFilterAndSort(t *testing.T) {
	s, look := shown(t, "", story(), nil)
	for filter, want := range map[string]string{
		"kind=health": "~14:02:00 health", "kind=breaker_changed": "14:02:11 breaker", "user/read": "14:02:11 breaker",
		"service=cart": "~14:00:00 came", "kind=gap": "13:55:00 gap",
	} {
		screentest.Run(s, look, s.SetFilter(filter, look))
		if got := strings.Join(times(s), ", "); got != want {
			t.Errorf("%s shows %s, want %s", filter, got, want)
		}
	}
	screentest.Run(s, look, s.SetFilter("xyzzy", look))
	want(t, s, look, `0 of 5 match "xyzzy".`, "esc clears the filter")
	screentest.Run(s, look, s.SetFilter("", look))
	cmd, ok := s.SortBy("n", look)
	if !ok {
		t.Fatal("services cannot be sorted by")
	}
	screentest.Run(s, look, cmd)
	if got := strings.Join(times(s), ", "); got != "~14:00:00 came, 14:02:11 breaker, ~14:02:00 health, 14:04:00 source, 13:55:00 gap" {
		t.Errorf("by service: %s", got)
	}
	cmd, _ = s.SortBy("t", look)
	screentest.Run(s, look, cmd)
	cmd, _ = s.SortBy("t", look)
	screentest.Run(s, look, cmd)
	if got := times(s); got[0] != "13:55:00 gap" {
		t.Errorf("oldest first: %v", got)
	}
}

func TestEnterOpensTheService(t *testing.T) {
	s, look := shown(t, "", story(), nil)
	said := screentest.Act(s, look, key.Enter)
	if len(said) != 1 || said[0] != tea.Msg(screen.Say{Text: "this is about no service", Bad: true}) {
		t.Errorf("enter on a source says %v", said)
	}
	said = screentest.Act(s, look, key.Down, key.Enter)
	if len(said) != 1 || said[0] != tea.Msg(screen.Go{Place: screen.Place{Screen: "service", Subject: "edge"}}) {
		t.Errorf("enter says %v", said)
	}
	if f := s.Focus(look); f.Service != "edge" || f.Instance != "edge-1" {
		t.Errorf("focus = %+v", f)
	}
}

func TestRightMovesTheTimeCursorWhoseRowIsMarked(t *testing.T) {
	list := story()
	list[1].At = list[1].At.Add(300 * time.Millisecond)
	s, look := shown(t, "", list, nil)
	said := screentest.Act(s, look, key.Down, key.Down, key.Right)
	if len(said) != 1 || !said[0].(screen.At).Time.Equal(ago(179*time.Second)) { // the second after
		t.Fatalf("right says %v", said)
	}
	if strings.Contains(screentest.Plain(t, s, look), "┃") {
		t.Error("a row is marked while it is now")
	}
	// The root shows the past; what came later stays on the screen.
	look.Now, look.Live, look.Snap = said[0].(screen.At).Time, false, &fleet.Snapshot{}
	screentest.Send(s, look, screen.Changed{Facts: true, Window: true})
	want(t, s, look, "┃~14:02:00      ✗ health", "14:04:00")
	if got := strings.Count(screentest.Plain(t, s, look), "┃"); got != 1 {
		t.Errorf("%d rows are marked", got)
	}
	look.Now, look.Live = screentest.Now(), true
	look.Snap = look.History.Walk(look.Now, 0)
	screentest.Send(s, look, screen.Changed{Facts: true, Window: true})
	if strings.Contains(screentest.Plain(t, s, look), "┃") {
		t.Error("a row is marked after the way back to now")
	}
}

func TestANoteIsTypedAndShownAmongTheEvents(t *testing.T) {
	s, look := shown(t, "user", story(), nil)
	if s.Typing() {
		t.Fatal("keys are taken before a note was begun")
	}
	screentest.Act(s, look, key.Note)
	typeIn := func(text string) {
		for _, r := range text {
			screentest.Send(s, look, tea.KeyPressMsg{Code: r, Text: string(r)})
		}
	}
	typeIn("rolled back q")
	if !s.Typing() {
		t.Fatal("a note is not typed")
	}
	want(t, s, look, " note at 14:05:00: rolled back q")
	look.Now = look.Now.Add(20 * time.Second) // while it is typed
	screentest.Send(s, look, tea.PasteMsg{Content: "!"})
	said := screentest.Send(s, look, tea.KeyPressMsg{Code: tea.KeyEnter})
	if len(said) != 1 || said[0] != tea.Msg(screen.Say{Text: "noted at 14:05:00"}) || s.Typing() {
		t.Errorf("enter says %v", said)
	}
	want(t, s, look, "14:05:00       ● note    – ", "rolled back q!")
	if list := look.Notes.List(); len(list) != 1 || list[0] != (notes.Note{At: screentest.Now(), Service: "user", Text: "rolled back q!"}) {
		t.Errorf("notes = %+v", list)
	}
	screentest.Act(s, look, key.Note)
	typeIn("no")
	screentest.Send(s, look, tea.KeyPressMsg{Code: tea.KeyEscape})
	screentest.Act(s, look, key.Note)
	screentest.Send(s, look, tea.KeyPressMsg{Code: tea.KeyEnter})
	if s.Typing() || len(look.Notes.List()) != 1 {
		t.Errorf("notes that were given up are kept: %+v", look.Notes.List())
	}
}

func TestThePastIsAskedAgainOnlyForMore(t *testing.T) {
	var asked []time.Duration
	s, look := shown(t, "", story(), func(_ context.Context, _ string, since, until time.Time) (fleet.EventList, error) {
		asked = append(asked, until.Sub(since))
		return fleet.EventList{From: since}, nil
	})
	screentest.Send(s, look, screen.Shown{})
	screentest.Send(s, look, screen.Changed{Facts: true})
	look.Now, look.Live = ago(10*time.Minute), false
	screentest.Send(s, look, screen.Changed{Facts: true, Window: true})
	if len(asked) != 1 || asked[0] != 90*time.Minute {
		t.Errorf("asked for %v", asked)
	}
	look.Window = 6 * time.Hour
	screentest.Send(s, look, screen.Changed{Window: true})
	screentest.Act(s, look, key.Refresh)
	if len(asked) != 3 {
		t.Errorf("asked for %v", asked)
	}
}

// What those remember who are asked goes on: they are asked again when the screen is
// come back to, and about once a minute while it is looked at; at once after a failure.
func TestThePastOfALivingFleetIsAskedAgain(t *testing.T) {
	var asked []string
	var fails error
	s, look := shown(t, "", story(), func(_ context.Context, _ string, _, until time.Time) (fleet.EventList, error) {
		asked = append(asked, until.Format(time.TimeOnly))
		return fleet.EventList{From: until.Add(-time.Hour)}, fails
	})
	want := func(times ...string) {
		t.Helper()
		if fmt.Sprint(asked) != fmt.Sprint(times) {
			t.Errorf("asked until %v, want %v", asked, times)
		}
		asked = nil
	}
	want("14:05:00")
	for range 60 {
		look.Now = look.Now.Add(time.Second)
		screentest.Send(s, look, screen.Changed{})
	}
	want()
	for range 120 {
		look.Now = look.Now.Add(time.Second)
		screentest.Send(s, look, screen.Changed{})
	}
	want("14:06:01", "14:07:02")
	look.Now = look.Now.Add(5 * time.Second)
	screentest.Send(s, look, screen.Shown{})
	want("14:08:05")
	// It was refused: the next that wants it asks again.
	fails = errors.New("refused")
	screentest.Act(s, look, key.Refresh)
	want("14:08:05")
	look.Live = false
	screentest.Send(s, look, screen.Changed{Window: true})
	want("14:08:05")
	// The past does not go on.
	fails = nil
	screentest.Act(s, look, key.Refresh)
	want("14:08:05")
	look.Now = look.Now.Add(-time.Hour / 4)
	screentest.Send(s, look, screen.Shown{}, screen.Changed{})
	want()
}

func TestNewEventsAppearAndOtherFactsCostNothing(t *testing.T) {
	store := fleet.NewStore(t.Context(), fleet.StoreOptions{})
	t.Cleanup(store.Close)
	list := story()
	store.Apply(&fleet.Delta{At: screentest.Now(), Events: list[:3]})
	look := screentest.Look(t, store.Flush())
	s := New(&screen.Jobs{Parent: t.Context()}, "")
	screentest.Send(s, look, screen.Shown{})
	store.Apply(&fleet.Delta{At: screentest.Now(), Services: []fleet.Service{{Name: "x"}}})
	look.Snap = store.Flush()
	if s.Update(screen.Changed{Facts: true}, look) != nil {
		t.Error("events are put in order though there are no new ones")
	}
	store.Apply(&fleet.Delta{At: screentest.Now(), Events: list[3:]})
	look.Snap = store.Flush()
	screentest.Send(s, look, screen.Changed{Facts: true})
	want(t, s, look, "✗ source")
}

func TestWhatIsUnderTheCursorIsDescribed(t *testing.T) {
	s, look := shown(t, "", story(), nil)
	screentest.Act(s, look, key.Down, key.Down)
	title, lines := s.Describe(look)
	text := strings.Join(lines, "\n")
	if title != "health" || !strings.Contains(text, "noticed    2026-03-01 14:02:00.000 UTC: when it happened nobody has told") || !strings.Contains(text, "instance   user-3") {
		t.Errorf("%s:\n%s", title, text)
	}
	if d, ok := s.Data(look).(data); !ok || d.Event != "health_changed" || d.From != "serving" || d.To != "not_serving" || d.Exact {
		t.Errorf("data = %+v", s.Data(look))
	}
	e := s.Evidence(look)
	if len(e) != 1 || e[0].What != "health of user-3" || e[0].Provenance.Query != "Check" || e[0].Commands[0] != "gctl events user --since 4m0s" {
		t.Errorf("evidence = %+v", e)
	}
	if _, text := s.Copied(look); text != "2026-03-01T14:02:00Z health_changed user user-3 serving → not_serving" {
		t.Errorf("copied %q", text)
	}
	screentest.Act(s, look, key.Bottom)
	if d, ok := s.Data(look).(data); !ok || d.Event != "gap" || d.To != "2026-03-01T13:55:00Z" || s.Evidence(look) != nil {
		t.Errorf("a gap is %+v", s.Data(look))
	}
}

func TestAnotherDayIsSaid(t *testing.T) {
	in := &inputs{until: screentest.Now(), zone: time.UTC}
	if got := stamp(ago(24*time.Hour), in); got != "28 Feb 14:05" {
		t.Errorf("yesterday is %q", got)
	}
	if got := stamp(ago(time.Hour), in); got != "13:05:00" {
		t.Errorf("today is %q", got)
	}
}

func TestAnySizeAndAnyText(t *testing.T) {
	list := append(story(), fleet.Event{At: ago(time.Second), Kind: "odd\x1b[31m", Service: "\u202eevil\n", Instance: strings.Repeat("界", 90), Subject: "a\tb\x9b2J", From: "\r\x00", To: strings.Repeat("é", 300)})
	for _, ask := range []func(context.Context, string, time.Time, time.Time) (fleet.EventList, error){
		nil, func(context.Context, string, time.Time, time.Time) (fleet.EventList, error) {
			return fleet.EventList{}, errors.New("a\n\x1bb")
		},
	} {
		for _, n := range []int{0, len(list)} {
			s, look := shown(t, "", list[:n], ask)
			look.Notes.Add(notes.Note{At: look.Now, Text: "x\x1b[2J\ny"})
			screentest.Send(s, look, screen.Shown{})
			for _, w := range []int{1, 2, 3, 5, 8, 20, 40, 59, 60, 80, 133, 200} {
				for _, h := range []int{1, 2, 3, 4, 5, 13, 40} {
					look.Width, look.Height = w, h
					screentest.Plain(t, s, look)
					screentest.Act(s, look, key.Down, key.PageDown, key.Note)
					screentest.Send(s, look, tea.PasteMsg{Content: "a 界\n\x1b[31m long note that is wider than the screen"})
					screentest.Plain(t, s, look)
					screentest.Send(s, look, tea.KeyPressMsg{Code: tea.KeyEscape})
					screentest.Act(s, look, key.Top)
				}
			}
		}
	}
}

// A key must cost little, however many events there are.
func TestAKeyAmongManyEventsAllocatesLittle(t *testing.T) {
	s, look := manyEvents(t)
	s.View(look)
	if n := testing.AllocsPerRun(50, func() {
		s.Update(screen.Act{Action: key.Down}, look)
		s.View(look)
	}); n > 200 {
		t.Errorf("a key allocates %.0f times", n)
	}
}

func manyEvents(tb testing.TB) (*Screen, *screen.Look) {
	tb.Helper()
	var list []fleet.Event
	for i := range 10_000 {
		list = append(list, fleet.Event{At: ago(time.Duration(i) * 100 * time.Millisecond), Kind: fleet.HealthChanged, Service: fmt.Sprint("s", i%50), Instance: fmt.Sprint("i", i), From: "serving", To: "not_serving"})
	}
	s, look := shown(tb, "", nil, answering(fleet.EventList{Events: list, From: ago(time.Hour)}))
	look.Width, look.Height = 200, 47
	return s, look
}

func BenchmarkKey(b *testing.B) {
	s, look := manyEvents(b)
	b.ReportAllocs()
	for b.Loop() {
		s.Update(screen.Act{Action: key.Down}, look)
		s.View(look)
	}
}
