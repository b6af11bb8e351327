package why_test

import (
	"encoding/json"
	"testing"

	"github.com/gctl-dev/gctl/ops/why"
)

// Whatever the facts are, there is a report: its causes are in order, sure to
// between 0 and 1, and each has evidence.
func FuzzFacts(f *testing.F) {
	for _, c := range cases {
		facts := factsOf(c.change)
		for i := range user(facts).Over { // small inputs are mutated faster
			r := &user(facts).Over[i]
			r.Rate, r.Errors, r.P99 = r.Rate[80:], r.Errors[80:], r.P99[80:]
		}
		raw, err := json.Marshal(facts)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		facts, err := why.LoadFacts(raw)
		if err != nil {
			return
		}
		r := why.Analyse(facts)
		if r.Healthy != (len(r.Causes) == 0) {
			t.Errorf("healthy %v with %d causes", r.Healthy, len(r.Causes))
		}
		for i := range r.Causes {
			c := &r.Causes[i]
			if !(c.Confidence >= why.Enough && c.Confidence <= 1) || len(c.Evidence) == 0 || c.Summary == "" {
				t.Errorf("cause %+v", c)
			}
			if i > 0 && c.ExplainedBy == "" && r.Causes[i-1].ExplainedBy != "" {
				t.Errorf("%s stands behind one that is explained", c.Summary)
			}
		}
		if _, err := json.Marshal(r); err != nil {
			t.Errorf("it cannot be written: %v", err)
		}
	})
}
