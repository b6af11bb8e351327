package whytest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gctl-dev/gctl/ops/why"
)

// Verdict is how an analysis did in one world.
type Verdict struct {
	Fault Fault
	Seed  uint64
	Named string // the kind of the first cause, "-" where none was named
	Right bool
	Place int // of the right cause in the list, from 1; 0: not there
	Line  string
}

// Judge lets the analysis loose on a world.
func Judge(ctx context.Context, w *World) (Verdict, *why.Report, error) {
	r, _, err := why.Run(ctx, w.Sources(), why.Options{Service: w.Asked, Now: w.Time})
	v := Verdict{Fault: w.Fault, Seed: w.Seed, Named: "-"}
	if err != nil {
		return v, nil, fmt.Errorf("%s, seed %d: %w", w.Fault, w.Seed, err)
	}
	for i := range r.Causes {
		if i == 0 {
			v.Named, v.Line = string(r.Causes[0].Kind), r.Causes[0].Summary
		}
		if w.right(&r.Causes[i]) && v.Place == 0 {
			v.Place = i + 1
		}
	}
	v.Right = v.Place == 1
	if w.Fault == Healthy {
		v.Right = len(r.Causes) == 0
	}
	return v, r, nil
}

// right tells whether a cause names what is broken: its kind, and where it is
// about instances or a version, which.
func (w *World) right(c *why.Cause) bool {
	same := func() bool {
		want := make([]string, 0, len(w.effect.who))
		for _, in := range w.effect.who {
			want = append(want, in.ID)
		}
		slices.Sort(want)
		return slices.Equal(want, c.Instances)
	}
	switch w.Fault {
	case SlowInstance:
		return c.Kind == why.SlowInstance && same()
	case FailingInstance:
		return c.Kind == why.FailingInstance && same()
	case KilledInstance:
		return c.Kind == why.InstanceDown && same()
	case AllSlow:
		return c.Kind == why.SlowService && c.Service == "user"
	case DatabaseSlow:
		return c.Kind == why.DependencySlow && c.Service == "user"
	case DatabaseAway:
		return c.Kind == why.DependencyDown && c.Service == "user"
	case BadDeploy:
		return c.Kind == why.BadVersion && c.Subject == "v1.5.0"
	case SchemaDrift:
		return c.Kind == why.SchemaDrift && c.Service == "user"
	case BreakerForced:
		return c.Kind == why.BreakerForcedOpen && strings.HasPrefix(c.Subject, "user/")
	case BreakerFlaps:
		return c.Kind == why.BreakerFlapping && strings.HasPrefix(c.Subject, "user/")
	case Overload:
		return c.Kind == why.Overload && c.Service == "user"
	case Expired:
		return c.Kind == why.CertificateExpired && c.Service == "user"
	default:
		return false
	}
}

// Describe says what the world was like, for whoever looks into a verdict.
func (w *World) Describe() string {
	ids := []string{}
	for _, in := range w.effect.who {
		ids = append(ids, in.ID)
	}
	return fmt.Sprintf("%s seed %d: asked %s, rate %.0f/s over %d instances, since %s, who %v, effect own×%.1f db×%.1f fail %.2f; has %+v; least busy %v, ejects %v, deadline %.0fs",
		w.Fault, w.Seed, w.Asked, w.p.rate, len(w.users), w.Now.Sub(w.onset), ids, w.effect.own, w.effect.db, w.effect.fail, w.has, w.p.leastBusy, w.p.ejects, w.p.deadline)
}
