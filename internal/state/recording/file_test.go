package recording_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/state/recording"
)

// history records steps of 25 s, each of which changes n instances, in segments of
// two minutes.
func history(t *testing.T, n, steps int) (dir string, l *live) {
	t.Helper()
	dir, l = t.TempDir(), newLive(t)
	r := recorder(t, l, recording.Options{Dir: dir, Segment: 2 * time.Minute})
	for i := range steps {
		record(t, r, l.set(n, fmt.Sprint("v", i), 25*time.Second))
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, l
}

// exported writes what was recorded between two times to a file.
func exported(t *testing.T, r *recording.Recording, from, to time.Time) string {
	t.Helper()
	var out bytes.Buffer
	if torn, err := r.Export(t.Context(), &out, from, to); err != nil || len(torn) > 0 {
		t.Fatalf("Export = %v, %v", torn, err)
	}
	return file(t, out.Bytes())
}

func file(t *testing.T, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "incident.rec")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// all is everything that a recording has of a time, as text.
func all(t *testing.T, r *recording.Recording, at time.Time) string {
	t.Helper()
	snap, torn, err := r.At(t.Context(), at)
	if err != nil || len(torn) > 0 {
		t.Fatalf("At %s = %v, %v", at, torn, err)
	}
	return text(t, snap)
}

func text(t *testing.T, snap *fleet.Snapshot) string {
	t.Helper()
	d := fleet.Diff(nil, snap)
	d.Sources = slices.Clone(d.Sources)
	for i := range d.Sources { // told with the next change, or where a segment begins
		d.Sources[i].At = time.Time{}
	}
	line, err := recording.Line(&d)
	if err != nil {
		t.Fatal(err)
	}
	return line
}

func TestAnExportIsTheSameRecording(t *testing.T) {
	for _, size := range []int{3, 700} { // of one part, and of several
		dir, _ := history(t, size, 40)
		rec := open(t, dir)
		from, to := start.Add(3*time.Minute+10*time.Second), start.Add(12*time.Minute)
		path := exported(t, rec, from, to)
		// In a folder of segments it is one of them, read as one stream: so those who
		// do not know of parts read it.
		segment := filepath.Join(t.TempDir(), from.Format("20060102T150405.000Z")+".v1.rec")
		raw, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(segment, raw, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{path, filepath.Dir(segment)} {
			got := open(t, name)
			if !got.From().Equal(from) {
				t.Errorf("begins at %s, want %s", got.From(), from)
			}
			for at := from; !at.After(to); at = at.Add(5 * time.Second) {
				if a, b := all(t, got, at), all(t, rec, at); a != b {
					i := 0
					for i < min(len(a), len(b)) && a[i] == b[i] {
						i++
					}
					t.Fatalf("at %s\n%.300s\nwant\n%.300s", at, a[max(0, i-60):], b[max(0, i-60):])
				}
			}
			if v := at(t, got, to.Add(time.Hour)); v != "v27" {
				t.Errorf("the last version is %s, want that of the end", v)
			}
			if _, _, err := got.At(t.Context(), from.Add(-time.Second)); !errors.Is(err, fleet.ErrNotFound) {
				t.Errorf("At before the beginning = %v, want ErrNotFound", err)
			}
			want, err := rec.Events(t.Context(), "", from, to)
			if err != nil {
				t.Fatal(err)
			}
			have, err := got.Events(t.Context(), "", from, to)
			if err != nil || !slices.Equal(have.Events, want.Events) || len(have.Gaps)+len(have.Missing) > 0 {
				t.Errorf("events = %+v, %v; want %d as they were recorded", have, err, len(want.Events))
			}
		}
		if n := bytes.Count(raw, []byte("\x1f\x8b\x08\x04")); (n > 1) != (size > 100) {
			t.Errorf("%d parts of a fleet of %d", n, size)
		}
	}
}

func TestAnExportOfAll(t *testing.T) {
	dir, l := history(t, 3, 40)
	rec := open(t, dir)
	got := open(t, exported(t, rec, time.Time{}, time.Time{}))
	want, err := rec.Timeline(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	times, err := got.Timeline(t.Context())
	if err != nil || !slices.EqualFunc(times, want, time.Time.Equal) || !times[len(times)-1].Equal(l.now) {
		t.Errorf("timeline = %v, %v; want %v", times, err, want)
	}
	// A part of a part.
	again := open(t, exported(t, got, start.Add(5*time.Minute), start.Add(6*time.Minute)))
	if at, want := start.Add(5*time.Minute+30*time.Second), rec; all(t, again, at) != all(t, want, at) {
		t.Error("an export of an export differs")
	}
	// A moment is one line.
	moment := open(t, exported(t, rec, start.Add(5*time.Minute), start.Add(5*time.Minute)))
	if all(t, moment, start.Add(5*time.Minute)) != all(t, rec, start.Add(5*time.Minute)) {
		t.Error("an export of a moment differs")
	}
}

func TestAnExportKeepsTheSilence(t *testing.T) {
	dir, l := t.TempDir(), newLive(t)
	r := recorder(t, l, recording.Options{Dir: dir, Segment: time.Hour})
	record(t, r, l.set(3, "v0", time.Second), l.set(3, "v1", time.Second))
	asleep := l.now
	record(t, r, l.set(3, "v2", time.Hour))
	awake := l.now
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	rec := open(t, dir)
	list, err := open(t, exported(t, rec, time.Time{}, time.Time{})).Events(t.Context(), "", start, awake)
	if err != nil || len(list.Gaps) != 1 || !list.Gaps[0].From.Equal(asleep) || !list.Gaps[0].To.Equal(awake) {
		t.Errorf("gaps = %v, %v; want the hour in which nobody looked", list.Gaps, err)
	}
	for _, c := range [][2]time.Time{
		{asleep.Add(10 * time.Minute), asleep.Add(20 * time.Minute)}, // in it
		{awake.Add(time.Hour), awake.Add(2 * time.Hour)},             // after the end
		{start.Add(-2 * time.Hour), start.Add(-time.Hour)},           // before the beginning
		{awake, asleep},
	} {
		var out bytes.Buffer
		if _, err := rec.Export(t.Context(), &out, c[0], c[1]); !errors.Is(err, fleet.ErrNotFound) || out.Len() > 0 {
			t.Errorf("Export of %s to %s = %v, %d bytes; want ErrNotFound: nothing was recorded", c[0], c[1], err, out.Len())
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := rec.Export(ctx, new(bytes.Buffer), time.Time{}, time.Time{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Export = %v, want that it was cancelled", err)
	}
	if _, err := rec.Export(t.Context(), full500{}, time.Time{}, time.Time{}); err == nil || !strings.Contains(err.Error(), "disk is full") {
		t.Errorf("Export = %v, want that the disk is full", err)
	}
}

type full500 struct{}

func (full500) Write([]byte) (int, error) { return 0, errors.New("disk is full") }

func TestATornSegmentIsSaidInAnExport(t *testing.T) {
	dir, _ := history(t, 20, 15)
	name := segments(t, dir)[1]
	data, err := os.ReadFile(name)
	if err == nil {
		err = os.WriteFile(name, data[:len(data)/2], 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	torn, err := open(t, dir).Export(t.Context(), &out, time.Time{}, time.Time{})
	if err != nil || len(torn) != 1 {
		t.Fatalf("Export = %v, %v; want to be told what is torn", torn, err)
	}
	if got := at(t, open(t, file(t, out.Bytes())), start.Add(time.Hour)); got != "v14" {
		t.Errorf("the last version is %s, want what the segments after the torn one have", got)
	}
}

func TestWhatIsCutOffAnExportIsSaid(t *testing.T) {
	dir, l := history(t, 700, 40)
	whole, err := os.ReadFile(exported(t, open(t, dir), time.Time{}, time.Time{}))
	if err != nil {
		t.Fatal(err)
	}
	border := bytes.LastIndex(whole, []byte("\x1f\x8b\x08\x04"))
	for _, n := range []int{border, border + 1, border + 40, (border + len(whole)) / 2, len(whole) - 1} {
		r := open(t, file(t, whole[:n]))
		snap, torn, err := r.At(t.Context(), l.now)
		if err != nil || len(torn) != 1 || len(snap.Service("user").Instances) != 700 {
			t.Errorf("cut at %d of %d: %v, %v; want what is there, and to be told", n, len(whole), torn, err)
		}
		list, err := r.Events(t.Context(), "", start, l.now)
		if err != nil || len(list.Missing) != 1 {
			t.Errorf("cut at %d: events missing %v, %v", n, list.Missing, err)
		}
	}
}

func TestOneSegmentIsARecording(t *testing.T) {
	dir, _ := history(t, 3, 10)
	rec := open(t, dir)
	one := open(t, segments(t, dir)[1])
	if from := one.From(); from.Sub(start) < 2*time.Minute || from.Sub(start) > 3*time.Minute {
		t.Errorf("begins at %s", from)
	}
	if moment := one.From().Add(30 * time.Second); all(t, one, moment) != all(t, rec, moment) {
		t.Error("the segment alone shows something else")
	}
	data, err := os.ReadFile(segments(t, dir)[1])
	if err != nil {
		t.Fatal(err)
	}
	renamed := open(t, file(t, data))
	if at(t, renamed, renamed.From()) == "" {
		t.Error("nothing is known at the beginning of a segment with another name")
	}
	odd := filepath.Join(t.TempDir(), "odd")
	for what, c := range map[string]struct {
		data []byte
		want string
	}{
		"a page": {[]byte("<html>welcome</html>"), "not a recording that this gctl can read"},
		"empty":  {nil, "nothing was recorded in it"},
		"a stub": {data[:5], "nothing was recorded in it"},
	} {
		if err := os.WriteFile(odd, c.data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := recording.Open(odd); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Open of %s = %v, want %q", what, err, c.want)
		}
	}
	if _, err := recording.Open(os.DevNull); err == nil || !strings.Contains(err.Error(), "neither a folder nor a file") {
		t.Errorf("Open = %v", err)
	}
}

// exportedSeed is a file of two parts.
func exportedSeed(f *testing.F) []byte {
	f.Helper()
	out, err := recording.Parts(&fleet.Delta{At: start, Whole: true, Events: []fleet.Event{{At: start, Kind: fleet.ActionTaken}}}, &fleet.Delta{At: start.Add(time.Minute)})
	if err != nil {
		f.Fatal(err)
	}
	return out
}
