package history

import "github.com/gctl-dev/gctl/fleet"

// pointersOfAFact is how many pointers in lists take as much memory as a fact.
const pointersOfAFact = 64

// news counts the facts of a service that it did not have before, and itself: what it
// costs to keep it beside what was before. Facts that did not change are shared.
func news(was, is *fleet.ServiceFacts) int {
	if was == nil {
		was = &fleet.ServiceFacts{}
	}
	return 1 + fresh(was.Instances, is.Instances) + fresh(was.Health, is.Health) + fresh(was.Breakers, is.Breakers) +
		fresh(was.REDs, is.REDs) + fresh(was.Dependencies, is.Dependencies)
}

// fresh counts what a sorted list has that the one before it had not. Where much came
// or went at once it may count too much.
func fresh[T any](was, is []*T) int {
	n := 0
	for len(is) > 0 {
		switch {
		case len(was) > 0 && was[0] == is[0]:
			was, is = was[1:], is[1:]
		case len(was) > 1 && was[1] == is[0]: // one went
			was = was[1:]
		case len(was) > 0 && len(is) > 1 && was[0] == is[1]: // one came
			n, is = n+1, is[1:]
		default:
			n, is, was = n+1, is[1:], was[min(1, len(was)):]
		}
	}
	return n
}
