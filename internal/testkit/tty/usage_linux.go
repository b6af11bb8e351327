package tty

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Usage returns what the running program has used: the time of the processors
// since its start (its CPU clock, as clock_getcpuclockid(3) names it), and its
// resident memory now in bytes (/proc/PID/statm).
func (t *Terminal) Usage() (cpu time.Duration, rss int64) {
	t.t.Helper()
	pid := t.cmd.Process.Pid
	var clock unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|2), &clock); err != nil {
		t.t.Fatalf("CPU clock of process %d: %v", pid, err)
	}
	statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		t.t.Fatal(err)
	}
	var size, resident int64
	if _, err := fmt.Sscan(string(statm), &size, &resident); err != nil {
		t.t.Fatalf("/proc/%d/statm: %v", pid, err)
	}
	return time.Duration(clock.Nano()), resident * int64(os.Getpagesize())
}
