package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/term"
)

// result is what one run of the tree left behind.
type result struct {
	code     int
	out, err string
}

// testFactory returns a factory over buffers, with env as its environment, and
// what runs it.
func testFactory(env map[string]string) (*Factory, func(ctx context.Context, args ...string) result) {
	s, _, out, errOut := term.Test()
	f := &Factory{
		Streams: s, Version: "v1", Commit: "c1",
		Now:    func() time.Time { return time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC) },
		Getenv: func(name string) string { return env[name] },
	}
	return f, func(ctx context.Context, args ...string) result {
		code := Run(ctx, f, args)
		return result{code, out.String(), errOut.String()}
	}
}

// runCommand runs a command with the given function inside the frame.
func runCommand(ctx context.Context, f *Factory, fn func(*cobra.Command, []string) error, args ...string) int {
	root := NewRoot(f)
	root.AddCommand(&cobra.Command{Use: "do", RunE: fn})
	return runRoot(ctx, f, root, append([]string{"do"}, args...))
}

type statusError int

func (statusError) Error() string   { return "rpc ended" }
func (s statusError) ExitCode() int { return 64 + int(s) }

func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want int
	}{
		{"success", nil, 0},
		{"any error", errors.New("x"), 1},
		{"usage", fmt.Errorf("outer: %w", &fleet.Error{Kind: fleet.Usage, What: "x"}), 2},
		{"no", &fleet.Error{Kind: fleet.Negative, What: "x"}, 3},
		{"status", fmt.Errorf("outer: %w", statusError(5)), 69},
		{"status below an error", &fleet.Error{What: "x", Err: statusError(14)}, 78},
	} {
		f, _ := testFactory(nil)
		got := runCommand(t.Context(), f, func(*cobra.Command, []string) error { return c.err })
		if got != c.want {
			t.Errorf("%s: exit code %d, want %d", c.name, got, c.want)
		}
	}
}

func TestAnInterruptionIs130AndSilent(t *testing.T) {
	f, _ := testFactory(nil)
	ctx, cancel := context.WithCancel(t.Context())
	got := runCommand(ctx, f, func(cmd *cobra.Command, _ []string) error {
		cancel()
		<-cmd.Context().Done()
		return statusError(1)
	})
	if got != 130 {
		t.Errorf("exit code %d, want 130", got)
	}
	if text := f.Streams.Err.(fmt.Stringer).String(); text != "" {
		t.Errorf("stderr %q, want nothing", text)
	}
}

