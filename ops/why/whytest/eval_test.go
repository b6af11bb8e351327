package whytest_test

import (
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/gctl-dev/gctl/ops/why"
	"github.com/gctl-dev/gctl/ops/why/whytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A short version of make why-eval, over seeds of its own: two worlds of each
// fault, and twelve that are well.
func TestTheRightCauseIsNamedFirst(t *testing.T) {
	r, err := whytest.Evaluate(t.Context(), 2, 12, 701)
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	r.Print(&table, true)
	right, listed := r.Share()
	if right < 0.9 || listed < 0.95 || r.Alarms() > 0 {
		t.Errorf("the first cause is right in %.0f %%, listed in %.0f %%, false alarms in %.0f %%\n%s", 100*right, 100*listed, 100*r.Alarms(), table.String())
	}
}

// The same seed is the same world, asked in whatever order.
func TestAWorldIsReproducible(t *testing.T) {
	for _, f := range []whytest.Fault{whytest.SlowInstance, whytest.Healthy} {
		var texts []string
		for range 2 {
			v, report, err := whytest.Judge(t.Context(), whytest.New(f, 99))
			if err != nil {
				t.Fatal(err)
			}
			all := []string{v.Line}
			for i := range report.Causes {
				all = append(all, report.Causes[i].Summary)
			}
			texts = append(texts, strings.Join(all, "\n"))
		}
		if texts[0] != texts[1] {
			t.Errorf("%s: %q, then %q", f, texts[0], texts[1])
		}
	}
}

// A world without a fault that is taken for one with it is judged wrong: the
// measure is one that can fail.
func TestTheMeasureCanFail(t *testing.T) {
	w := whytest.New(whytest.Healthy, 99)
	w.Fault = whytest.SlowInstance
	v, _, err := whytest.Judge(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	if v.Right || v.Place != 0 {
		t.Errorf("a slow instance was found where there is none: %+v", v)
	}
	bad := whytest.Result{Verdicts: []whytest.Verdict{v}}
	if bad.Good() {
		t.Error("a wrong verdict is good enough")
	}
}

// Facts can be kept: the same file gives the same report.
func TestFactsCanBeKept(t *testing.T) {
	w := whytest.New(whytest.FailingInstance, 7)
	report, facts, err := why.Run(t.Context(), w.Sources(), why.Options{Service: w.Asked, Now: w.Time})
	if err != nil {
		t.Fatal(err)
	}
	file := t.TempDir() + "/facts.json"
	if err := facts.Save(file); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	again, err := why.LoadFacts(raw)
	if err != nil {
		t.Fatal(err)
	}
	other := why.Analyse(again)
	if len(other.Causes) == 0 || other.Causes[0].Summary != report.Causes[0].Summary {
		t.Errorf("from the file: %+v, before: %+v", other.Causes, report.Causes)
	}
}
