package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A subject is a process that is run again and again.
type subject struct {
	name string
	args []string // program and arguments
	env  []string // added to the environment
	exit int      // the exit code that is right
}

// sample holds the wall times of one subject, sorted.
type sample []time.Duration

func (s sample) quantile(q float64) time.Duration {
	return s[min(len(s)-1, int(q*float64(len(s))))]
}

func (s sample) median() time.Duration { return s.quantile(0.5) }

// interleave runs the subjects in turn, so that a disturbance of the machine
// meets all of them, and drops a first round that warms the caches.
func interleave(ctx context.Context, rounds int, subjects []subject) ([]sample, error) {
	samples := make([]sample, len(subjects))
	for round := range rounds + 1 {
		for i, s := range subjects {
			took, err := s.run(ctx)
			if err != nil {
				return nil, err
			}
			if round > 0 {
				samples[i] = append(samples[i], took)
			}
		}
	}
	for i := range samples {
		slices.Sort(samples[i])
	}
	return samples, nil
}

// run runs the process once and returns its wall time. A failing process is an
// error of the benchmark: a fast failure is no result.
func (s subject) run(ctx context.Context) (time.Duration, error) {
	cmd := exec.CommandContext(ctx, s.args[0], s.args[1:]...)
	cmd.Env = append(os.Environ(), s.env...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	began := time.Now()
	err := cmd.Run()
	took := time.Since(began)
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != s.exit {
		return 0, fmt.Errorf("%s: %w\n%s%s", strings.Join(s.args, " "), err, out.String(), errOut.String())
	}
	if out.Len()+errOut.Len() == 0 {
		return 0, fmt.Errorf("%s: printed nothing", strings.Join(s.args, " "))
	}
	return took, nil
}

// peakMemory runs the process once and returns its largest resident size in
// bytes. It reads /proc while the process runs: the figure that wait returns
// counts the parent's memory at the fork too.
func (s subject) peakMemory(ctx context.Context) (peak int64, err error) {
	cmd := exec.CommandContext(ctx, s.args[0], s.args[1:]...)
	cmd.Env = append(os.Environ(), s.env...)
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			return peak, err
		case <-tick.C:
			peak = max(peak, highWater(cmd.Process.Pid))
		}
	}
}

// highWater reads VmHWM (proc(5)) of a process, 0 once it is gone.
func highWater(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		rest, ok := strings.CutPrefix(line, "VmHWM:")
		if !ok {
			continue
		}
		kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
		if err == nil {
			return kb << 10
		}
	}
	return 0
}
