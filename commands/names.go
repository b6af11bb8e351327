package commands

import (
	"encoding/json"
	"slices"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/reflection"
)

// names are what a catalog listed last, kept so that completion works while the
// catalog does not.
type names struct {
	Services  []string            `json:"services"`
	Instances map[string][]string `json:"instances"` // IDs by service
	Resources map[string][]string `json:"resources"` // of control APIs, by kind: breakers, limits
}

// recall returns the names that are remembered of the present scope.
func recall(f *Factory) names {
	var n names
	cache, key, ok := namesKey(f)
	if !ok {
		return n
	}
	if data, ok := cache.Load(key); ok {
		_ = json.Unmarshal(data, &n) // what cannot be read is not remembered
	}
	return n
}

// remember changes the names that are remembered. They can be lost without
// harm, so a failure is not told.
func remember(f *Factory, change func(*names)) {
	if len(f.Global.Tags) > 0 || f.Global.Addr != "" {
		return // not what the catalog has, but a part of it
	}
	cache, key, ok := namesKey(f)
	if !ok {
		return
	}
	before, _ := cache.Load(key)
	n := recall(f)
	change(&n)
	if after, err := json.Marshal(n); err == nil && !slices.Equal(before, after) {
		_ = cache.Save(key, after)
	}
}

// namesPrefix and a scope are the key of the scope's names.
const namesPrefix = "names "

func namesKey(f *Factory) (cache reflection.Cache, key string, ok bool) {
	if f.Cache == nil {
		return nil, "", false
	}
	cache, err := f.Cache()
	if err != nil {
		return nil, "", false
	}
	scope, err := f.Scope()
	return cache, namesPrefix + scope, err == nil
}

func rememberServices(f *Factory, list fleet.ServiceList) {
	remember(f, func(n *names) {
		n.Services = n.Services[:0]
		for _, s := range list.Services {
			n.Services = append(n.Services, s.Name)
		}
		for s := range n.Instances {
			if !slices.Contains(n.Services, s) {
				delete(n.Instances, s)
			}
		}
	})
}

func rememberInstances(f *Factory, lists ...fleet.InstanceList) {
	remember(f, func(n *names) {
		if n.Instances == nil {
			n.Instances = map[string][]string{}
		}
		for i := range lists {
			n.Instances[lists[i].Service] = idsOf(lists[i])
		}
	})
}

func idsOf(list fleet.InstanceList) []string {
	ids := make([]string, 0, len(list.Instances))
	for _, in := range list.Instances {
		ids = append(ids, in.ID)
	}
	return ids
}
