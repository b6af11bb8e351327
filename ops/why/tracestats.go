package why

import (
	"cmp"
	"math"
	"slices"
)

// traceStats is what the traces tell of one service: of now, and from before.
type traceStats struct {
	recent int // server spans among the last traces, whatever they were
	slow   []placed
	slowIn int // of the recent ones
	before int
	failed int // recent traces that ended with an error
	traces int // recent ones, in which the service takes part
	ended  int // traces with errors in which the service takes part
	peers  map[string]*peerStats
}

// placed is one slow server span, by where its time went.
type placed struct {
	trace      string
	instance   string
	took, own  float64
	times      float64 // as long as usual
	peers      map[string]float64
	withCallee float64
}

// peerStats is how calls to one peer ended.
type peerStats struct {
	errors, count             int // recent
	errorsBefore, countBefore int
	message, errorID          string
	ends                      int // traces with errors in which it failed
}

// newTraceStats reads the traces. A span counts as slow if it took twice as long
// as nearly all of its name took before.
func newTraceStats(f *Facts, service string) *traceStats {
	t := &traceStats{peers: map[string]*peerStats{}}
	usual := t.usual(f, service)
	for i := range f.Traces {
		switch tr := &f.Traces[i]; tr.Sample {
		case Errors:
			t.addErrors(tr, service)
		case Recent, Slow:
			t.addRecent(tr, service, usual)
		}
	}
	return t
}

// addRecent counts the spans of a trace of now. Of those that were chosen for being
// long only what is slow in them counts.
func (t *traceStats) addRecent(tr *TraceFact, service string, usual map[string]float64) {
	chance := tr.Sample == Recent
	taking := false
	for j := range tr.Spans {
		s := &tr.Spans[j]
		if s.Service != service {
			continue
		}
		taking = true
		if s.Peer != "" && chance {
			t.peer(s.Peer).add(s, tr.ID)
		}
		if s.Kind == "server" {
			t.addServer(tr, s, usual)
		}
	}
	if taking && chance {
		t.traces++
		if slices.ContainsFunc(tr.Spans, func(s SpanFact) bool { return s.Error && s.Depth == 0 }) {
			t.failed++
		}
	}
}

func (t *traceStats) addServer(tr *TraceFact, s *SpanFact, usual map[string]float64) {
	limit, known := usual[s.Name]
	if !known {
		limit = usual[""]
	}
	took := s.Took.Or(0)
	slow := took >= 2*limit && took >= limit+leastSlower
	if slow {
		t.slow = append(t.slow, placeTime(tr, s, took/max(limit, 1e-4)))
	}
	if tr.Sample == Recent {
		t.recent++
		if slow {
			t.slowIn++
		}
	}
}

// usual is how long server spans took before: the upper quartile by name, and of
// all of them under the empty name.
func (t *traceStats) usual(f *Facts, service string) map[string]float64 {
	byName := map[string][]float64{}
	for i := range f.Traces {
		tr := &f.Traces[i]
		if tr.Sample != Earlier {
			continue
		}
		for j := range tr.Spans {
			s := &tr.Spans[j]
			if s.Service != service {
				continue
			}
			if s.Peer != "" {
				p := t.peer(s.Peer)
				p.countBefore++
				if s.Error {
					p.errorsBefore++
				}
			}
			if s.Kind == "server" && !s.Error { // what fails at once is no measure
				t.before++
				byName[s.Name] = append(byName[s.Name], s.Took.Or(0))
				byName[""] = append(byName[""], s.Took.Or(0))
			}
		}
	}
	out := map[string]float64{"": quantile(byName[""], 0.9)}
	for name, took := range byName {
		if name != "" && len(took) >= 4 {
			out[name] = quantile(took, 0.75)
		}
	}
	if math.IsNaN(out[""]) {
		out[""] = 0 // nothing to compare with: the longest will have to do
	}
	return out
}

func (t *traceStats) peer(name string) *peerStats {
	p := t.peers[name]
	if p == nil {
		p = &peerStats{}
		t.peers[name] = p
	}
	return p
}

func (p *peerStats) add(s *SpanFact, trace string) {
	p.count++
	if s.Error {
		p.errors++
		p.message, p.errorID = s.Message, trace
	}
}

// addErrors counts the traces with errors that went wrong in a peer.
func (t *traceStats) addErrors(tr *TraceFact, service string) {
	failed := map[string]*SpanFact{}
	taking := false
	for i := range tr.Spans {
		s := &tr.Spans[i]
		if s.Service != service || s.Kind != "server" && s.Peer == "" {
			continue
		}
		taking = true
		if s.Peer != "" && s.Error {
			failed[s.Peer] = s
		}
	}
	if taking {
		t.ended++
	}
	for peer, s := range failed {
		p := t.peer(peer)
		p.ends++
		p.message, p.errorID = s.Message, tr.ID
	}
}

// placeTime says where the time of a server span went: into itself, into peers,
// or into other services.
func placeTime(tr *TraceFact, server *SpanFact, times float64) placed {
	p := placed{trace: tr.ID, instance: server.Instance, took: server.Took.Or(0), own: server.Self.Or(0), times: times, peers: map[string]float64{}}
	for i := range tr.Spans {
		s := &tr.Spans[i]
		if s.Service != server.Service || s.Instance != server.Instance || s.Kind != "client" {
			continue
		}
		if s.Peer != "" {
			p.peers[s.Peer] += s.Took.Or(0)
		} else {
			p.withCallee += s.Took.Or(0)
		}
	}
	return p
}

// slowNow tells whether the traces by themselves show that the service is slow.
func (t *traceStats) slowNow() bool {
	return t.before >= 8 && t.slowIn >= 6 && 10*t.slowIn >= 3*t.recent
}

// slowThere tells the same of a part of the calls, where these take much longer
// and spend it all in one peer.
func (t *traceStats) slowThere(a *attribution) bool {
	return t.before >= 8 && t.slowIn >= 4 && 100*t.slowIn >= 12*t.recent && a.times >= 4 && a.peerPart >= 0.8
}

// attribution is where the time of slow spans goes.
type attribution struct {
	n        int
	own      float64 // share of the time, the median over the slow spans
	peer     string  // with the largest share
	peerPart float64
	times    float64 // as long as usual
	worst    placed
}

// attribute says where the time goes in the spans that are slow; without any
// from before, in the longest quarter.
func (t *traceStats) attribute() (attribution, bool) {
	slow := slices.Clone(t.slow)
	slices.SortFunc(slow, func(a, b placed) int { return cmp.Compare(b.took, a.took) })
	if t.before < 8 {
		slow = slow[:(len(slow)+3)/4]
	}
	if len(slow) < 2 {
		return attribution{}, false
	}
	a := attribution{n: len(slow), worst: slow[0]}
	var own, times []float64
	parts := map[string][]float64{}
	for _, p := range slow {
		own, times = append(own, p.own/max(p.took, 1e-6)), append(times, p.times)
		for peer := range t.peers {
			parts[peer] = append(parts[peer], min(1, p.peers[peer]/max(p.took, 1e-6)))
		}
	}
	a.own, a.times = median(own), median(times)
	for peer, shares := range parts {
		if m := median(shares); m > a.peerPart || m == a.peerPart && peer < a.peer {
			a.peer, a.peerPart = peer, m
		}
	}
	return a, true
}

func orZero(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return v
}
