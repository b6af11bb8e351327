package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/ops/waterfall"
)

// measureTrace lays out traces of 10,000 spans of three shapes.
func measureTrace(_ context.Context, b *bench, r *report) error {
	const n = 10_000
	s := r.section("Laying out a trace of 10,000 spans", "Tree, own times, critical path, shares and folding, in process: a random tree, a chain in which each span is below the one before, and all spans below one.")
	random := rand.New(rand.NewPCG(1, 1))
	for _, shape := range []struct {
		name   string
		parent func(i int) int
	}{
		{"random", func(i int) int { return random.IntN(i) }},
		{"chain", func(i int) int { return i - 1 }},
		{"flat", func(int) int { return 0 }},
	} {
		t := syntheticTrace(n, shape.parent)
		var took sample
		for range b.times(b.rounds) {
			began := time.Now()
			waterfall.Lay(t).Fold(100)
			took = append(took, time.Since(began))
		}
		slices.Sort(took)
		s.times([]subject{{name: shape.name}}, []sample{took})
		s.goal(shape.name, float64(took.median())/float64(time.Millisecond), 100, " ms")
	}
	return nil
}

func syntheticTrace(n int, parent func(i int) int) *fleet.Trace {
	began := time.Now()
	t := &fleet.Trace{ID: "synthetic", Spans: make([]fleet.Span, 0, n)}
	for i := range n {
		s := fleet.Span{
			ID: fmt.Sprintf("%016x", i+1), Service: fmt.Sprintf("service-%d", i%8), Name: "operation", Kind: fleet.SpanInternal,
			Start: began.Add(time.Duration(i) * time.Microsecond), Duration: time.Duration(2*n-i) * time.Microsecond,
		}
		if i > 0 {
			s.Parent = t.Spans[parent(i)].ID
		}
		t.Spans = append(t.Spans, s)
	}
	return t
}
