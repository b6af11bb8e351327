package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/ops/why"
	"github.com/gctl-dev/gctl/ops/why/whytest"
)

// How long things last in a world.
const (
	usual    = 75 * time.Second // of health before something breaks
	pager    = 30 * time.Second // from the alert to the question
	patience = 90 * time.Second // until somebody notices
)

// run is one world, its fault, and what gctl why said.
type run struct {
	kind   kind
	number int // from 0
	logs   string

	verdicts []whytest.Verdict
	incident incident
}

// incident is how fast a fault was found and its instance taken out.
type incident struct {
	name              string
	cause, quarantine time.Duration // after the alert
}

func (i incident) String() string {
	return fmt.Sprintf("%s: alert to cause %.1f s, to a verified quarantine %.1f s", i.name, i.cause.Seconds(), i.quarantine.Seconds())
}

// where is the kind of world: two of three have the real backends.
func (r *run) where() string {
	if r.real() {
		return "stack"
	}
	return "plain"
}

func (r *run) real() bool { return r.number%3 != 1 || r.kind.needs.tls }

func (r *run) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	n := r.kind.needs
	n.stack = r.real()
	w, err := newWorld(ctx, n)
	if err != nil {
		return err
	}
	defer w.close()
	w.StartLoad(ctx)
	health := usual
	if r.kind.health > 0 {
		health = r.kind.health
	}
	if err := pause(ctx, health); err != nil {
		return err
	}
	service := []string{"edge", "edge", "user"}[r.number%3]
	if err := r.ask(ctx, w, whytest.Healthy, service, nil); err != nil {
		return err
	}
	t := &trouble{world: w, number: r.number, ctx: ctx}
	defer t.end()
	if err := r.kind.inflict(t); err != nil {
		return err
	}
	if err := r.await(ctx, w); err != nil {
		return err
	}
	if r.kind.act {
		return r.act(ctx, w, t)
	}
	if err := pause(ctx, max(pager, r.kind.lasts)); err != nil {
		return err
	}
	return r.ask(ctx, w, r.kind.fault, service, t)
}

// await waits until a user of the page notices: 3 of the last 40 calls, of which
// there are 10 a second, were bad. Some faults nobody notices who does not look.
func (r *run) await(ctx context.Context, w *world) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c := w.caller()
	defer c.client.CloseIdleConnections()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	var bad []bool
	for n := 0; ; n++ {
		method, request := "GetUser", `{"id":"u-1"}`
		if n%3 == 2 {
			method, request = "ListUsers", `{"pageSize":5}`
		}
		bad = append(bad, !c.call(ctx, method, request))
		count := 0
		for _, b := range bad[max(0, len(bad)-40):] {
			if b {
				count++
			}
		}
		if count >= 3 {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// ask asks gctl why and judges its answer.
func (r *run) ask(ctx context.Context, w *world, fault whytest.Fault, service string, t *trouble) error {
	report, text, err := w.why(ctx, service)
	if err != nil {
		return err
	}
	v := r.judge(report, fault, t)
	r.verdicts = append(r.verdicts, v)
	return r.log(&v, text)
}

// log keeps an answer.
func (r *run) log(v *whytest.Verdict, text string) error {
	if r.logs == "" {
		return nil
	}
	name := fmt.Sprintf("%s-%d-%s", strings.ReplaceAll(string(r.kind.fault), " ", "-"), r.number+1, v.Fault)
	if !v.Right {
		name += "-WRONG"
	}
	return os.WriteFile(filepath.Join(r.logs, name+".json"), []byte(text), 0o600)
}

func (r *run) judge(report *why.Report, fault whytest.Fault, t *trouble) whytest.Verdict {
	v := whytest.Verdict{Fault: fault, Seed: uint64(r.number + 1), Named: "-"}
	for i := range report.Causes {
		c := &report.Causes[i]
		if i == 0 {
			v.Named, v.Line = string(c.Kind), c.Summary
		}
		if v.Place == 0 && t != nil && r.kind.right(c, t) {
			v.Place = i + 1
		}
	}
	v.Line += fmt.Sprintf(" (%.2f s)", float64(report.Took))
	v.Right = v.Place == 1
	if fault == whytest.Healthy {
		v.Right = len(report.Causes) == 0
	}
	return v
}

// act does what somebody on call does: asks until the cause is named, and runs the
// quarantine that is proposed.
func (r *run) act(ctx context.Context, w *world, t *trouble) error {
	alert := time.Now()
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	for {
		report, text, err := w.why(ctx, "edge")
		if err != nil {
			return err
		}
		v := r.judge(report, r.kind.fault, t)
		if err := r.log(&v, text); err != nil {
			return err
		}
		if !v.Right {
			if err := pause(ctx, time.Second); err != nil {
				return errors.New("the cause was not named")
			}
			continue
		}
		r.verdicts = append(r.verdicts, v)
		r.incident = incident{name: fmt.Sprintf("%s %d (%s)", r.kind.fault, r.number+1, r.where()), cause: time.Since(alert)}
		for _, a := range report.Actions {
			if !strings.HasPrefix(a.Command, "gctl quarantine "+t.instances[0]+" ") {
				continue
			}
			if err := w.must(ctx, append(strings.Fields(a.Command)[1:], "--yes")...); err != nil {
				return err
			}
			out, _, err := w.gctl(ctx, "health", "user", "-o", "json", "--jq", `.instances[] | select(.id=="`+t.instances[0]+`") | .grpc`)
			if err != nil {
				return err
			}
			r.incident.quarantine = time.Since(alert)
			if state, _, _ := strings.Cut(out, "\n"); state != "not_serving" {
				return fmt.Errorf("after its quarantine %s is %q", t.instances[0], state)
			}
			return nil
		}
		return fmt.Errorf("no quarantine is proposed: %+v", report.Actions)
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
