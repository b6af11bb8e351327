package tui

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/state/recording"
	"github.com/gctl-dev/gctl/tui/history"
)

// recorded is a recording as the dashboard reads it.
type recorded struct{ *recording.Recording }

func (r recorded) At(ctx context.Context, at time.Time) (*fleet.Snapshot, error) {
	snap, _, err := r.Recording.At(ctx, at)
	return snap, err
}

// tenMinutes records ten minutes in which checkout-1 ends to serve after five.
func tenMinutes(t *testing.T) func(context.Context) (Past, error) {
	t.Helper()
	dir := t.TempDir()
	now := clock
	recorder, err := recording.NewRecorder(recording.Options{Dir: dir, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	store := fleet.NewStore(t.Context(), fleet.StoreOptions{})
	defer store.Close()
	for minute := range 11 {
		now = clock.Add(time.Duration(minute) * time.Minute)
		d := trouble()
		d.At = now
		d.Events = nil
		if minute < 5 {
			d.Health[0].State = fleet.Serving
		}
		for i := range d.REDs {
			d.REDs[i].Rate += float64(minute)
		}
		store.Apply(d)
		if err := recorder.Record(store.Flush()); err != nil {
			t.Fatal(err)
		}
	}
	if err := recorder.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := recording.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return func(context.Context) (Past, error) { return recorded{r}, nil }
}

// A recorded incident is looked at again: it begins at its end, and its states can
// be stepped through and jumped to.
func TestReplay(t *testing.T) {
	run := open(t, nil, Options{Replay: true, Past: tenMinutes(t), Place: "service/checkout"}, 140, 40)
	shows := func(texts ...string) {
		t.Helper()
		settle(t, run)
		got := ansi.Strip(run.m.View().Content)
		for _, text := range texts {
			if !strings.Contains(got, text) {
				t.Errorf("it lacks %q:\n%s", text, got)
			}
		}
	}
	shows("REPLAY", "2026-03-01 14:15:00", "not serving")
	for range 5 {
		run.send(press('<'))
	}
	shows("2026-03-01 14:10:00", "not serving")
	run.send(press('<'))
	shows("2026-03-01 14:09:00", "✓ checkout-1")
	run.send(press('>'))
	shows("2026-03-01 14:10:00", "✗ checkout-1")
	if err := run.until(func() bool { return strings.Contains(ansi.Strip(run.m.View().Content), "┃") }); err != nil {
		t.Errorf("no cursor in the charts: %v", err)
	}
	run.send(press('0'))
	shows("2026-03-01 14:15:00")
	for range 20 {
		run.send(press('<'))
	}
	shows("2026-03-01 14:05:00", "✓ checkout-1", "this is the first state of the recording")
}

// Each state of a recording can be stepped to: those that came right after another, and
// those of which too many are there to be held.
func TestEachStateOfARecordingIsStepped(t *testing.T) {
	dir := t.TempDir()
	now := clock
	recorder, err := recording.NewRecorder(recording.Options{Dir: dir, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	store := fleet.NewStore(t.Context(), fleet.StoreOptions{})
	defer store.Close()
	for n := range 8 {
		now = clock.Add(time.Duration(n) * 500 * time.Millisecond)
		d := trouble()
		d.At = now
		d.REDs[0].Rate = float64(500 + n)
		store.Apply(d)
		if err := recorder.Record(store.Flush()); err != nil {
			t.Fatal(err)
		}
	}
	if err := recorder.Close(); err != nil {
		t.Fatal(err)
	}
	run := open(t, nil, Options{Replay: true, Past: func(context.Context) (Past, error) {
		r, err := recording.Open(dir)
		return recorded{r}, err
	}}, 140, 40)
	rate := func() float64 { return run.m.look.Snap.Service("checkout").RED("", "", fleet.ServerSide).Rate }
	for n := 7; n >= 0; n-- {
		if got := rate(); got != float64(500+n) {
			t.Errorf("step %d shows the state with %v", n, got)
		}
		run.send(press('<'))
		settle(t, run)
	}
	run.send(press('>'))
	if got := rate(); got != 501 {
		t.Errorf("the next one is the state with %v", got)
	}
	run.m.look.History = history.New(history.Options{}) // it holds nothing
	run.send(press('>'))
	if err := run.until(func() bool { return run.m.look.Snap.Service("checkout") != nil }); err != nil || rate() != 502 {
		t.Errorf("%v: of what is not held the next one is %v", err, rate())
	}
}

// Where the dashboard itself has seen no more, it says how to get further back.
func TestTheFirstStateThatWasSeenIsNotTheFirstThatIsKept(t *testing.T) {
	run := open(t, trouble(), Options{Past: tenMinutes(t)}, 120, 40)
	run.m.look.History.Add(run.m.live)
	for range 2 {
		run.send(press('<'))
	}
	if got := text(run); !strings.Contains(got, "the first state that was seen here; , goes on into what was recorded before") {
		t.Errorf("it says\n%s", got)
	}
}

func TestAReplayOfNothingFails(t *testing.T) {
	store := fleet.NewStore(t.Context(), fleet.StoreOptions{})
	defer store.Close()
	_, err := Snapshot(t.Context(), Options{Store: store, Replay: true, Past: func(context.Context) (Past, error) {
		return nil, &fleet.Error{What: "it cannot be read"}
	}}, 80, 24, time.Minute)
	if err == nil || !strings.Contains(err.Error(), "it cannot be read") {
		t.Errorf("%v", err)
	}
}

// What happened before the dashboard was there is read from the recording.
func TestTheTimeCursorReachesIntoTheRecording(t *testing.T) {
	run := open(t, trouble(), Options{Past: tenMinutes(t)}, 120, 40)
	run.send(tickMsg{clock.Add(30 * time.Minute)})
	run.m.look.History.Add(run.m.live)
	run.send(press(':'))
	for _, r := range "at -28m" {
		run.send(press(r))
	}
	run.send(enter())
	if err := run.until(func() bool { return strings.Contains(ansi.Strip(run.m.View().Content), "1/3 down") }); err != nil {
		t.Errorf("%v\n%s", err, ansi.Strip(run.m.View().Content))
	}
}

// R records until R ends it, and what was recorded is whole when the dashboard is
// gone.
func TestRecord(t *testing.T) {
	begun, ended := make(chan struct{}), make(chan struct{})
	run := open(t, trouble(), Options{Record: func(ctx context.Context) (string, error) {
		close(begun)
		<-ctx.Done()
		close(ended)
		return "/some/where", nil
	}}, 100, 24)
	run.send(press('R'))
	<-begun
	if got := ansi.Strip(run.m.View().Content); !strings.Contains(got, "● REC") {
		t.Errorf("it does not say that it records:\n%s", got)
	}
	run.send(press('R'))
	<-ended
	if err := run.until(func() bool { return strings.Contains(ansi.Strip(run.m.View().Content), "recorded to /some/where") }); err != nil {
		t.Error(err)
	}
	if got := ansi.Strip(run.m.View().Content); strings.Contains(got, "REC ") {
		t.Errorf("it says that it records:\n%s", got)
	}
}
