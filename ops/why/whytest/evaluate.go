package whytest

import (
	"context"
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"sync"
)

// The goals.
const (
	leastRight = 0.95 // of the worlds with a fault: the first cause is the right one
	mostAlarms = 0.01 // of the healthy worlds
)

// Result is how an evaluation went.
type Result struct {
	Verdicts []Verdict
}

// Evaluate judges worlds of each fault, and healthy ones.
func Evaluate(ctx context.Context, seeds, healthy int, first uint64) (*Result, error) {
	type job struct {
		fault Fault
		seed  uint64
	}
	var jobs []job
	for _, f := range Faults() {
		for s := range seeds {
			jobs = append(jobs, job{f, first + uint64(s)})
		}
	}
	for s := range healthy {
		jobs = append(jobs, job{Healthy, first + uint64(s)})
	}
	r := &Result{Verdicts: make([]Verdict, len(jobs))}
	errs := make([]error, len(jobs))
	var group sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i, j := range jobs {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			w := New(j.fault, j.seed)
			r.Verdicts[i], _, errs[i] = Judge(ctx, w)
			if !r.Verdicts[i].Right {
				r.Verdicts[i].Line += "\n      " + w.Describe()
			}
		})
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return r, nil
}

// Share is the share of the worlds with a fault in which the first cause is the
// right one, and Listed of those in which the right one is among the causes.
func (r *Result) Share() (right, listed float64) {
	n := 0.0
	for _, v := range r.Verdicts {
		if v.Fault == Healthy {
			continue
		}
		n++
		if v.Right {
			right++
		}
		if v.Place > 0 {
			listed++
		}
	}
	if n == 0 {
		return 1, 1
	}
	return right / n, listed / n
}

// Alarms is the share of the healthy worlds in which a cause is named.
func (r *Result) Alarms() float64 {
	n, wrong := 0.0, 0.0
	for _, v := range r.Verdicts {
		if v.Fault == Healthy {
			n++
			if !v.Right {
				wrong++
			}
		}
	}
	if n == 0 {
		return 0
	}
	return wrong / n
}

// Good tells whether the goals are met.
func (r *Result) Good() bool {
	right, _ := r.Share()
	return right >= leastRight && r.Alarms() <= mostAlarms
}

// Print writes the table of confusion: for each fault what was named first, and
// how often.
func (r *Result) Print(out io.Writer, verbose bool) {
	fmt.Fprintf(out, "%-22s %5s %6s %6s  %s\n", "FAULT", "RUNS", "RIGHT", "LISTED", "NAMED FIRST")
	for _, f := range append(Faults(), Healthy) {
		named, n, right, listed := map[string]int{}, 0, 0, 0
		for _, v := range r.Verdicts {
			if v.Fault != f {
				continue
			}
			n++
			named[v.Named]++
			if v.Right {
				right++
			}
			if v.Place > 0 {
				listed++
			}
		}
		if n == 0 {
			continue
		}
		fmt.Fprintf(out, "%-22s %5d %6d %6d ", f, n, right, listed)
		for _, kind := range slices.SortedFunc(maps.Keys(named), func(a, b string) int {
			if named[a] != named[b] {
				return named[b] - named[a]
			}
			return compare(a, b)
		}) {
			fmt.Fprintf(out, " %s %d", kind, named[kind])
		}
		fmt.Fprintln(out)
	}
	right, listed := r.Share()
	fmt.Fprintf(out, "\nfirst cause right %.1f%% (goal %.0f%%), right cause listed %.1f%%, false alarms %.1f%% (goal %.0f%%)\n",
		100*right, 100*leastRight, 100*listed, 100*r.Alarms(), 100*mostAlarms)
	if !verbose {
		return
	}
	for _, v := range r.Verdicts {
		if !v.Right {
			fmt.Fprintf(out, "\n%s seed %d: named %s (right one is %d.): %s\n", v.Fault, v.Seed, v.Named, v.Place, v.Line)
		}
	}
}
