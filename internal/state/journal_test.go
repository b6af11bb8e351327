package state_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gctl-dev/gctl/internal/state"
)

// lines returns what a journal holds.
func lines(t *testing.T, j *state.Journal) []string {
	t.Helper()
	var all []string
	if err := j.Each(func(line []byte) { all = append(all, string(line)) }); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAJournalKeepsLinesInOrderAndToItself(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b", "actions.jsonl")
	j := state.NewJournal(path)
	if got := lines(t, j); len(got) != 0 {
		t.Errorf("before the first line: %q", got)
	}
	for i := range 3 {
		if err := j.Append(map[string]any{"n": i, "text": "two\nlines"}); err != nil {
			t.Fatal(err)
		}
	}
	got := lines(t, j)
	if len(got) != 3 || !strings.HasPrefix(got[2], `{"n":2,`) {
		t.Errorf("lines = %q", got)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// A process that was killed while it wrote, or a disk that was full, leaves half a
// line.
func TestHalfALineCostsOnlyItself(t *testing.T) {
	path := filepath.Join(t.TempDir(), "actions.jsonl")
	if err := os.WriteFile(path, []byte(`{"n":1}`+"\n"+`{"n":2,"te`), 0o600); err != nil {
		t.Fatal(err)
	}
	j := state.NewJournal(path)
	if err := j.Append(map[string]int{"n": 3}); err != nil {
		t.Fatal(err)
	}
	if got := lines(t, j); len(got) != 2 || got[1] != `{"n":3}` {
		t.Errorf("lines = %q", got)
	}
}

func TestOnlyTheEndOfALongJournalIsRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "actions.jsonl")
	line := `{"text":"` + strings.Repeat("x", 1<<20) + `"}` + "\n"
	if err := os.WriteFile(path, []byte(strings.Repeat(line, 9)), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := lines(t, state.NewJournal(path)); len(got) != 7 {
		t.Errorf("%d lines", len(got))
	}
}

const (
	writers = 4
	each    = 100
)

func TestMain(m *testing.M) {
	if path := os.Getenv("TEST_JOURNAL"); path != "" {
		j := state.NewJournal(path)
		if os.Getenv("TEST_BOUNDS") != "" {
			j = bounded(path)
		}
		if err := write(j, os.Getenv("TEST_BOUNDS")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// write writes what a process of these tests writes: a number of lines, or numbered
// lines until it is killed, and says of each that it is written.
func write(j *state.Journal, bounds string) error {
	for n := range each {
		if err := j.Append(map[string]any{"n": n, "pid": os.Getpid(), "text": strings.Repeat("x", 5000)}); err != nil {
			return err
		}
		fmt.Println(n)
	}
	for n := each; bounds == "for ever"; n++ {
		if err := j.Append(map[string]int{"n": n}); err != nil {
			return err
		}
		fmt.Println(n)
	}
	return nil
}

func TestSeveralProcessesWriteAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "actions.jsonl")
	var all []*exec.Cmd
	for range writers {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env, cmd.Stderr = append(os.Environ(), "TEST_JOURNAL="+path), os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		all = append(all, cmd)
	}
	for _, cmd := range all {
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	if got := lines(t, state.NewJournal(path)); len(got) != writers*each {
		t.Errorf("%d lines, want %d", len(got), writers*each)
	}
}

func TestWhereStateIsKept(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	for set, want := range map[string]string{
		"": filepath.Join(home, ".local", "state", "gctl"), home: filepath.Join(home, "gctl"),
		"relative": filepath.Join(home, ".local", "state", "gctl"),
	} {
		dir, err := state.Dir(func(string) string { return set })
		if err != nil || dir != want {
			t.Errorf("XDG_STATE_HOME=%q: %q, %v", set, dir, err)
		}
	}
}
