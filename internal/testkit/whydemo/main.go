// Command whydemo measures how often gctl why names the right cause in real
// worlds: those of gctl demo, without and with a real Consul, Prometheus and
// Jaeger, in which real processes are broken. It runs the binaries of make build as
// a user does, and itself as the user service, so that its faults are known to
// nobody.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/gctl-dev/gctl/ops/why"
	"github.com/gctl-dev/gctl/ops/why/whytest"
)

func main() {
	if filepath.Base(os.Args[0]) == "userd" {
		userd()
		return
	}
	runs := flag.Int("runs", 3, "worlds of each fault")
	only := flag.String("only", "", "only the faults whose names begin with `text`")
	atOnce := flag.Int("at-once", 3, "worlds at once")
	logs := flag.String("logs", "", "write each answer into this `folder`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	good, err := evaluate(ctx, *runs, *atOnce, *only, *logs)
	stop()
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	case !good:
		os.Exit(3)
	}
}

func evaluate(ctx context.Context, runs, atOnce int, only, logs string) (good bool, err error) {
	var jobs []run
	for n := range runs {
		for _, k := range kinds() {
			if strings.HasPrefix(string(k.fault), only) {
				jobs = append(jobs, run{kind: k, number: n, logs: logs})
			}
		}
	}
	var (
		group   sync.WaitGroup
		mu      sync.Mutex
		result  whytest.Result
		minutes []incident
		errs    []error
	)
	slots := make(chan struct{}, atOnce)
	for i := range jobs {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			r := &jobs[i]
			err := r.run(ctx)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				errs = append(errs, fmt.Errorf("%s %d: %w", r.kind.fault, r.number+1, err))
				fmt.Println("FAILED", errs[len(errs)-1])
				return
			}
			result.Verdicts = append(result.Verdicts, r.verdicts...)
			if r.incident.cause > 0 {
				minutes = append(minutes, r.incident)
			}
			for _, v := range r.verdicts {
				fmt.Printf("%-20s %d %-5s right %-5v named %s: %s\n", v.Fault, r.number+1, r.where(), v.Right, v.Named, v.Line)
			}
		})
	}
	group.Wait()
	fmt.Println()
	result.Print(os.Stdout, false)
	slices.SortFunc(minutes, func(a, b incident) int { return strings.Compare(a.name, b.name) })
	for _, m := range minutes {
		fmt.Println(m)
	}
	return result.Good(), errors.Join(errs...)
}

// right tells whether a cause is what was broken.
func (k *kind) right(c *why.Cause, t *trouble) bool {
	if c.Kind != k.cause {
		return false
	}
	if len(t.instances) > 0 && !slices.Equal(c.Instances, t.instances) {
		return false
	}
	if t.subject == "user/" { // a breaker towards it, which is in its callers
		return strings.HasPrefix(c.Subject, t.subject)
	}
	return c.Service == "user" && strings.HasPrefix(c.Subject, t.subject)
}
