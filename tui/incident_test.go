package tui

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/state/recording"
	"github.com/gctl-dev/gctl/tui/screen"
)

// replaying is a dashboard that replays a recorded incident of testdata/incidents, of
// which README.md there tells.
func replaying(t *testing.T, name string, o Options, w, h int) *headless {
	t.Helper()
	r, err := recording.Open(filepath.Join("testdata", "incidents", name+".rec"))
	if err != nil {
		t.Fatal(err)
	}
	o.Replay, o.Context = true, name+".rec"
	o.Past = func(context.Context) (Past, error) { return recorded{r}, nil }
	o.Env = screen.Env{Events: func(ctx context.Context, service string, since, until time.Time) (fleet.EventList, error) {
		return r.Events(ctx, service, since, until)
	}}
	if o.Window == 0 {
		o.Window = 5 * time.Minute
	}
	return open(t, nil, o, w, h)
}

// moveTo moves the time cursor, as a user does.
func moveTo(t *testing.T, run *headless, at string) {
	t.Helper()
	run.send(press(':'))
	for _, r := range "at " + at {
		run.send(press(r))
	}
	run.send(enter())
	settle(t, run)
}

func text(run *headless) string { return ansi.Strip(run.m.View().Content) }

// scene is what a screen must say, and not say, at a moment of an incident. The
// texts are patterns.
type scene struct {
	place, at string
	says      []string
	not       []string
}

// scenes are what the recorded incidents must look like: what is in trouble, since
// when and why.
func scenes() map[string][]scene {
	return map[string][]scene{
		"slow": {
			{"services", "14:07:30", []string{`✓ user +6/6 ok`, `✓ edge +1/1 ok`, `REPLAY +2026-11-25 14:07:30`}, []string{"down"}},
			{"services", "14:08:40", []string{`▌✗ user +5/6 down .* 1 of 6 down`, `✓ edge +1/1 ok`}, nil},
			{"services", "14:10:10", []string{`! user +6/6 ok .* user-3 p99 ×\d+`}, []string{"down"}}, // in the five minutes of the metrics
			{"service/user", "14:08:40", []string{`✗ user-3 +critical +critical`, `~14:08:27 user-3 catalog: passing to critical`, `cursor 14:08:40`}, []string{"14:09:15"}},
			{"service/user", "14:09:10", []string{`user-3 .* 803ms`}, nil}, // what it did before it hung
			{"service/user", "14:10:10", []string{`! user-3 +serving +passing`, `~14:09:15 user-3 catalog: critical to passing`}, nil},
			{"events/user", "14:10:10", []string{`~14:08:27 +✗ catalog +user-3 +passing → critical`, `~14:09:15 +✓ health +user-3 +unknown → serving`, `gap +– +not known before`}, nil},
			{"breakers", "14:08:40", []string{`edge +▌?✓`}, []string{"OPEN"}},
		},
		"breaker": {
			{"services", "13:56:00", []string{`✓ user +6/6 ok +closed`}, []string{"1 open", "2 open"}},
			{"services", "13:56:20", []string{`▌✗ user +6/6 ok +2 open .* breakers 2 open`, `! edge .* errors 3%`}, nil},
			{"services", "13:57:10", []string{`▌✗ edge .* errors 13%`, `! user .* 2 flapping`}, nil},
			{"breakers", "13:56:20", []string{`edge +▌✗ OPEN 1s 2 of 2`, `OPEN since 13:56:15 · trips 2 · probe in 1s`, `last error: UNAVAILABLE`, `✗ edge-1 +user/read +user +OPEN`}, nil},
			{"breakers", "13:57:10", []string{`FLAPPING since 13:56:52 · trips 7`}, []string{"OPEN"}},
			{"service/edge", "13:56:20", []string{`to → +user .* 2 open`, `13:56:10 edge-1 breaker user/write from closed to open`, `13:56:07 edge-1 breaker user/read from closed to open`}, []string{"half_open"}},
			{"service/edge", "13:57:10", []string{`13:56:52 edge-1 breaker user/write from half_open to closed`}, nil},
			{"events/edge", "13:57:10", []string{`13:56:07 +✗ breaker +edge-1 +user/read +closed → open`, `13:56:48 +✓ breaker +edge-1 +user/read +half_open → closed`}, nil},
		},
		"deploy": {
			{"service/user", "14:15:20", []string{`✓ user-5 +serving +passing +v1\.4\.0`, `ERR 0%`}, []string{"v1.5.0", "INTERNAL"}},
			{"service/user", "14:16:00", []string{`✓ user-5 +serving +passing +!v1\.5\.0 .* 0\.18 `, `UpdateUser .* INTERNAL 100%`, `~14:15:33 user-5 was removed`, `~14:15:33 user-5 was added`}, nil},
			{"service/user", "14:16:50", []string{`instances[^▌]*\n▌GetUser[^\n]*user-5 .* 0\.54 `, `ListUsers .* INTERNAL 100%`}, nil}, // the one that fails comes first
			{"services", "14:16:50", []string{`✓ edge .* 0\.11 `, `✓ user .* 0\.07 `}, nil},                                             // and the rest makes up for it
			{"events/user", "14:16:50", []string{`~14:15:33 +! went +user-5 .* was v1\.4\.0`, `~14:15:33 +✓ came +user-5 .* v1\.5\.0`}, nil},
		},
	}
}

