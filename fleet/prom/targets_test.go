package prom

import (
	"strings"
	"testing"

	"github.com/gctl-dev/gctl/fleet"
)

func known(instances []fleet.Instance, names map[string]map[string]string, up ...map[string]string) *targets {
	id := fleet.NewIdentity(fleet.IdentityOptions{Instances: instances, Map: names})
	t := &targets{by: map[place]fleet.Match{}}
	for _, labels := range up {
		t.add(target{labels: labels, match: Join(id, labels), at: placeOf(labels)})
	}
	return t
}

func TestWhichSeriesAreThoseOfAService(t *testing.T) {
	instances := []fleet.Instance{
		{ID: "user-1", Service: "user", Addr: "10.0.0.1:9090", Meta: map[string]string{"metrics": "10.0.0.1:9091"}},
		{ID: "user-2", Service: "user", Addr: "10.0.0.2:9090"},
		{ID: "edge-1", Service: "edge", Addr: "10.0.0.3:9090"},
	}
	target := func(pairs ...string) map[string]string {
		m := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
		}
		return m
	}
	for name, c := range map[string]struct {
		names map[string]map[string]string
		up    []map[string]string
		want  string
	}{
		"the job":  {nil, []map[string]string{target("job", "user", "instance", "a:1"), target("job", "user", "instance", "b:1")}, `job="user"`},
		"a mapped": {map[string]map[string]string{"user": {"prometheus": "u"}}, []map[string]string{target("job", "u", "instance", "a:1")}, `job="u"`},
		"Consul's label in one job": {nil, []map[string]string{
			target("job", "consul", "consul_service", "user", "instance", "a:1"), target("job", "consul", "consul_service", "edge", "instance", "b:1"),
		}, `consul_service="user"`},
		"two jobs": {map[string]map[string]string{"user": {"prometheus": "user-canary"}}, []map[string]string{
			target("job", "x", "service", "user-canary", "instance", "a:1"), target("job", "y", "service", "user-canary", "instance", "b:1"),
		}, `service="user-canary"`},
		"addresses in a job of all": {nil, []map[string]string{
			target("job", "all", "instance", "10.0.0.1:9091"), target("job", "all", "instance", "10.0.0.2:9090"), target("job", "all", "instance", "10.0.0.3:9090"),
		}, `instance=~"10\\.0\\.0\\.1:9091|10\\.0\\.0\\.2:9090"`},
	} {
		if got := known(instances, c.names, c.up...).selector("user"); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestANodeExporterIsNobody(t *testing.T) {
	instances := []fleet.Instance{{ID: "user-1", Service: "user", Addr: "10.0.0.1:9090"}}
	all := known(instances, nil, map[string]string{"job": "node", "instance": "10.0.0.1:9100"}, map[string]string{"job": "user", "instance": "10.0.0.1:9091"})
	if of := all.ofService("user"); len(of) != 1 || of[0].at.job != "user" || of[0].match.Instance != "user-1" {
		t.Errorf("%+v", of)
	}
	if gaps := all.gaps("user", append(instances, fleet.Instance{ID: "user-2", Service: "user"})); len(gaps) != 1 || gaps[0].Instance.ID != "user-2" {
		t.Errorf("%+v", gaps)
	}
	if why := all.absent("billing").Error(); !strings.Contains(why, "its jobs are node, user,") {
		t.Error(why)
	}
}
