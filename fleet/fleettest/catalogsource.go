package fleettest

import (
	"github.com/gctl-dev/gctl/fleet"
)

// CatalogSource makes the world of a source out of that of its catalog: Source
// runs the suite on a catalog's source.
func CatalogSource(source fleet.Source, w World) SourceWorld {
	all := w.sample(4)
	states := [3][]fleet.Instance{all[:1], all, all[2:3]}
	rows := func(s *fleet.Snapshot) string {
		service := s.Service(w.Service)
		if service == nil {
			return ""
		}
		var list []fleet.Instance
		for _, in := range service.Instances {
			list = append(list, in.Instance)
		}
		return w.rows(list)
	}
	sw := SourceWorld{Source: source, Show: rows, Break: w.Break, Set: func(n int) { w.Set(states[n]...) }}
	for n := range states {
		sw.Want[n] = w.rows(states[n])
	}
	return sw
}
