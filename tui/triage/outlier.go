package triage

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/gctl-dev/gctl/fleet"
)

// Outlier is an instance whose calls go much worse than those of its peers.
type Outlier struct {
	Instance string // ID
	Text     string // "p99 ×40", "errors 60%"

	score float64
}

const (
	fewPeers = 3  // of fewer nobody can say which one is odd
	apart    = 5  // times what is usual among its peers
	fewCalls = 20 // of fewer one that failed or was slow says little
)

// Outliers finds the instances of a service that stand out among those whose calls are
// counted, the worst first.
func Outliers(s *fleet.ServiceFacts) []Outlier {
	peers := byInstance(s, fleet.ServerSide)
	if len(peers) == 0 {
		peers = byInstance(s, fleet.ClientSide)
	}
	if len(peers) < fewPeers {
		return nil
	}
	errors, p99 := median(peers, errorRatio), median(peers, seconds)
	var list []Outlier
	for _, r := range peers {
		if r.Window > 0 && r.Rate*r.Window.Seconds() < fewCalls {
			continue
		}
		o := Outlier{Instance: r.Instance}
		if e := errorRatio(r); e >= errorsMany && e >= apart*max(errors, errorFloor) {
			o.Text, o.score = fmt.Sprintf("errors %.0f%%", e*100), 100+100*min(1, e)
		} else if l := seconds(r); l >= latencyFloor && p99 > 0 && l >= apart*p99 {
			o.Text, o.score = "p99 ×"+many(l/p99), min(100, l/p99)
		}
		if o.Text != "" {
			list = append(list, o)
		}
	}
	slices.SortStableFunc(list, func(a, b Outlier) int { return cmp.Compare(b.score, a.score) })
	return list
}

// byInstance are the instances of which calls are counted on a side.
func byInstance(s *fleet.ServiceFacts, side fleet.Side) []*fleet.RED {
	var list []*fleet.RED
	for _, r := range s.REDs {
		if r.Instance != "" && r.Method == "" && r.Caller == "" && r.Side == side && r.Rate > 0 {
			list = append(list, r)
		}
	}
	return list
}

func errorRatio(r *fleet.RED) float64 { return r.ErrorRatio }

// seconds is the p99, at least.
func seconds(r *fleet.RED) float64 {
	if math.IsInf(r.P99, 1) {
		return r.Bound
	}
	return r.P99
}

// median of what is known; 0 of nothing.
func median(list []*fleet.RED, of func(*fleet.RED) float64) float64 {
	var values []float64
	for _, r := range list {
		if v := of(r); !math.IsNaN(v) {
			values = append(values, v)
		}
	}
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[(len(values)-1)/2]
}
