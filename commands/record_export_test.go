package commands

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/state/recording"
)

// recorded writes an hour of one service that changes each minute, ending at now.
func recorded(t *testing.T, dir string, now time.Time) {
	t.Helper()
	at := now.Add(-time.Hour)
	r, err := recording.NewRecorder(recording.Options{Dir: dir, Now: func() time.Time { return at }})
	if err != nil {
		t.Fatal(err)
	}
	store := fleet.NewStore(t.Context(), fleet.StoreOptions{})
	defer store.Close()
	for minute := range 61 {
		at = now.Add(time.Duration(minute-60) * time.Minute)
		version := fmt.Sprint("v", minute)
		store.Apply(&fleet.Delta{
			At:        at,
			Instances: []fleet.InstanceFact{{Instance: fleet.Instance{ID: "user-1", Service: "user", Version: version}}},
			Events:    []fleet.Event{{At: at, Kind: fleet.VersionChanged, Service: "user", Instance: "user-1", To: version}},
		})
		if err := r.Record(store.Flush()); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestRecordExport(t *testing.T) {
	f, run := withCatalog(&fakeCatalog{instances: shop}, map[string]string{"XDG_STATE_HOME": t.TempDir()})
	dir, file := filepath.Join(t.TempDir(), "ring"), filepath.Join(t.TempDir(), "incident.rec")
	var last result // the streams are those of all runs
	check := func(code int, want string, args ...string) {
		t.Helper()
		r := run(t.Context(), append([]string{"record", "export"}, args...)...)
		if told := strings.TrimPrefix(r.err, last.err); r.code != code || r.out != last.out || !strings.Contains(told, want) {
			t.Errorf("%v = %d %s; want %d and %q", args, r.code, told, code, want)
		}
		last = r
	}
	check(1, "there is no recording", file)
	check(1, "there is no recording", file, "--dir", dir)
	recorded(t, dir, f.Now())

	check(0, "wrote "+file+": 2026-02-28T23:40:00Z to 2026-02-28T23:50:00Z, 11 snapshots, 1 service, 1 instance, ", file, "--dir", dir, "--from", "-20m", "--to", "23:50")
	if info, err := os.Stat(file); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v; want 0600", info.Mode(), err)
	}
	r := run(t.Context(), "events", "--dir", file, "--since", "2h", "-o", "jsonl", "--jq", ".to")
	if r.code != 0 || strings.Count(r.out, "\n") != 51 || !strings.Contains(r.out, "v50") || strings.Contains(r.out, "v51") {
		t.Errorf("events of the file = %+v", r)
	}
	if !strings.Contains(r.err, "nothing was recorded before 2026-02-28T23:40:00Z") || !strings.Contains(r.err, "nothing was recorded after 2026-02-28T23:50:00Z") {
		t.Errorf("what the file has not is not said: %s", r.err)
	}

	last = r
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	check(2, "hint: --force overwrites it", file, "--dir", dir)
	if after, err := os.ReadFile(file); err != nil || string(after) != string(before) {
		t.Errorf("the file was changed: %v", err)
	}
	check(0, "23:00:00Z to 2026-03-01T00:00:00Z, 61 snapshots", file, "--dir", dir, "--force")
	check(0, "23:55:00Z to 2026-03-01T00:00:00Z, 6 snapshots", file, "--dir", file, "--from", "5m", "--force") // of itself

	other := filepath.Join(t.TempDir(), "other.rec")
	check(1, "nothing was recorded in that time", other, "--dir", dir, "--to", "-2h")
	check(2, `--from "soon" is no time`, other, "--dir", dir, "--from", "soon")
	check(2, `--to "2027-01-01T00:00:00Z" is in the future`, other, "--dir", dir, "--to", "2027-01-01T00:00:00Z")
	check(2, "is before --from", other, "--dir", dir, "--from", "-5m", "--to", "-10m")
	check(2, "lies in the folder of the recording", filepath.Join(dir, "part.rec"), "--dir", dir)
	check(1, "cannot be exported", filepath.Join(dir, "no", "where.rec"), "--dir", dir)
	check(2, "an argument is missing")
	if _, err := os.Stat(other); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file was left behind: %v", err)
	}

	damage(t, dir)
	check(0, "warning: ", other, "--dir", dir)
}

// damage cuts off the end of a segment.
func damage(t *testing.T, dir string) {
	t.Helper()
	segments, err := filepath.Glob(filepath.Join(dir, "*.rec"))
	if err != nil || len(segments) < 3 {
		t.Fatal(segments, err)
	}
	info, err := os.Stat(segments[1])
	if err == nil {
		err = os.Truncate(segments[1], info.Size()*2/3)
	}
	if err != nil {
		t.Fatal(err)
	}
}
