package tty

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

// The test binary is also the programs that its tests run on a terminal.
func TestMain(m *testing.M) {
	if program := programs[os.Getenv("TTY_PROGRAM")]; program != nil {
		program()
		return
	}
	goleak.VerifyTestMain(m)
}

var programs = map[string]func(){"tea": teaMain, "frames": framesMain}

// failing is a test that is expected to fail.
type failing struct {
	testing.TB

	mu       sync.Mutex
	said     string
	cleanups []func()
}

func (f *failing) Helper()             {}
func (f *failing) Failed() bool        { return f.said != "" }
func (f *failing) Logf(string, ...any) {}
func (f *failing) Cleanup(c func())    { f.cleanups = append(f.cleanups, c) }

func (f *failing) Errorf(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.said += fmt.Sprintf(format, args...)
}

func (f *failing) Fatalf(format string, args ...any) {
	f.Errorf(format, args...)
	runtime.Goexit()
}

func (f *failing) Fatal(args ...any) {
	f.Errorf("%v", args)
	runtime.Goexit()
}

// fails runs a test and returns what it says when it fails.
func fails(t *testing.T, test func(testing.TB)) string {
	t.Helper()
	f := &failing{TB: t}
	over := make(chan struct{})
	go func() {
		defer close(over)
		defer func() {
			for _, cleanup := range slices.Backward(f.cleanups) {
				cleanup()
			}
		}()
		test(f)
	}()
	<-over
	if f.said == "" {
		t.Fatal("it did not fail")
	}
	return f.said
}
