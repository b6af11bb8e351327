package recording_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/state/recording"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// live is a store whose facts and time a test sets.
type live struct {
	store *fleet.Store
	now   time.Time
}

func newLive(t *testing.T) *live {
	t.Helper()
	l := &live{store: fleet.NewStore(t.Context(), fleet.StoreOptions{}), now: start}
	t.Cleanup(l.store.Close)
	return l
}

// set makes the version that all n instances have, d later, with an event of it.
func (l *live) set(n int, version string, d time.Duration) *fleet.Snapshot {
	l.now = l.now.Add(d)
	delta := fleet.Delta{At: l.now, Sources: []fleet.SourceState{{Name: "catalog", Status: fleet.SourceFresh, Since: start, At: l.now, Turn: start}}}
	for i := range n {
		id := fmt.Sprintf("u%04d", i)
		delta.Instances = append(delta.Instances, fleet.InstanceFact{Instance: fleet.Instance{ID: id, Service: "user", Addr: id + ":1", Version: version, Catalog: fleet.Passing},
			Provenance: fleet.Provenance{Source: "test", At: l.now, Feed: "catalog"}})
	}
	delta.Events = []fleet.Event{{At: l.now, Kind: fleet.VersionChanged, Service: "user", To: version}}
	l.store.Apply(&delta)
	return l.store.Flush()
}

