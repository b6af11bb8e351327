package commands

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/ops/why"
)

const whyLong = `Find out why a service is not well: what is unhealthy and since when, in which
methods and with which codes, which instance differs from its siblings, which
dependency broke, the worst recent trace and its guilty span, what changed just
before, and breakers that are forced or flap. The causes are ranked, each with its
evidence and the command that shows it; at the end stand the actions, the most
reversible first. Nothing is changed.

The catalog, the instances, the metrics, the control APIs and the traces are asked
side by side, each for a second at most; what does not answer is said and costs
its part. Where nothing was found wrong and nobody who counts calls was heard, all
are asked once more, for up to five seconds. The services that it calls are looked at
too, and the breakers of those that call it. Where the metrics cannot tell the
instances apart, or show no difference, each of up to 32 gets three read-only calls
of a method that its schema declares to have no side effects.

--at looks at a time in the past, by what remembers it: Prometheus and the traces.
The instances and their control APIs know the present only; the report says so.

The keys of -o json are in docs/why.md. docs/why.md says too how causes are ranked.

Exit codes: 0 nothing is wrong; 1 nothing that could tell answered; 2 wrong usage or
an unknown service; 3 something is wrong.`

type whyOptions struct {
	f    *Factory
	conn connFlags
	at   string
}

func newWhy(f *Factory) *cobra.Command {
	o := &whyOptions{f: f}
	cmd := &cobra.Command{
		Use:   "why SERVICE",
		Short: "Find out why a service is not well, and what to do",
		Long:  whyLong,
		Example: `  gctl why edge
  gctl why user --at 14:02
  gctl why user --at -20m
  gctl why user -o json --jq '.causes[0] | .kind, .instances'`,
		Args:              args(1, 1),
		Annotations:       map[string]string{outputs: "table,json,jsonl,yaml"},
		ValidArgsFunction: firstOnly(completeServices(f)),
		RunE:              func(cmd *cobra.Command, given []string) error { return o.run(cmd.Context(), given[0]) },
	}
	o.conn.register(cmd.Flags())
	cmd.Flags().StringVar(&o.at, "at", "", "look at this `time` in the past: 2026-03-01T14:02:00Z, 14:02 or -20m")
	return cmd
}

func (o *whyOptions) run(ctx context.Context, service string) error {
	p, err := o.f.Printer()
	if err != nil {
		return err
	}
	at, err := pastTime("--at", o.at, o.f.Now())
	if err != nil {
		return err
	}
	sources, err := o.sources(ctx)
	if err != nil {
		return err
	}
	report, facts, err := why.Run(ctx, sources, why.Options{
		Service: service, At: at, Now: o.f.Now,
		Again: func(whole time.Duration) {
			o.f.Notef("those who count the calls of %s have not answered in time; asking again, for up to %s", service, whole)
		},
	})
	var unknown why.UnknownServiceError
	switch {
	case errors.As(err, &unknown):
		return o.unknown(ctx, service)
	case err != nil:
		return err
	}
	for _, s := range facts.Services {
		if s.Relation == why.Asked && !s.Listed && !at.IsZero() {
			o.f.Notef("note: the catalog does not list %s now", service)
		}
	}
	if p.Structured() {
		err = p.Value(newWhyDoc(report)) //nolint:contextcheck // the printer has the command's
	} else {
		err = (&whyView{p: p, r: report, now: o.f.Now()}).print()
	}
	if err == nil && report.Undecided() {
		return &fleet.Error{What: "it is not known whether " + service + " is well: nobody who knows how its calls go has answered in time", Hint: "try again; gctl doctor looks at all backends"}
	}
	if err != nil || report.Healthy {
		return err
	}
	e := &fleet.Error{Kind: fleet.Negative, What: service + " is not well: " + report.Causes[0].Summary}
	if len(report.Actions) > 0 && report.Actions[0].Command != "" {
		e.Hint = report.Actions[0].Command
	}
	return e
}

// unknown says that there is no such service, and which there are.
func (o *whyOptions) unknown(ctx context.Context, service string) error {
	list, err := listServices(ctx, o.f)
	if err != nil {
		return err
	}
	if err := checkServices(o.f, list, []string{service}); err != nil {
		return err
	}
	return &fleet.Error{Kind: fleet.Usage, What: fmt.Sprintf("the catalog knows no service %q", service)}
}

// pastTime reads a time in the past: RFC 3339, the last time that a clock showed
// this, or so long ago. No text is the zero time.
func pastTime(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	bad := func(what string) (time.Time, error) {
		return time.Time{}, &fleet.Error{Kind: fleet.Usage, What: fmt.Sprintf("%s %q %s", flag, text, what), Hint: "write 2026-03-01T14:02:00Z, 14:02 or -20m"}
	}
	if d, err := time.ParseDuration(text); err == nil {
		if d > 0 {
			d = -d
		}
		return now.Add(d), nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		if at.After(now) {
			return bad("is in the future")
		}
		return at, nil
	}
	for _, layout := range []string{"15:04", "15:04:05"} {
		clock, err := time.ParseInLocation(layout, text, now.Location())
		if err != nil {
			continue
		}
		at := time.Date(now.Year(), now.Month(), now.Day(), clock.Hour(), clock.Minute(), clock.Second(), 0, now.Location())
		if at.After(now) {
			at = at.AddDate(0, 0, -1)
		}
		return at, nil
	}
	return bad("is no time")
}
