// Package health asks the instances of services for their health and judges the
// answers: the one place that says what a healthy service is.
//
// An instance that is in maintenance is an operator's decision. It is asked and
// shown, but it is not expected to serve and counts neither for nor against its
// service.
package health

import (
	"context"
	"slices"

	"github.com/gctl-dev/gctl/fleet"
)

// Questions say what each instance is asked.
type Questions struct {
	Names []string // of the gRPC services; empty: the server as a whole
	List  bool     // instead: all names that the instance lists, the server as a whole where it lists none
}

// Ask asks all instances side by side. The answers are in the order of the
// instances, those of one in the order of the names.
func Ask(ctx context.Context, p fleet.Prober, instances []fleet.Instance, q Questions) []fleet.Health {
	names := q.Names
	if len(names) == 0 || q.List {
		names = []string{""}
	}
	answers := make([][]fleet.Health, len(instances)*len(names))
	fleet.Each(len(answers), func(i int) {
		in, name := instances[i/len(names)], names[i%len(names)]
		if !q.List {
			answers[i] = []fleet.Health{p.Health(ctx, in, name)}
			return
		}
		answers[i] = p.HealthList(ctx, in)
		if len(answers[i]) == 1 && answers[i][0].State == fleet.Unimplemented {
			answers[i][0] = p.Health(ctx, in, "")
		}
	})
	return slices.Concat(answers...)
}

// Unasked are the answers where nobody could be asked, for the reason err.
func Unasked(instances []fleet.Instance, name string, err error) []fleet.Health {
	out := make([]fleet.Health, len(instances))
	for i, in := range instances {
		out[i] = fleet.Health{Instance: in, Name: name, State: fleet.UnknownHealth, Err: err}
	}
	return out
}