// A replayed incident says at each moment what was known then: what is in trouble,
// since when and why, and what is well again.
func TestIncidentsSayWhatHappened(t *testing.T) {
	for name, list := range scenes() {
		for _, m := range list {
			t.Run(name+" "+m.place+" "+m.at, func(t *testing.T) {
				run := replaying(t, name, Options{Place: m.place, Theme: "none"}, 140, 40)
				moveTo(t, run, m.at)
				got := text(run)
				for _, want := range m.says {
					if !regexp.MustCompile(want).MatchString(got) {
						t.Errorf("it does not say %q:\n%s", want, got)
					}
				}
				for _, no := range m.not {
					if strings.Contains(got, no) {
						t.Errorf("it says %q:\n%s", no, got)
					}
				}
			})
		}
	}
}

// What nobody can be asked in a recording is said, and what to do.
func TestIncidentsSayWhatTheyDoNotHave(t *testing.T) {
	for place, want := range map[string]string{
		"traces/user": "a recording has none", "trace/abc": "a recording has no traces", "why/user": "In a recording nobody can be asked", "invoke/user": "In a recording nobody can be called",
	} {
		run := replaying(t, "slow", Options{Place: place}, 100, 20)
		if got := text(run); !strings.Contains(got, want) {
			t.Errorf("%s does not say %q:\n%s", place, want, got)
		}
	}
}

// The state of a service changes as it did, step by step forth, and by the same steps
// back.
func TestIncidentsAreWalkedThroughBothWays(t *testing.T) {
	for name, want := range map[string][]string{
		"slow":    {"✓ closed", "✗ closed", "! closed"},
		"breaker": {"✓ closed", "✗ 1 open", "✗ 2 open", "✗ 1 open", "! 1 half", "! 2 flapping"},
	} {
		t.Run(name, func(t *testing.T) {
			run := replaying(t, name, Options{}, 120, 30)
			there := walk(t, run, '<')
			back := walk(t, run, '>')
			slices.Reverse(there)
			if !slices.Equal(there, back) {
				t.Errorf("forth %q, back %q", back, there)
			}
			if !slices.Equal(back, want) {
				t.Errorf("user was %q, want %q", back, want)
			}
		})
	}
}

var stateOfUser = regexp.MustCompile(`(?m)^[▌ ](.) user .*?\d/6 \S+ +((?:\d )?\S+)`)

// walk steps to the end of the recording and returns how the service user was on the
// way.
func walk(t *testing.T, run *headless, step rune) []string {
	t.Helper()
	var states []string
	for n, last := 0, (time.Time{}); n < 1000 && !run.m.cursor.Equal(last); n++ {
		last = run.m.cursor
		check(t, run, []string{string(step)})
		found := stateOfUser.FindStringSubmatch(text(run))
		if found == nil {
			t.Fatalf("where is user?\n%s", text(run))
		}
		if state := found[1] + " " + found[2]; len(states) == 0 || states[len(states)-1] != state {
			states = append(states, state)
		}
		run.send(press(step))
		settle(t, run)
	}
	return states
}

// The screens of the incidents as a terminal shows them, at four sizes, and in colours
// and without.
func TestIncidentGoldens(t *testing.T) {
	for _, c := range []struct{ incident, place, at string }{
		{"slow", "services", "14:08:40"},
		{"slow", "service/user", "14:09:10"},
		{"breaker", "services", "13:56:20"},
		{"breaker", "breakers", "13:56:20"},
		{"breaker", "service/edge", "13:57:10"},
		{"breaker", "events/edge", "13:57:10"},
		{"deploy", "service/user", "14:16:50"},
		{"deploy", "events/user", "14:16:50"},
	} {
		name := strings.Join([]string{"incidents", c.incident, strings.ReplaceAll(c.place, "/", "-")}, "/")
		for _, size := range [][2]int{{60, 16}, {80, 24}, {120, 40}, {200, 50}} {
			t.Run(fmt.Sprintf("%s %dx%d", name, size[0], size[1]), func(t *testing.T) {
				run := replaying(t, c.incident, Options{Place: c.place, Theme: "dark"}, size[0], size[1])
				moveTo(t, run, c.at)
				frame(t, run).Golden(t, fmt.Sprintf("%s-%dx%d", name, size[0], size[1]))
			})
		}
		for _, theme := range []string{"dark", "light", "none"} {
			t.Run(name+" "+theme, func(t *testing.T) {
				run := replaying(t, c.incident, Options{Place: c.place, Theme: theme, ASCII: theme == "none"}, 80, 24)
				moveTo(t, run, c.at)
				frame(t, run).GoldenANSI(t, name+"-"+theme)
			})
		}
	}
}

// The recordings are small and tell nothing of the machine that they are of.
func TestIncidentsTellNothingOfTheirMachine(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "incidents", "*.rec"))
	if err != nil || len(files) != 3 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil || info.Size() > 100_000 {
			t.Errorf("%s: %d bytes, %v", file, info.Size(), err)
		}
		said := unzipped(t, file)
		if found := regexp.MustCompile(`/(?:tmp|home|root|work|usr|var)/[^"]*|\b(?:10|172|192)\.\d+\.\d+\.\d+`).FindString(said); found != "" {
			t.Errorf("%s has %s", file, found)
		}
	}
}

func unzipped(t *testing.T, path string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
