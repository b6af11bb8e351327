package limit

import (
	"math"
	"time"
)

// Constants of the adaptation; gradient explains them.
const (
	minWindow    = 100 * time.Millisecond // as Envoy's concurrency_update_interval and Netflix' minWindowTime
	maxWindow    = 5 * time.Second
	minSamples   = 10   // in a window, as Netflix' WindowedLimit
	tolerance    = 1.25 // Envoy's min_rtt_calc_params.buffer of 25 %
	smoothing    = 0.5  // how much of a change is made at once
	floorFactor  = 0.5  // but a window at most halves the limit, as Gradient2
	steadyFactor = 0.9  // a window leaves this much of a limit that no longer sinks
	probeEvery   = 10 * time.Second
	probeSoon    = time.Second
	probeAtFirst = 500 * time.Millisecond
	probeAtMost  = 500 * time.Millisecond // to come to an end, or ten calls
	drainAtMost  = 200 * time.Millisecond // of that, to begin, or four calls
	stallAtMost  = time.Second            // without an end of a call, or ten calls
	probeWeight  = 0.5                    // of what a probe found
	fallWeight   = 0.2                    // of a window that was faster than the baseline
	riseWeight   = 0.02                   // of a window that was slower, with room to spare
	trusted      = 100                    // samples in a window that count in full
)

// gradient finds out how many calls in flight a server bears, from how long
// they take. It takes the formula of Envoy's adaptive concurrency filter, whose
// origin is Netflix' concurrency-limits (Gradient2):
//
//	gradient = min(1, tolerance * baseline / latency)
//	limit    = gradient * limit + sqrt(limit)
//
// The latency is the mean of a window of at least 100 ms, 10 calls and twice the
// length of a call. While calls take as long as when there is little to do, the
// limit grows by its root; when they take longer, they wait for each other, and
// it shrinks to where a quarter plus the root is in excess of what the server
// does at a time: enough to keep it busy, too few to queue. As in Gradient2 a
// limit that is not half used stays where it is.
//
// The baseline differs from both. Gradient2's average follows a lasting overload
// upwards and takes the limit along; Envoy cuts traffic every minute, needed or
// not. Here the baseline comes from the windows in which there was room to
// spare. Only while calls are refused or run out of time is it measured on
// purpose, after a second and then every ten, as BBR does (Cardwell et al., ACM
// Queue 14-5, ProbeRTT): the limit, once it has stopped sinking, is halved, and
// what then starts in a window is the measure. So a backend that has become slower for good is told from a
// queue. Each method has a baseline of its own, so that more of the slow ones
// does not look like trouble.
//
// It starts at the upper bound: a fresh instance refuses nothing before it knows
// better. If it is overloaded from the start, then the first probe comes after
// half a second, at the lower bound.
//
// gradient is not safe for concurrent use.
type gradient struct {
	low, high float64
	limit     float64
	methods   map[string]*latency
	known     bool      // whether the baselines were measured with room to spare
	rested    time.Time // when that was last so
	settled   bool      // whether the last probe found them to be right, or nothing
	window    window
	probe     *probe
}

// latency is how long the calls of one method take. There are no more of them
// than the server has unary methods.
type latency struct {
	baseline float64 // nanoseconds; 0 if not known
	sum      float64 // of this window, nanoseconds
	n        float64
	seen     float64 // samples that the baseline was drawn from
}

// window is what was seen since start.
type window struct {
	start   time.Time
	length  time.Duration
	peak    int     // most calls in flight
	load    float64 // calls in flight, summed up at the end of each
	n       int     // calls that ended
	cut     int     // of them, those that were cut short
	refused bool
}

// late tells whether more than a tenth of the calls was cut short: then those
// that were done are a selection.
func (w *window) late() bool { return w.cut*10 > w.n }

// probe is a measurement with few calls in flight.
type probe struct {
	limit int
	start time.Time
	since time.Time // when the calls before it were gone; zero until then
}

func newGradient(s Settings, now time.Time) *gradient {
	g := &gradient{methods: map[string]*latency{}, rested: now}
	g.limit = float64(s.MaxConcurrency)
	g.bound(s)
	g.open(now, 0, 0)
	return g
}

// bound sets the bounds.
func (g *gradient) bound(s Settings) {
	g.low, g.high = float64(s.MinConcurrency), float64(s.MaxConcurrency)
	g.limit = min(max(g.limit, g.low), g.high)
	g.probe = nil
}

// allowed returns how many calls may be in flight now.
func (g *gradient) allowed() int {
	if g.probe != nil {
		return g.probe.limit
	}
	return int(g.limit)
}

// entered notes how many calls are in flight, and whether one more was refused.
func (g *gradient) entered(inFlight int, refused bool, now time.Time) {
	g.window.peak = max(g.window.peak, inFlight)
	g.window.refused = g.window.refused || refused
	g.drained(inFlight, now)
	w := g.window
	if g.probe == nil && w.refused && now.Sub(w.start) > max(stallAtMost, 5*w.length) {
		// The calls in flight do not end, so nothing is learned, and all others
		// are refused for their sake.
		g.limit = min(g.limit+math.Sqrt(g.limit), g.high)
		g.open(now, w.length, inFlight)
	}
}

