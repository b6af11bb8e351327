package state_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gctl-dev/gctl/internal/state"
)

// bounded is a journal of 40 lines and 100 kB, in which saved lines go last.
func bounded(path string) *state.Journal {
	return state.NewBoundedJournal(path, state.Bounds{Lines: 40, Bytes: 100_000, Keep: func(line []byte) bool {
		return strings.Contains(string(line), `"saved":true`)
	}})
}

type numbered struct {
	N     int    `json:"n"`
	PID   int    `json:"pid"`
	Saved bool   `json:"saved"`
	Text  string `json:"text,omitempty"`
}

// numbers are the lines of a journal, and whether it is within its bounds.
func numbers(t *testing.T, path string) []numbered {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	var all []numbered
	for _, line := range lines(t, state.NewJournal(path)) {
		var n numbered
		if err := json.Unmarshal([]byte(line), &n); err != nil {
			t.Fatal(err)
		}
		all = append(all, n)
	}
	if len(all) > 40 || info.Size() > 100_000 || info.Mode().Perm() != 0o600 {
		t.Fatalf("%d lines, %d bytes, %v", len(all), info.Size(), info.Mode())
	}
	return all
}

func TestABoundedJournalForgetsItsOldestLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "calls.jsonl")
	for n := range 200 {
		if err := bounded(path).Append(numbered{N: n}); err != nil {
			t.Fatal(err)
		}
		all := numbers(t, path)
		if got := all[len(all)-1].N; got != n {
			t.Fatalf("the newest is %d, not %d", got, n)
		}
		for i := range all {
			if all[i].N != n-len(all)+1+i {
				t.Fatalf("after %d a line is missing in between: %v", n, all)
			}
		}
		if n >= 40 && len(all) < 30 {
			t.Fatalf("after %d only %d are kept", n, len(all))
		}
	}
}

// Whichever bound is reached first; one long line costs no more than it must.
func TestABoundedJournalCountsBytes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "calls.jsonl")
	for n := range 60 {
		if err := bounded(path).Append(numbered{N: n, Text: strings.Repeat("x", n%5*8000)}); err != nil {
			t.Fatal(err)
		}
		if all := numbers(t, path); all[len(all)-1].N != n || n >= 10 && len(all) < 3 {
			t.Fatalf("after %d: %d lines, the last is %d", n, len(all), all[len(all)-1].N)
		}
	}
}

func TestSavedLinesOutliveTheOthers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "calls.jsonl")
	for n := range 300 {
		if err := bounded(path).Append(numbered{N: n, Saved: n < 5}); err != nil {
			t.Fatal(err)
		}
	}
	all := numbers(t, path)
	for n := range 5 {
		if !slices.ContainsFunc(all, func(l numbered) bool { return l.N == n }) {
			t.Errorf("the saved %d is gone: %v", n, all)
		}
	}
	for n := range 100 { // a journal of saved lines only is bounded too
		if err := bounded(path).Append(numbered{N: 1000 + n, Saved: true}); err != nil {
			t.Fatal(err)
		}
	}
	if all := numbers(t, path); all[len(all)-1].N != 1099 {
		t.Errorf("%v", all)
	}
}

// A journal from before there were bounds, with half a line at its end, is taken over.
func TestALongJournalIsTakenOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "calls.jsonl")
	var b strings.Builder
	for n := range 5000 {
		fmt.Fprintf(&b, `{"n":%d}`+"\n", n)
	}
	if err := os.WriteFile(path, []byte(b.String()+`{"n":50`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := bounded(path).Append(numbered{N: 5000}); err != nil {
		t.Fatal(err)
	}
	if all := numbers(t, path); len(all) != 30 || all[0].N != 4971 || all[29].N != 5000 {
		t.Errorf("%v", all)
	}
}

// A link is written through, not replaced.
func TestALinkedJournalStaysWhereItIs(t *testing.T) {
	dir := t.TempDir()
	path, linked := filepath.Join(dir, "calls.jsonl"), filepath.Join(dir, "elsewhere.jsonl")
	if err := os.Symlink(linked, path); err != nil {
		t.Fatal(err)
	}
	for n := range 50 {
		if err := bounded(path).Append(numbered{N: n}); err != nil {
			t.Fatal(err)
		}
	}
	if got := lines(t, state.NewJournal(linked)); len(got) != 50 {
		t.Errorf("%d lines", len(got))
	}
}

// Several processes shorten it at once: what each wrote last is there, in its order.
func TestSeveralProcessesShareABoundedJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "calls.jsonl")
	var all []*exec.Cmd
	for range writers {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env, cmd.Stderr = append(os.Environ(), "TEST_JOURNAL="+path, "TEST_BOUNDS=yes"), os.Stderr
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
	last, got := map[int]int{}, numbers(t, path)
	for _, l := range got {
		if before, ok := last[l.PID]; ok && l.N != before+1 {
			t.Errorf("%d comes after %d of the same process", l.N, before)
		}
		last[l.PID] = l.N
	}
	if len(got) < 10 || got[len(got)-1].N != each-1 {
		t.Errorf("%d lines are kept, the last is %d", len(got), got[len(got)-1].N)
	}
}

// Whenever a process is killed: what it said is written is there, and the journal is
// as good as before.
func TestAKilledProcessLosesNoLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "calls.jsonl")
	for round := range 5 {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env, cmd.Stderr = append(os.Environ(), "TEST_JOURNAL="+path, "TEST_BOUNDS=for ever"), os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		said, in := -1, bufio.NewScanner(out)
		for said < each+20*round && in.Scan() {
			if _, err := fmt.Sscan(in.Text(), &said); err != nil {
				t.Fatal(err)
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for in.Scan() { // what it had said by then
			_, _ = fmt.Sscan(in.Text(), &said)
		}
		_ = cmd.Wait()
		all := numbers(t, path)
		if last := all[len(all)-1].N; last != said && last != said+1 {
			t.Fatalf("%d was written, the last that is there is %d", said, last)
		}
		for i := 1; i < len(all); i++ {
			if all[i].N != all[i-1].N+1 && all[i].N != 0 {
				t.Fatalf("a line is missing after %d", all[i-1].N)
			}
		}
	}
}
