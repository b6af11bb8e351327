package waterfall_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/ops/waterfall"
)

// randomTrace has n spans, each below one before it, or below none that is there.
func randomTrace(n int, seed uint64) *fleet.Trace {
	r := rand.New(rand.NewPCG(seed, 1))
	t := &fleet.Trace{ID: "t"}
	for i := range n {
		parent := ""
		if i > 0 {
			parent = fmt.Sprintf("svc%d-%d", r.IntN(8), r.IntN(i))
			p := &t.Spans[r.IntN(i)]
			if r.IntN(20) > 0 {
				parent = p.ID
			}
		}
		start := r.IntN(100_000)
		t.Spans = append(t.Spans, span(fmt.Sprintf("svc%d-%d", r.IntN(8), i), parent, start, start+r.IntN(1000)))
	}
	return t
}

// chain has each span below the one before.
func chain(n int) *fleet.Trace {
	t := &fleet.Trace{ID: "t"}
	for i := range n {
		parent := ""
		if i > 0 {
			parent = fmt.Sprintf("s-%d", i-1)
		}
		t.Spans = append(t.Spans, span(fmt.Sprintf("s-%d", i), parent, i, 2*n-i))
	}
	return t
}

// flat has all spans below one.
func flat(n int) *fleet.Trace {
	t := &fleet.Trace{ID: "t", Spans: []fleet.Span{span("s-0", "", 0, n)}}
	for i := range n - 1 {
		t.Spans = append(t.Spans, span(fmt.Sprintf("s-%d", i+1), "s-0", i, i+10))
	}
	return t
}

func TestRandomTracesAreSound(t *testing.T) {
	for seed := range uint64(200) {
		trace := randomTrace(1+int(seed), seed)
		if seed%3 == 0 { // and with a cycle
			trace.Spans[0].Parent = trace.Spans[len(trace.Spans)-1].ID
		}
		l := waterfall.Lay(trace)
		if len(l.Rows) != len(trace.Spans) {
			t.Errorf("seed %d: %d rows of %d spans", seed, len(l.Rows), len(trace.Spans))
		}
		checkSound(t, l)
		if lines := l.Fold(20); len(lines) > 20 {
			t.Errorf("seed %d: %d lines", seed, len(lines))
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	for _, trace := range []*fleet.Trace{chain(5000), flat(5000)} {
		checkSound(t, waterfall.Lay(trace))
	}
}

func BenchmarkLayOf10000Spans(b *testing.B) {
	for name, trace := range map[string]*fleet.Trace{"random": randomTrace(10_000, 1), "chain": chain(10_000), "flat": flat(10_000)} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				waterfall.Lay(trace).Fold(100)
			}
		})
	}
}

func BenchmarkCompareOf10000Spans(b *testing.B) {
	x, y := waterfall.Lay(randomTrace(10_000, 1)), waterfall.Lay(randomTrace(10_000, 2))
	for b.Loop() {
		waterfall.Compare(x, y)
	}
}
