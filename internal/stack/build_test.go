package stack

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// nowhere gives the test a PATH with nothing but go on it, and a cache of its
// own.
func nowhere(t *testing.T) {
	t.Helper()
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.Symlink(goTool, filepath.Join(bin, "go")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOCACHE", strings.TrimSpace(string(out)))
	t.Setenv("PATH", bin)
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
}

// source makes the working directory a module like this one, whose consul is a
// program of one line.
func source(t *testing.T, program string) {
	t.Helper()
	root := t.TempDir()
	dir := filepath.Join(root, "tools", "backends", "consul")
	if err := os.MkdirAll(filepath.Join(root, "some", "package"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{
		filepath.Join(root, "go.mod"): "module " + modulePath + "\n",
		filepath.Join(dir, "go.mod"):  "module github.com/hashicorp/consul\n",
		filepath.Join(dir, "main.go"): program,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(filepath.Join(root, "some", "package"))
}

func TestABackendIsBuiltOnceByWhoeverComesFirst(t *testing.T) {
	nowhere(t)
	source(t, "package main\n\nfunc main() { println(\"built\") }\n")
	if _, err := Find("consul"); !errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), "make backends") {
		t.Fatalf("Find = %v, want ErrMissing and what to do", err)
	}
	var logs [3]bytes.Buffer
	var group sync.WaitGroup
	for i := range logs {
		group.Go(func() {
			if _, err := Ensure(t.Context(), "consul", &logs[i]); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	all := logs[0].String() + logs[1].String() + logs[2].String()
	if strings.Count(all, "building consul 1.19.2") != 1 || strings.Count(all, "built consul 1.19.2 in ") != 1 {
		t.Errorf("log = %q, want one build", all)
	}
	path, err := Find("consul")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), path).CombinedOutput(); err != nil || string(out) != "built\n" {
		t.Errorf("%s says %q, %v", path, out, err)
	}
}

func TestABuildThatFailsSaysWhyAndLeavesNothing(t *testing.T) {
	nowhere(t)
	source(t, "package main\n\nfunc main() { undefinedThing() }\n")
	_, err := Ensure(t.Context(), "consul", &bytes.Buffer{})
	if err == nil || !strings.Contains(err.Error(), "undefinedThing") {
		t.Errorf("Ensure = %v, want the compiler's words", err)
	}
	if _, err := Find("consul"); !errors.Is(err, ErrMissing) {
		t.Errorf("Find = %v, want ErrMissing", err)
	}
}

func TestPATHComesFirst(t *testing.T) {
	nowhere(t)
	own := filepath.Join(os.Getenv("PATH"), "consul")
	if err := os.WriteFile(own, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if path, err := Find("consul"); err != nil || path != own {
		t.Errorf("Find = %s, %v; want %s", path, err, own)
	}
	if _, err := Find("nomad"); err == nil || errors.Is(err, ErrMissing) {
		t.Errorf("Find(nomad) = %v, want that nobody knows it", err)
	}
}

func TestOutsideTheSourceNothingIsBuilt(t *testing.T) {
	nowhere(t)
	t.Chdir(t.TempDir())
	if _, err := Ensure(t.Context(), "consul", &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "run this inside it") {
		t.Errorf("Ensure = %v", err)
	}
}

// verdict is a TB that notes what is decided about it.
type verdict struct {
	TB
	said string
}

func (v *verdict) Helper()      {}
func (v *verdict) Skip(...any)  { v.said += "skip" }
func (v *verdict) Fatal(...any) { v.said += "fatal" }

func TestAMissingBackendSkipsOnALaptopAndFailsInCI(t *testing.T) {
	nowhere(t)
	for ci, want := range map[string]string{"": "skip", "false": "skip", "true": "fatal"} {
		t.Setenv("CI", ci)
		v := &verdict{}
		if Need(v, "consul"); v.said != want {
			t.Errorf("with CI=%q: %q, want %q", ci, v.said, want)
		}
	}
	v := &verdict{}
	if Need(v, "nomad"); v.said != "fatal" {
		t.Errorf("for a backend nobody knows: %q, want fatal", v.said)
	}
}
