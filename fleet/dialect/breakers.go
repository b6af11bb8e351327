package dialect

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/gctl-dev/gctl/fleet"
)

// Gauge is one value of a gauge.
type Gauge struct {
	Name   string
	Labels Labels
	Value  float64
}

// BreakerSeries is a regular expression, anchored at both ends, for the names of
// the series about circuit breakers that are understood, or at least shown.
const BreakerSeries = `resilience4j_circuitbreaker_state|gobreaker__(state|override|trips_total)|dapr_resiliency_cb_state|` +
	`envoy_cluster_circuit_breakers_[a-z]+_[a-z_]+_open|envoy_cluster_outlier_detection_ejections_active|` +
	numericStates

// numericStates are gauges whose numbers mean what their program decided: 0/1/2
// and 0/2/1 are both in use for closed, open and half-open.
const numericStates = `.*(circuit_?breaker|breaker|cb)_state`

//nolint:gochecknoglobals // compiled once, when it is first needed
var (
	breakerName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:` + BreakerSeries + `)$`) })
	envoyLimit  = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^envoy_cluster_circuit_breakers_([a-z]+)_([a-z_]+)_open$`)
	})
)

// IsBreaker tells whether a series is about circuit breakers.
func IsBreaker(name string) bool { return breakerName().MatchString(name) }

// Breakers reads the circuit breakers of one process from its gauges, sorted by
// name. Only the caller, the name, the target, the state, the override and the
// trips are filled.
func Breakers(caller fleet.Instance, gauges []Gauge) []fleet.Breaker {
	r := breakerReader{caller: caller, found: map[string]*fleet.Breaker{}, states: map[string][]string{}}
	for _, g := range gauges {
		r.read(g)
	}
	out := make([]fleet.Breaker, 0, len(r.found))
	for id, b := range r.found {
		r.settle(b, r.states[id])
		out = append(out, *b)
	}
	slices.SortFunc(out, func(a, b fleet.Breaker) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Raw, b.Raw))
	})
	return out
}

type breakerReader struct {
	caller fleet.Instance
	found  map[string]*fleet.Breaker
	states map[string][]string // those of which a one-hot gauge is 1
}

func (r *breakerReader) breaker(kind, name, target string) *fleet.Breaker {
	b := r.found[kind+"\x00"+name]
	if b == nil {
		b = &fleet.Breaker{Caller: r.caller, Name: name, Target: target, Override: fleet.NotForced}
		r.found[kind+"\x00"+name] = b
	}
	return b
}

func (r *breakerReader) oneHot(kind, name, target, state string, value float64) {
	r.breaker(kind, name, target)
	if value == 1 {
		id := kind + "\x00" + name
		r.states[id] = append(r.states[id], state)
	}
}

func (r *breakerReader) read(g Gauge) {
	l := g.Labels
	switch {
	case g.Name == "resilience4j_circuitbreaker_state" && l["state"] != "":
		r.oneHot("r4j", l["name"], "", l["state"], g.Value)
	case g.Name == "gobreaker__state" && l["state"] != "":
		r.oneHot("go", l["name"], kitTarget(l["name"]), l["state"], g.Value)
	case g.Name == "gobreaker__override":
		if o := fleet.Override(l["state"]); g.Value == 1 && (o == fleet.ForcedOpen || o == fleet.ForcedClosed) {
			r.breaker("go", l["name"], kitTarget(l["name"])).Override = o
		}
	case g.Name == "gobreaker__trips_total":
		if g.Value >= 0 && g.Value < 1<<53 {
			r.breaker("go", l["name"], kitTarget(l["name"])).Trips = int64(g.Value)
		}
	case g.Name == "dapr_resiliency_cb_state":
		r.dapr(g)
	case strings.HasPrefix(g.Name, "envoy_cluster_"):
		r.envoy(g)
	case IsBreaker(g.Name):
		name := cmp.Or(l["name"], l["breaker"], l["circuit"], l["circuit_breaker"], g.Name)
		b := r.breaker(g.Name, name, cmp.Or(l["target"], l["upstream"], l["backend"]))
		b.State, b.Raw = fleet.BreakerUnknown, number(g.Value)
		if state := cmp.Or(l["state"], l["status"]); state != "" { // of an exporter that nobody knows
			b.Raw = state + "=" + b.Raw
		}
	}
}

