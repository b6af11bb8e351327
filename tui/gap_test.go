package tui

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/state/recording"
	"github.com/gctl-dev/gctl/tui/screen"
)

// withGap records trouble at 14:05 and until 14:07, when nothing changed, and then,
// since nobody looked, not before 15:05.
func withGap(t *testing.T) func(context.Context) (Past, error) {
	t.Helper()
	dir := t.TempDir()
	now := clock
	recorder, err := recording.NewRecorder(recording.Options{Dir: dir, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	store := fleet.NewStore(t.Context(), fleet.StoreOptions{})
	defer store.Close()
	say := func(after time.Duration, d *fleet.Delta) {
		now = clock.Add(after)
		d.At = now
		store.Apply(d)
		if err := recorder.Record(store.Flush()); err != nil {
			t.Fatal(err)
		}
	}
	say(0, trouble())
	for beat := range 6 {
		say(time.Duration(beat+1)*20*time.Second, &fleet.Delta{})
	}
	d := trouble()
	d.REDs[0].Rate++
	for i := range d.Sources {
		d.Sources[i].Status, d.Sources[i].Err = fleet.SourceFresh, nil
	}
	say(time.Hour, d)
	if err := recorder.Close(); err != nil {
		t.Fatal(err)
	}
	return func(context.Context) (Past, error) {
		r, err := recording.Open(dir)
		return recorded{r}, err
	}
}

func (h *headless) at(t *testing.T, at time.Time, wants ...string) string {
	t.Helper()
	h.do(h.m.said(screen.At{Time: at}))
	shown := ""
	if err := h.until(func() bool {
		shown = ansi.Strip(h.m.View().Content)
		for _, want := range wants {
			if !strings.Contains(shown, want) {
				return false
			}
		}
		return true
	}); err != nil {
		t.Fatalf("%v: it does not say %q:\n%s", err, wants, shown)
	}
	return shown
}

// What was recorded last before a gap is not what was in the gap, and that is said.
func TestAMomentThatWasNotRecordedIsSaidToBe(t *testing.T) {
	for _, o := range []Options{{Replay: true}, {}} {
		o.Past = withGap(t)
		run := open(t, nil, o, 120, 40)
		if !o.Replay {
			run.send(tickMsg{clock.Add(2 * time.Hour)})
		}
		run.at(t, clock.Add(30*time.Minute), "14:35:00", "not recorded; last known 14:07:00", "1/3 down")
		// Nothing changed then, but somebody looked.
		if got := run.at(t, clock.Add(110*time.Second), "14:06:50", "1/3 down"); strings.Contains(got, "last known") {
			t.Errorf("replay %v: it says that nobody looked:\n%s", o.Replay, got)
		}
		run.at(t, clock.Add(30*time.Minute), "last known 14:07:00")
		run.m.size(60, 16)
		run.at(t, clock.Add(31*time.Minute), "last known 14:07:00")
		run.m.size(120, 40)
		run.send(press('0'))
		if got := text(run); strings.Contains(got, "last known") {
			t.Errorf("at the end it says that nobody looked:\n%s", got)
		}
	}
}

// The header tells of the sources of the moment that is shown.
func TestTheSourcesAreThoseOfTheMoment(t *testing.T) {
	run := open(t, nil, Options{Replay: true, Past: withGap(t)}, 120, 40)
	if got := text(run); strings.Contains(got, "(cached)") {
		t.Errorf("at the end all sources are fresh:\n%s", got)
	}
	run.at(t, clock.Add(10*time.Second), "metrics ✗ 22s (cached)")
}

// slow is a recording that answers when it is told to.
type slow struct {
	asked chan time.Time
	fail  chan error
	ended chan struct{}
}

func (s *slow) Timeline(context.Context) ([]time.Time, error) { return nil, nil }

func (s *slow) At(ctx context.Context, at time.Time) (*fleet.Snapshot, error) {
	s.asked <- at
	select {
	case err := <-s.fail:
		return nil, err
	case <-ctx.Done():
		s.ended <- struct{}{}
		return nil, ctx.Err()
	}
}

// That the past is being read, or cannot be, is not that there is nothing; and what is
// no longer wanted is not read to its end.
func TestWhatIsReadOfThePastAndWhatFails(t *testing.T) {
	for _, place := range []string{"services", "service/checkout", "breakers"} {
		s := &slow{make(chan time.Time, 9), make(chan error), make(chan struct{}, 9)}
		run := open(t, nil, Options{Place: place, Past: func(context.Context) (Past, error) { return s, nil }}, 100, 24)
		run.at(t, clock.Add(-time.Hour), "Reading the recording")
		<-s.asked
		run.at(t, clock.Add(-2*time.Hour), "Reading the recording")
		<-s.ended
		<-s.asked
		s.fail <- &fleet.Error{What: "the recording is damaged", Hint: "take another"}
		saysSoon(t, run, "the recording is damaged")
		saysSoon(t, run, "take another")
		run.at(t, clock.Add(-3*time.Hour), "Reading the recording")
		<-s.asked
		s.fail <- fleet.ErrNotFound
		saysSoon(t, run, "Nothing is kept of 11:05:00.")
		run.at(t, clock.Add(-4*time.Hour), "Reading the recording")
		run.send(press('0'))
		<-s.ended
		if got := text(run); !strings.Contains(got, "LIVE") || strings.Contains(got, "recording") {
			t.Errorf("%s: back at now:\n%s", place, got)
		}
	}
}
