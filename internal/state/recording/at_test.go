package recording_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/state/recording"
)

// TestTheTimelineIsWalked steps through a recording and jumps in it, as at a
// scrubber: wherever one comes from, the snapshot is the same, and says its time.
func TestTheTimelineIsWalked(t *testing.T) {
	dir, l := t.TempDir(), newLive(t)
	r := recorder(t, l, recording.Options{Dir: dir, Segment: time.Hour})
	var want []string
	for i := range 95 { // more than is kept of one segment
		snap := l.set(700, fmt.Sprint("v", i), 40*time.Second)
		record(t, r, snap)
		want = append(want, text(t, snap))
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	rec := open(t, dir)
	times, err := rec.Timeline(t.Context())
	if err != nil || len(times) != len(want) {
		t.Fatalf("%d times, %v; want one for each of %d snapshots", len(times), err, len(want))
	}
	versions := map[uint64]string{}
	look := func(i int) {
		t.Helper()
		snap, torn, err := rec.At(t.Context(), times[i])
		if err != nil || torn != nil {
			t.Fatalf("At = %v, %v", torn, err)
		}
		if !snap.At().Equal(times[i]) {
			t.Errorf("the snapshot of %s says %s", times[i], snap.At())
		}
		got := text(t, snap)
		if got != want[i] {
			t.Fatalf("step %d differs", i)
		}
		if was, ok := versions[snap.Version()]; ok && was != got {
			t.Errorf("two snapshots have version %d", snap.Version())
		}
		versions[snap.Version()] = got
	}
	for i := range times {
		look(i)
	}
	for i := range times {
		look(len(times) - 1 - i)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		look(random.IntN(len(times)))
	}
}

// TestAStepReadsNothing takes the files away: what is near the moment looked at
// last is there all the same.
func TestAStepReadsNothing(t *testing.T) {
	dir, l := t.TempDir(), newLive(t)
	r := recorder(t, l, recording.Options{Dir: dir})
	for i := range 20 {
		record(t, r, l.set(3, fmt.Sprint("v", i), time.Second))
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	rec := open(t, dir)
	at(t, rec, start.Add(10*time.Second))
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	for i := range 19 { // of the last one nobody knows whether another follows
		if got, want := at(t, rec, start.Add(time.Duration(i+1)*time.Second)), fmt.Sprint("v", i); got != want {
			t.Errorf("step %d shows %s", i, got)
		}
	}
	if _, _, err := rec.At(t.Context(), start.Add(20*time.Second)); err == nil {
		t.Error("the end of what is gone is shown")
	}
}

func TestHeartbeatsAreNoSteps(t *testing.T) {
	dir, l := t.TempDir(), newLive(t)
	r := recorder(t, l, recording.Options{Dir: dir, Segment: time.Hour})
	record(t, r, l.set(1, "v0", time.Second))
	for range 10 {
		l.now = l.now.Add(25 * time.Second)
		l.store.Apply(&fleet.Delta{At: l.now})
		record(t, r, l.store.Flush())
	}
	beat := l.now
	record(t, r, l.set(1, "v1", time.Second))
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	// Another recorder goes on: that something was different while none looked is
	// known from its first line.
	r = recorder(t, l, recording.Options{Dir: dir, Segment: time.Hour})
	record(t, r, l.set(1, "v2", time.Minute))
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	rec := open(t, dir)
	times, err := rec.Timeline(t.Context())
	if err != nil || len(times) != 3 {
		t.Fatalf("timeline = %v, %v; want the three changes", times, err)
	}
	for i, moment := range times {
		if got := at(t, rec, moment); got != fmt.Sprint("v", i) {
			t.Errorf("%s at %s", got, moment)
		}
	}
	snap, _, err := rec.At(t.Context(), beat)
	if err != nil || snap.At().After(beat) || beat.Sub(snap.At()) > time.Minute {
		t.Errorf("the snapshot is of %s, %v; want when somebody looked last", snap.At(), err)
	}
}

func TestARecordingThatGoesOn(t *testing.T) {
	dir, l := t.TempDir(), newLive(t)
	r := recorder(t, l, recording.Options{Dir: dir})
	record(t, r, l.set(3, "v0", time.Second))
	rec := open(t, dir)
	for i := range 5 {
		if got, want := at(t, rec, l.now.Add(time.Hour)), fmt.Sprint("v", i); got != want {
			t.Errorf("the last is %s, want %s", got, want)
		}
		record(t, r, l.set(3, fmt.Sprint("v", i+1), time.Second))
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestASegmentThatCannotBeReadShowsTheOneBefore(t *testing.T) {
	dir, _ := history(t, 3, 15)
	if err := os.WriteFile(segments(t, dir)[1], []byte("this is no gzip stream"), 0o600); err != nil {
		t.Fatal(err)
	}
	snap, torn, err := open(t, dir).At(t.Context(), start.Add(3*time.Minute))
	if err != nil || len(torn) != 1 || snap.At().After(start.Add(3*time.Minute)) || len(snap.Services()) != 1 {
		t.Errorf("At = %v, %v; want what was known last before it, and to be told", torn, err)
	}
	if err := os.WriteFile(segments(t, dir)[0], []byte("this is no gzip stream"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, torn, err := open(t, dir).At(t.Context(), start.Add(3*time.Minute)); !errors.Is(err, fleet.ErrNotFound) || len(torn) != 2 {
		t.Errorf("At = %v, %v; want ErrNotFound: nothing after it is shown as if it were of that time", torn, err)
	}
}

func TestManyLookAtOnce(t *testing.T) {
	dir, _ := history(t, 30, 20)
	rec := open(t, dir)
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			for i := range 20 {
				moment := start.Add(time.Duration((i*7+worker*3)%20+1) * 25 * time.Second)
				snap, _, err := rec.At(t.Context(), moment)
				if err != nil || !snap.At().Equal(moment) {
					t.Errorf("At %s = %v", moment, err)
					return
				}
			}
		})
	}
	all.Wait()
}

// TestTheNextMinutesAreReadAhead asks for a moment of the next segment: then it is
// there, and what was there before still is.
func TestTheNextMinutesAreReadAhead(t *testing.T) {
	dir, _ := history(t, 3, 15) // segments of two minutes
	rec := open(t, dir)
	moments := []time.Time{start.Add(100 * time.Second), start.Add(200 * time.Second)}
	want := []string{all(t, rec, moments[0]), all(t, rec, moments[1])}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for i := range moments {
			if all(t, rec, moments[i]) != want[i] {
				t.Errorf("moment %d is another", i)
			}
		}
	}
}