func TestAnEndlessFilterEndsWithTheCommand(t *testing.T) {
	endless := []string{"version", "--jq", "def f: f; f"}
	_, run := testFactory(nil)
	if got := run(t.Context(), append(endless, "--timeout", "10ms")...); got.code != 1 || !strings.Contains(got.err, "not done within 10ms") {
		t.Errorf("with --timeout: %+v", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	_, run = testFactory(nil)
	if got := run(ctx, endless...); got.code != 130 {
		t.Errorf("interrupted: %+v", got)
	}
}

func TestTimeoutEndsTheCommand(t *testing.T) {
	wait := func(err error) func(*cobra.Command, []string) error {
		return func(cmd *cobra.Command, _ []string) error {
			<-cmd.Context().Done()
			return errors.Join(err, cmd.Context().Err())
		}
	}
	f, _ := testFactory(nil)
	if got := runCommand(t.Context(), f, wait(nil), "--timeout", "1ms"); got != 1 {
		t.Errorf("exit code %d, want 1", got)
	}
	if text := f.Streams.Err.(fmt.Stringer).String(); !strings.Contains(text, "not done within 1ms") {
		t.Errorf("stderr %q", text)
	}
	if got := runCommand(t.Context(), f, wait(statusError(4)), "--timeout", "1ms"); got != 68 {
		t.Errorf("an RPC keeps its status: exit code %d, want 68", got)
	}
}

func TestUsageErrorsHaveHints(t *testing.T) {
	for _, c := range []struct {
		args string
		env  map[string]string
		want []string
	}{
		{"vesion", nil, []string{`error: unknown command "vesion"`, "hint: did you mean gctl version?"}},
		{"version --contxt a", nil, []string{"unknown flag: --contxt", "did you mean --context?"}},
		{"version -context a", nil, []string{"did you mean --context?"}},
		{"version extra", nil, []string{`unexpected argument "extra"`, "usage: gctl version"}},
		{"version -o jsn", nil, []string{`unknown output format "jsn"`, "did you mean json"}},
		{"version --jq .[", nil, []string{`--jq ".["`}},
		{"version --timeout -1s", nil, []string{"negative"}},
		{"version", map[string]string{"GCTL_TIMEOUT": "soon"}, []string{`GCTL_TIMEOUT="soon"`}},
		{"version --jq .version.x", nil, []string{"--jq"}},
	} {
		_, run := testFactory(c.env)
		got := run(t.Context(), strings.Fields(c.args)...)
		if got.code != 2 || got.out != "" {
			t.Errorf("%s: exit code %d and stdout %q, want 2 and nothing", c.args, got.code, got.out)
		}
		for _, want := range c.want {
			if !strings.Contains(got.err, want) {
				t.Errorf("%s: stderr %q, want %q in it", c.args, got.err, want)
			}
		}
	}
}

func TestErrorsAreJSONWithJSON(t *testing.T) {
	for _, args := range []string{"version -o json --zzzzzz", "version --zzzzzz -ojson", "version --zzzzzz --output=json"} {
		_, run := testFactory(nil)
		got := run(t.Context(), strings.Fields(args)...)
		want := `{"error":"unknown flag: --zzzzzz","kind":"usage","hint":"see gctl version --help","exit_code":2}` + "\n"
		if got.err != want {
			t.Errorf("%s: stderr %q, want %q", args, got.err, want)
		}
	}
}

func TestErrorsFromOutsideAreHarmless(t *testing.T) {
	f, _ := testFactory(nil)
	runCommand(t.Context(), f, func(*cobra.Command, []string) error {
		return &fleet.Error{What: "a\x1b[2Jb", Details: []string{"\x1b]0;t\x07detail"}, Hint: "h\u202e"}
	})
	want := "error: ab\n  detail\nhint: h\n"
	if got := f.Streams.Err.(fmt.Stringer).String(); got != want {
		t.Errorf("stderr %q, want %q", got, want)
	}
}

func TestFlagsBeatVariables(t *testing.T) {
	f, run := testFactory(map[string]string{
		"GCTL_CONTEXT": "env", "GCTL_ADDR": "a:1", "GCTL_TAG": "x,y", "GCTL_NO_COLOR": "1", "GCTL_OUTPUT": "json",
	})
	if got := run(t.Context(), "version", "--context", "flag"); got.code != 0 || !strings.Contains(got.out, `"version": "v1"`) {
		t.Errorf("got %+v", got)
	}
	g := f.Global
	if g.Context != "flag" || g.Addr != "a:1" || !slices.Equal(g.Tags, []string{"x", "y"}) || !g.NoColor {
		t.Errorf("got %+v", g)
	}
}

func TestAFormatInAVariableIsAWish(t *testing.T) {
	_, run := testFactory(map[string]string{"GCTL_OUTPUT": "wide"})
	if got := run(t.Context(), "version"); got.code != 0 || !strings.HasPrefix(got.out, "gctl v1") {
		t.Errorf("a command without that format has its own: %+v", got)
	}
	_, run = testFactory(map[string]string{"GCTL_OUTPUT": "jsn"})
	if got := run(t.Context(), "version"); got.code != 2 || !strings.Contains(got.err, "did you mean json") {
		t.Errorf("one that nobody has is a mistake: %+v", got)
	}
	_, run = testFactory(map[string]string{"GCTL_OUTPUT": "json"})
	if got := run(t.Context(), "version", "--zzz"); got.code != 2 || !strings.HasPrefix(got.err, `{"error":`) {
		t.Errorf("errors follow the variable too: %+v", got)
	}
}

func TestVersion(t *testing.T) {
	_, run := testFactory(nil)
	if got := run(t.Context(), "version"); got.code != 0 || !strings.HasPrefix(got.out, "gctl v1 (c1, go") {
		t.Errorf("got %+v", got)
	}
}