// kitTarget is the target of a breaker that is called "target/group", as the
// kit's are.
func kitTarget(name string) string {
	target, group, ok := strings.Cut(name, "/")
	if !ok || strings.Contains(group, "/") {
		return ""
	}
	return target
}

// dapr is one-hot by the label status in releases that have it
// (pkg/diagnostics/resiliency_monitoring.go); before, the value was the state, as
// its help text still says.
func (r *breakerReader) dapr(g Gauge) {
	l := g.Labels
	name := strings.Join(slices.DeleteFunc([]string{l["name"], l["flow_direction"], l["target"]}, func(s string) bool { return s == "" }), "/")
	target := strings.TrimPrefix(l["target"], "app_")
	if status := l["status"]; status != "" {
		r.oneHot("dapr", name, target, status, g.Value)
		return
	}
	b := r.breaker("dapr", name, target)
	switch g.Value {
	case 0:
		b.State = fleet.BreakerClosed
	case 1:
		b.State = fleet.BreakerHalfOpen
	case 2:
		b.State = fleet.BreakerOpen
	default:
		b.State, b.Raw = fleet.BreakerUnknown, number(g.Value)
	}
}

// envoy reads the limits of a cluster, of which each is 1 while it is reached,
// and the number of its hosts that are ejected
// (https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cluster_stats).
func (r *breakerReader) envoy(g Gauge) {
	cluster := g.Labels["envoy_cluster_name"]
	if m := envoyLimit().FindStringSubmatch(g.Name); m != nil {
		b := r.breaker("envoy", cluster+"/"+m[1], envoyTarget(cluster))
		if b.State == "" {
			b.State = fleet.BreakerClosed
		}
		if g.Value > 0 {
			b.State = fleet.BreakerOpen
			b.Raw = strings.TrimPrefix(b.Raw+","+m[2], ",")
		}
		return
	}
	b := r.breaker("envoy", cluster+"/outlier_detection", envoyTarget(cluster))
	b.State = fleet.BreakerClosed
	if g.Value > 0 {
		b.State, b.Raw = fleet.BreakerThrottling, number(g.Value)+" hosts ejected"
	}
}

// envoyTarget is the host in Istio's names of clusters,
// "outbound|50051||user.default.svc.cluster.local", and else the cluster.
func envoyTarget(cluster string) string {
	if parts := strings.Split(cluster, "|"); len(parts) == 4 {
		host, rest, _ := strings.Cut(parts[3], ".")
		if strings.Contains(rest, "svc") {
			return host
		}
		return parts[3]
	}
	return cluster
}

// settle decides a one-hot state: exactly one must be 1.
func (r *breakerReader) settle(b *fleet.Breaker, states []string) {
	switch {
	case b.State != "":
	case len(states) == 0:
		b.State, b.Raw = fleet.BreakerUnknown, "no state is 1"
	case len(states) > 1:
		slices.Sort(states)
		b.State, b.Raw = fleet.BreakerUnknown, strings.Join(states, "+")
	default:
		stateWord(b, states[0])
	}
}

func stateWord(b *fleet.Breaker, word string) {
	switch strings.NewReplacer("-", "_", " ", "_").Replace(strings.ToLower(word)) {
	case "closed":
		b.State = fleet.BreakerClosed
	case "open":
		b.State = fleet.BreakerOpen
	case "half_open", "halfopen":
		b.State = fleet.BreakerHalfOpen
	case "forced_open": // resilience4j
		b.State, b.Override = fleet.BreakerOpen, fleet.ForcedOpen
	case "disabled", "metrics_only": // resilience4j: lets everything through
		b.State, b.Override, b.Raw = fleet.BreakerClosed, fleet.ForcedClosed, word
	default:
		b.State, b.Raw = fleet.BreakerUnknown, word
	}
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// Towards tells whether a breaker is about a target: that service, or, where it
// does not say whom it is about, a breaker whose name begins with that word. Every
// breaker is about "".
func Towards(b *fleet.Breaker, target string) bool {
	if target == "" || b.Target == target || b.Name == target {
		return true
	}
	rest, ok := strings.CutPrefix(b.Name, target)
	return ok && b.Target == "" && strings.ContainsAny(rest[:1], "-_./: ")
}

// CompareBreakers orders breakers by caller, then name.
func CompareBreakers(a, b fleet.Breaker) int {
	return cmp.Or(strings.Compare(a.Caller.Service, b.Caller.Service), strings.Compare(a.Caller.ID, b.Caller.ID), strings.Compare(a.Name, b.Name))
}