func recorder(t *testing.T, l *live, o recording.Options) *recording.Recorder {
	t.Helper()
	o.Now = func() time.Time { return l.now }
	r, err := recording.NewRecorder(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func record(t *testing.T, r *recording.Recorder, snaps ...*fleet.Snapshot) {
	t.Helper()
	for _, s := range snaps {
		if err := r.Record(s); err != nil {
			t.Fatal(err)
		}
	}
}

func segments(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.rec"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

func open(t *testing.T, dir string) *recording.Recording {
	t.Helper()
	r, err := recording.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// at is the version at a time, as recorded.
func at(t *testing.T, r *recording.Recording, when time.Time) string {
	t.Helper()
	snap, torn, err := r.At(t.Context(), when)
	if err != nil || len(torn) > 0 {
		t.Fatalf("At = %v, %v", torn, err)
	}
	user := snap.Service("user")
	if user == nil {
		return ""
	}
	return user.Instances[0].Version
}

// full is a delta in which everything has a value of its own.
func full() fleet.Delta {
	n := 0
	return fill(reflect.TypeFor[fleet.Delta](), &n).Interface().(fleet.Delta)
}

func fill(t reflect.Type, n *int) reflect.Value {
	*n++
	v := reflect.New(t).Elem()
	switch {
	case t == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(start.Add(time.Duration(*n) * time.Millisecond)))
	case t == reflect.TypeFor[error]():
		v.Set(reflect.ValueOf(&fleet.Error{What: fmt.Sprint("failure ", *n), Hint: fmt.Sprint("hint ", *n)}))
	case t.Kind() == reflect.Struct:
		for i := range t.NumField() {
			if t.Field(i).IsExported() {
				v.Field(i).Set(fill(t.Field(i).Type, n))
			}
		}
	case t.Kind() == reflect.Slice:
		v.Set(reflect.Append(reflect.MakeSlice(t, 0, 2), fill(t.Elem(), n), fill(t.Elem(), n)))
	case t.Kind() == reflect.Array:
		for i := range t.Len() {
			v.Index(i).Set(fill(t.Elem(), n))
		}
	case t.Kind() == reflect.Map:
		v.Set(reflect.MakeMap(t))
		v.SetMapIndex(fill(t.Key(), n), fill(t.Elem(), n))
	case t.Kind() == reflect.String:
		v.SetString(fmt.Sprintf("s%d \x00\x1b\" ü", *n))
	case t.Kind() == reflect.Bool:
		v.SetBool(true)
	case t.Kind() == reflect.Float64:
		v.SetFloat(float64(*n) + 0.25)
	default:
		v.SetInt(int64(*n))
	}
	return v
}

func TestEveryFieldSurvives(t *testing.T) {
	want := full()
	// What is counted anew, or does not belong to a recording.
	for i := range want.Services {
		want.Services[i].Counts = fleet.Counts{}
	}
	for i := range want.Sources {
		want.Sources[i].Failures = 0
		for j := range want.Sources[i].Missing {
			m := &want.Sources[i].Missing[j]
			m.Instance = fleet.Instance{ID: m.Instance.ID, Service: m.Instance.Service}
			m.Err = &fleet.Error{What: m.Err.Error()}
		}
	}
	got, err := recording.RoundTrip(&want)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want)
		i := 0
		for i < min(len(g), len(w)) && g[i] == w[i] {
			i++
		}
		t.Errorf("differs at\n%.200s\nwant\n%.200s", g[max(0, i-60):], w[max(0, i-60):])
	}
	odd := fleet.Delta{At: start, REDs: []fleet.RED{{Service: "a", Rate: math.NaN(), P99: math.Inf(1), P50: math.Inf(-1), Codes: map[string]float64{"OK": math.NaN()}}}}
	got, err = recording.RoundTrip(&odd)
	if err != nil {
		t.Fatal(err)
	}
	if r := got.REDs[0]; !math.IsNaN(r.Rate) || !math.IsInf(r.P99, 1) || !math.IsInf(r.P50, -1) || !math.IsNaN(r.Codes["OK"]) {
		t.Errorf("RED = %+v: numbers that JSON has no word for are lost", r)
	}
}

func TestARecordingShowsEachMoment(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "there")
	l := newLive(t)
	r := recorder(t, l, recording.Options{Dir: dir, Segment: time.Minute})
	for i := range 10 { // segments of two or three changes
		record(t, r, l.set(3, fmt.Sprint("v", i), 25*time.Second))
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	names := segments(t, dir)
	if len(names) < 3 {
		t.Fatalf("%d segments", len(names))
	}
	if info, err := os.Stat(names[0]); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v; want 0600", info.Mode(), err)
	}
	rec := open(t, dir)
	for i := range 10 {
		moment := start.Add(time.Duration(i+1) * 25 * time.Second)
		if got, want := at(t, rec, moment.Add(24*time.Second)), fmt.Sprint("v", i); got != want {
			t.Errorf("at %s: %s, want %s", moment, got, want)
		}
	}
	if _, _, err := rec.At(t.Context(), start); !errors.Is(err, fleet.ErrNotFound) {
		t.Errorf("At before the beginning = %v, want ErrNotFound: nothing is known of it", err)
	}
	list, err := rec.Events(t.Context(), "", start.Add(30*time.Second), start.Add(3*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	var versions []string
	for _, e := range list.Events {
		versions = append(versions, e.To)
	}
	if want := []string{"v1", "v2", "v3", "v4", "v5", "v6"}; !slices.Equal(versions, want) || len(list.Gaps)+len(list.Missing) > 0 {
		t.Errorf("events to %v, want %v once each; %+v", versions, want, list)
	}
	if other, err := rec.Events(t.Context(), "cart", start, l.now); err != nil || len(other.Events) > 0 {
		t.Errorf("events of cart = %v, %v", other.Events, err)
	}
	snap, _, err := rec.At(t.Context(), start.Add(3*time.Minute))
	if err != nil || len(snap.Events()) != 7 || !snap.At().Equal(start.Add(175*time.Second)) {
		t.Errorf("%d events at %s, %v; want also those of the segments before", len(snap.Events()), snap.At(), err)
	}
	if state, _ := snap.Source("catalog"); state.Status != fleet.SourceFresh || snap.Service("user").Instances[0].Provenance.Feed != "catalog" {
		t.Errorf("source = %+v", state)
	}
}

func TestGoneIsRecordedToo(t *testing.T) {
	dir := t.TempDir()
	l := newLive(t)
	r := recorder(t, l, recording.Options{Dir: dir})
	record(t, r, l.set(3, "v1", time.Second))
	l.now = l.now.Add(time.Minute)
	l.store.Apply(&fleet.Delta{At: l.now, Gone: []fleet.Gone{{Kind: "instance", Service: "user", Key: [4]string{"u0001"}}, {Kind: "odd", Service: "user"}, {Kind: "instance", Service: "nobody"}}})
	record(t, r, l.store.Flush())
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	for when, want := range map[time.Duration]int{time.Second: 3, 2 * time.Minute: 2} {
		snap, _, err := open(t, dir).At(t.Context(), start.Add(when))
		if err != nil || len(snap.Service("user").Instances) != want {
			t.Errorf("after %s: %+v, %v; want %d instances", when, snap.Service("user"), err, want)
		}
	}
}

func TestTheRingForgets(t *testing.T) {
	t.Run("what is old", func(t *testing.T) {
		dir := t.TempDir()
		l := newLive(t)
		r := recorder(t, l, recording.Options{Dir: dir, Segment: time.Hour, Keep: 4 * time.Hour})
		for i := range 12 {
			record(t, r, l.set(1, fmt.Sprint(i), 61*time.Minute))
		}
		defer r.Close()
		if n := len(segments(t, dir)); n < 4 || n > 6 {
			t.Errorf("%d segments, want four hours and the present one", n)
		}
		if from := open(t, dir).From(); l.now.Sub(from) < 4*time.Hour || l.now.Sub(from) > 6*time.Hour {
			t.Errorf("the ring begins %s ago", l.now.Sub(from))
		}
		if s := r.Stats(); s.Segments != len(segments(t, dir)) || s.Changes == 0 {
			t.Errorf("stats = %+v", s)
		}
	})
	t.Run("what is too much", func(t *testing.T) {
		dir := t.TempDir()
		l := newLive(t)
		const limit = 100 << 10
		r := recorder(t, l, recording.Options{Dir: dir, MaxSize: limit})
		for i := range 100 {
			record(t, r, l.set(500, fmt.Sprint("v", i), time.Second))
			var total int64
			for _, name := range segments(t, dir) {
				info, err := os.Stat(name)
				if err != nil {
					t.Fatal(err)
				}
				total += info.Size()
			}
			if total > limit {
				t.Fatalf("%d bytes after %d steps, want at most %d", total, i, limit)
			}
		}
		defer r.Close()
		if got := at(t, open(t, dir), l.now); got != "v99" {
			t.Errorf("the last version is %s", got)
		}
	})
}

func TestATornTailIsCutOffAndSaid(t *testing.T) {
	dir := t.TempDir()
	l := newLive(t)
	r := recorder(t, l, recording.Options{Dir: dir})
	for i := range 5 {
		record(t, r, l.set(20, fmt.Sprint("v", i), time.Second))
	}
	name := segments(t, dir)[0]
	unfinished, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got := at(t, open(t, dir), l.now); got != "v4" { // while it is being written: nothing is torn
		t.Errorf("version %s of a recording that goes on, want v4", got)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	finished, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	damaged := bytes.Clone(finished)
	damaged[len(damaged)*9/10] ^= 0x55
	for what, data := range map[string][]byte{"torn": unfinished[:len(unfinished)-9], "damaged": damaged} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
		snap, torn, err := open(t, dir).At(t.Context(), l.now)
		if err != nil || len(torn) != 1 || !strings.Contains(torn[0].Error(), "cut off after 2026-03-01T12:00:0") || !strings.Contains(torn[0].Error(), filepath.Base(name)) {
			t.Fatalf("%s: %v, %v; want to be told where it is cut off", what, torn, err)
		}
		if v := snap.Service("user").Instances[0].Version; v != "v3" && v != "v2" || len(snap.Service("user").Instances) != 20 {
			t.Errorf("%s: version %s, want one of the last whole ones", what, v)
		}
		list, err := open(t, dir).Events(t.Context(), "", start, l.now)
		if err != nil || len(list.Missing) != 1 || len(list.Events) < 3 {
			t.Errorf("%s: events = %+v, %v", what, list, err)
		}
	}
	// The next recorder begins a segment of its own behind it.
	r = recorder(t, l, recording.Options{Dir: dir})
	record(t, r, l.set(20, "v9", time.Hour))
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	snap, torn, err := open(t, dir).At(t.Context(), l.now)
	if err != nil || len(torn) != 0 || snap.Service("user").Instances[0].Version != "v9" {
		t.Errorf("after the next recorder: %v, %v", torn, err)
	}
	list, err := open(t, dir).Events(t.Context(), "", start, l.now)
	if err != nil || len(list.Gaps) != 1 || list.Gaps[0].To.Sub(list.Gaps[0].From) < 59*time.Minute {
		t.Errorf("gaps = %+v, %v; want the hour in which nobody recorded", list.Gaps, err)
	}
	later := l.now.Add(10 * time.Minute)
	list, err = open(t, dir).Events(t.Context(), "", start, later)
	if err != nil || len(list.Gaps) != 2 || !list.Gaps[1].To.Equal(later) || !list.Gaps[1].From.Equal(l.now) {
		t.Errorf("gaps = %+v, %v; want the ten minutes after the end too", list.Gaps, err)
	}
}

func TestWhatIsNoRecordingIsSaid(t *testing.T) {
	if _, err := recording.Open(filepath.Join(t.TempDir(), "nowhere")); !errors.Is(err, fleet.ErrNotFound) {
		t.Errorf("Open = %v, want ErrNotFound", err)
	}
	dir := t.TempDir()
	for _, name := range []string{"notes.txt", "x.v1.rec", "20260301T120000.000Z.v2.rec"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := recording.Open(dir); !errors.Is(err, fleet.ErrNotFound) {
		t.Errorf("Open = %v, want ErrNotFound: none of the files is a segment", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "20260301T120000.000Z.v1.rec"), []byte("<html>welcome</html>"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, torn, err := open(t, dir).At(t.Context(), start)
	if !errors.Is(err, fleet.ErrNotFound) || len(torn) != 1 || !strings.Contains(torn[0].Error(), "cannot be read") {
		t.Errorf("At = %v, %v; want what is torn, and no empty fleet", torn, err)
	}
	if _, err := recording.NewRecorder(recording.Options{Dir: filepath.Join(dir, "notes.txt", "x")}); err == nil {
		t.Error("a recorder below a file must fail")
	}
}

func TestOneRecorderAFolder(t *testing.T) {
	dir := t.TempDir()
	l := newLive(t)
	r := recorder(t, l, recording.Options{Dir: dir})
	if _, err := recording.NewRecorder(recording.Options{Dir: dir}); !errors.Is(err, recording.ErrBusy) {
		t.Errorf("a second recorder: %v, want ErrBusy", err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r = recorder(t, l, recording.Options{Dir: dir})
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestReplayKeepsTheTime records in one virtual time and plays in another.
func TestReplayKeepsTheTime(t *testing.T) {
	dir := t.TempDir()
	l := newLive(t)
	r := recorder(t, l, recording.Options{Dir: dir, Segment: time.Minute})
	for i := range 10 {
		record(t, r, l.set(1, fmt.Sprint("v", i), 20*time.Second))
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		store := fleet.NewStore(t.Context(), fleet.StoreOptions{})
		defer store.Close()
		type seen struct {
			version string
			after   time.Duration
		}
		var all []seen
		began := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			for snap := range store.Snapshots(ctx) {
				if user := snap.Service("user"); user != nil {
					all = append(all, seen{user.Instances[0].Version, time.Since(began).Round(time.Second)})
				}
			}
		}()
		torn, err := open(t, dir).Replay(t.Context(), store, recording.ReplayOptions{From: start.Add(90 * time.Second), To: start.Add(170 * time.Second), Speed: 2})
		if err != nil || torn != nil {
			t.Fatalf("Replay = %v, %v", torn, err)
		}
		synctest.Wait()
		cancel()
		<-done
		// While it catches up a reader may see what was before.
		slices.Reverse(all)
		all = slices.CompactFunc(all, func(a, b seen) bool { return a.after == b.after })
		slices.Reverse(all)
		want := []seen{{"v3", 0}, {"v4", 5 * time.Second}, {"v5", 15 * time.Second}, {"v6", 25 * time.Second}, {"v7", 35 * time.Second}}
		if !slices.Equal(all, want) {
			t.Errorf("seen %v, want %v: what there was at once, then each change in half its time", all, want)
		}
		if at := store.Snapshot().At(); !at.Equal(start.Add(160 * time.Second)) {
			t.Errorf("the last snapshot is of %s, want the recorded time", at)
		}
		ctx, cancel = context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if _, err := open(t, dir).Replay(ctx, store, recording.ReplayOptions{Speed: 1}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a replay whose context ends returns %v", err)
		}
	})
}

func TestARecorderFollowsAStore(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		round := 0
		store := fleet.NewStore(t.Context(), fleet.StoreOptions{Sources: []fleet.Source{{Name: "catalog", Watch: func(ctx context.Context, f *fleet.Feed) error {
			f.Say(fleet.Facts{})
			for {
				select {
				case <-ctx.Done():
					return ctx.Err()
				case <-time.After(3 * time.Minute):
					round++
					f.Say(fleet.Facts{Instances: []fleet.Instance{{ID: fmt.Sprint("u", round), Service: "user"}}})
				}
			}
		}}}})
		defer store.Close()
		r, err := recording.NewRecorder(recording.Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 59*time.Minute+30*time.Second) // not at the moment of a change
		defer cancel()
		steps := 0
		if err := r.Run(ctx, store, func(recording.Stats) { steps++ }); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Run = %v", err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		list, err := open(t, dir).Events(t.Context(), "user", time.Now().Add(-2*time.Hour), time.Now())
		if err != nil || len(list.Events) != 37 || len(list.Gaps) > 0 { // the first came, then each time one came and one went
			t.Errorf("%d events, gaps %v, %v; want all of them, and no gap while nothing changed", len(list.Events), list.Gaps, err)
		}
		if steps < 180 {
			t.Errorf("told %d times", steps)
		}
	})
}

// A machine that sleeps stops the recorder with it: the hours until it wakes are a
// gap, also where the next line opens a segment.
func TestTheSleepOfTheMachineIsAGap(t *testing.T) {
	for _, segment := range []time.Duration{time.Minute, 24 * time.Hour} {
		dir, l := t.TempDir(), newLive(t)
		r := recorder(t, l, recording.Options{Dir: dir, Segment: segment})
		for i := range 10 {
			record(t, r, l.set(1, fmt.Sprint("v", i), 20*time.Second))
		}
		asleep := l.now
		record(t, r, l.set(1, "awake", 8*time.Hour))
		awake := l.now
		for i := range 10 {
			record(t, r, l.set(1, fmt.Sprint("w", i), 20*time.Second))
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		for _, since := range []time.Time{start, asleep.Add(time.Hour)} {
			list, err := open(t, dir).Events(t.Context(), "", since, l.now)
			if err != nil || len(list.Gaps) != 1 || !list.Gaps[0].From.Equal(asleep) || !list.Gaps[0].To.Equal(awake) {
				t.Errorf("segments of %s: gaps %v, %v; want from %s to %s", segment, list.Gaps, err, asleep, awake)
			}
		}
		list, err := open(t, dir).Events(t.Context(), "", awake.Add(time.Minute), l.now)
		if err != nil || len(list.Gaps) != 0 {
			t.Errorf("segments of %s: gaps %v after it woke, %v", segment, list.Gaps, err)
		}
	}
}

// A source that answers every second, to the same effect, leaves heartbeats too.
func TestNothingNewIsNoGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		store := fleet.NewStore(t.Context(), fleet.StoreOptions{Sources: []fleet.Source{{Name: "catalog", Interval: time.Second, Poll: func(context.Context, *fleet.Snapshot) (fleet.Facts, error) {
			return fleet.Facts{Instances: []fleet.Instance{{ID: "u1", Service: "user"}}}, nil
		}}}})
		defer store.Close()
		r, err := recording.NewRecorder(recording.Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 59*time.Minute+30*time.Second) // not at the moment of a change
		defer cancel()
		if err := r.Run(ctx, store, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Run = %v", err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		list, err := open(t, dir).Events(t.Context(), "", time.Now().Add(-2*time.Hour), time.Now())
		if err != nil || len(list.Gaps) != 0 {
			t.Errorf("gaps %v, %v", list.Gaps, err)
		}
	})
}

func FuzzRead(f *testing.F) {
	var seed bytes.Buffer
	d := full()
	if err := recording.WriteTo(&seed, &d, &fleet.Delta{At: start, Whole: true}); err != nil {
		f.Fatal(err)
	}
	f.Add(seed.Bytes())
	f.Add(seed.Bytes()[:seed.Len()/2])
	f.Add([]byte("{}"))
	f.Add(exportedSeed(f))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		single := filepath.Join(dir, "incident.rec")
		if err := os.WriteFile(single, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if r, err := recording.Open(single); err == nil {
			if _, _, err := r.At(t.Context(), r.From()); err != nil && !errors.Is(err, fleet.ErrNotFound) {
				t.Errorf("At = %v", err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, "20260301T120000.000Z.v1.rec"), data, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := recording.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		store := fleet.NewStore(t.Context(), fleet.StoreOptions{})
		defer store.Close()
		if _, err := r.Replay(t.Context(), store, recording.ReplayOptions{}); err != nil {
			t.Errorf("Replay = %v: what cannot be read is torn off", err)
		}
		snap := store.Snapshot()
		again := fleet.Diff(nil, snap)
		if _, err := recording.RoundTrip(&again); err != nil {
			t.Errorf("what was read cannot be written: %v", err)
		}
		if _, err := r.Events(t.Context(), "", time.Time{}, start.AddDate(100, 0, 0)); err != nil {
			t.Errorf("Events = %v", err)
		}
		times, err := r.Timeline(t.Context())
		if err != nil {
			t.Errorf("Timeline = %v", err)
		}
		for _, at := range times {
			if _, _, err := r.At(t.Context(), at); err != nil && !errors.Is(err, fleet.ErrNotFound) {
				t.Errorf("At = %v", err)
			}
		}
		var out bytes.Buffer
		if _, err := r.Export(t.Context(), &out, time.Time{}, time.Time{}); err != nil && !errors.Is(err, fleet.ErrNotFound) {
			t.Errorf("Export = %v", err)
		}
	})
}

// FuzzLine fuzzes behind the compression and the checksum.
func FuzzLine(f *testing.F) {
	f.Add([]byte(`{"at":"2026-03-01T12:00:00Z","whole":true,"instances":[{"id":"a","service":"s"}],"reds":[{"service":"s","rate":null}],"gone":[{"kind":"red","service":"s"}]}`))
	f.Add([]byte(`{"at":"2026-03-01T12:00:00Z","events":[{"at":"0001-01-01T00:00:00Z","kind":"x"}],"sources":[{}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		d, err := recording.DecodeLine(raw)
		if err != nil {
			return
		}
		store := fleet.NewStore(t.Context(), fleet.StoreOptions{})
		defer store.Close()
		store.Apply(&d)
		store.Apply(&d)
		again := fleet.Diff(nil, store.Flush())
		if _, err := recording.RoundTrip(&again); err != nil {
			t.Errorf("what was read cannot be written: %v", err)
		}
	})
}