// drained begins to measure when the calls from before the probe are gone. A
// probe that takes too long, since calls hang, is given up for some time.
func (g *gradient) drained(inFlight int, now time.Time) {
	p := g.probe
	if p == nil {
		return
	}
	length := g.window.length
	switch {
	case p.since.IsZero() && inFlight <= p.limit:
		p.since = now
		g.open(now, length, inFlight)
	case p.since.IsZero() && now.Sub(p.start) > max(drainAtMost, 2*length),
		!p.since.IsZero() && now.Sub(p.since) > max(probeAtMost, 5*length):
		g.probe, g.rested, g.settled = nil, now, true
		g.open(now, length, inFlight)
	}
}

// left takes the duration of a call into account. A call that was cut short is
// known to have taken at least as long: that tells something only if it is more
// than usual.
func (g *gradient) left(method string, start, now time.Time, cut bool, inFlight int) {
	g.drained(inFlight, now)
	if p := g.probe; p != nil && (p.since.IsZero() || start.Before(p.since)) {
		return
	}
	m := g.methods[method]
	if m == nil {
		m = &latency{}
		g.methods[method] = m
	}
	took := float64(now.Sub(start))
	if !cut || m.baseline > 0 && took >= m.baseline {
		m.sum += took
		m.n++
	}
	if cut {
		g.window.cut++
	}
	g.window.n++
	g.window.load += float64(inFlight + 1)
	if g.window.n >= minSamples && now.Sub(g.window.start) >= g.window.length {
		g.close(now, inFlight)
	}
}

// open begins a window.
func (g *gradient) open(now time.Time, length time.Duration, inFlight int) {
	for _, m := range g.methods {
		m.sum, m.n = 0, 0
	}
	g.window = window{start: now, length: max(length, minWindow), peak: inFlight}
}

// close draws the conclusions from a window.
func (g *gradient) close(now time.Time, inFlight int) {
	var took, alone, n float64 // the time of all calls together: as it was, and by the baselines
	for _, m := range g.methods {
		if m.n > 0 && m.baseline == 0 {
			m.baseline, m.seen = m.sum/m.n, 0
		}
		took, n = took+m.sum, n+m.n
		alone += m.n * m.baseline
	}
	w := g.window
	stretch := max(took, 1) / max(alone, 1) // durations may be 0 where the clock is coarse
	spare := float64(w.peak)*2 <= g.limit && !w.refused && !w.late()
	switch {
	case g.probe != nil:
		g.learnFromProbe(stretch)
		g.settled = g.known && stretch <= tolerance && stretch >= 1/tolerance
		g.probe, g.known, g.rested = nil, true, now
	case spare:
		g.learn(true)
		g.known, g.rested, g.settled = true, now, false
	default:
		g.learn(false)
		before := g.limit
		g.adapt(stretch, w.load/float64(w.n))
		steady := g.limit >= steadyFactor*before || !g.known
		if (w.refused || w.late()) && steady && g.probeIsDue(stretch, now) {
			g.probe = &probe{limit: g.probeLimit(), start: now}
		}
	}
	mean := time.Duration(took / max(n, 1))
	g.open(now, min(2*mean, maxWindow), inFlight)
	g.drained(inFlight, now)
}

// adapt moves the limit. Where more calls are in flight than it allows, in
// shadow mode, the formula starts from these: the latency is theirs.
func (g *gradient) adapt(stretch, inFlight float64) {
	target := max(g.limit, inFlight)*min(1, tolerance/stretch) + math.Sqrt(g.limit)
	next := g.limit + smoothing*(target-g.limit)
	g.limit = min(max(next, floorFactor*g.limit, g.low), g.high)
}

// learn moves the baselines towards the latency of this window: quickly down,
// and slowly up, where there was room to spare. At first a baseline is the mean
// of what it was drawn from.
func (g *gradient) learn(spare bool) {
	for _, m := range g.methods {
		mean := m.sum / m.n
		if m.n == 0 || mean > m.baseline && !spare {
			continue
		}
		weight := riseWeight * min(1, m.n/trusted)
		if mean < m.baseline {
			weight = fallWeight * min(1, m.n/trusted)
		}
		if m.seen += m.n; m.seen <= trusted {
			weight = m.n / m.seen
		}
		m.baseline += weight * (mean - m.baseline)
	}
}

// learnFromProbe takes over what a probe found. The first one counts in full,
// and for the methods too that were not called.
func (g *gradient) learnFromProbe(stretch float64) {
	for _, m := range g.methods {
		switch {
		case !g.known && m.n == 0:
			m.baseline *= stretch
		case !g.known:
			m.baseline = m.sum / m.n
		case m.n > 0:
			m.baseline += probeWeight * (m.sum/m.n - m.baseline)
		}
	}
}

// probeIsDue tells whether it is time to measure the baselines on purpose: not
// where it is the upper bound that refuses, and not the latency.
func (g *gradient) probeIsDue(stretch float64, now time.Time) bool {
	wait := probeSoon
	switch {
	case g.known && g.limit == g.high && stretch <= tolerance:
		return false
	case g.settled:
		wait = probeEvery
	case !g.known:
		wait = probeAtFirst
	}
	return now.Sub(g.rested) >= wait
}

func (g *gradient) probeLimit() int {
	if !g.known {
		return int(g.low)
	}
	return int(max(g.low, g.limit/2))
}
