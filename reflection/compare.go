package reflection

import (
	"cmp"
	"context"
	"slices"

	"github.com/gctl-dev/gctl/fleet"
)

// Variant is a schema and the instances of one service that serve it.
type Variant struct {
	Hash      string           // Schema.Hash, empty where Err is set
	Instances []fleet.Instance // sorted by ID
	Schema    *Schema          // nil where Err is set
	Err       error            // why these instances have no schema, nil if they have
}

// Compare asks every instance of a service of the catalog for its schema and
// returns the different ones, the most common first; instances that did not
// answer come last, one Variant each. More than one with a Hash means that
// calls may work at one instance and not at another.
func (l *Locator) Compare(ctx context.Context, service string) ([]Variant, error) {
	list, err := l.Catalog.Instances(ctx, service)
	if err != nil {
		return nil, err
	}
	if len(list.Instances) == 0 {
		return nil, noInstances(service)
	}
	timeout := cmp.Or(l.Timeout, askTimeout)
	schemas, errs := make([]*Schema, len(list.Instances)), make([]error, len(list.Instances))
	each(len(list.Instances), func(i int) {
		schemas[i], errs[i] = l.askInstance(ctx, list.Instances[i], question{timeout: timeout, headers: l.Headers})
	})
	var out []Variant
	for i, in := range list.Instances {
		if errs[i] != nil {
			out = append(out, Variant{Instances: []fleet.Instance{in}, Err: errs[i]})
			continue
		}
		hash := schemas[i].Hash()
		if at := slices.IndexFunc(out, func(v Variant) bool { return v.Hash == hash }); at >= 0 {
			out[at].Instances = append(out[at].Instances, in)
			continue
		}
		out = append(out, Variant{Hash: hash, Instances: []fleet.Instance{in}, Schema: schemas[i]})
	}
	slices.SortStableFunc(out, func(a, b Variant) int {
		if (a.Err == nil) != (b.Err == nil) {
			return cmp.Compare(b.Hash, a.Hash) // an empty hash comes last
		}
		return cmp.Compare(len(b.Instances), len(a.Instances))
	})
	return out, nil
}
