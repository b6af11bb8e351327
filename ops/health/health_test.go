package health_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/ops/health"
)

// answer is an answer of an instance that is named by its first letter's service.
func answer(id string, catalog fleet.Status, state fleet.HealthState) fleet.Health {
	return fleet.Health{Instance: fleet.Instance{ID: id, Service: id[:1], Addr: id, Catalog: catalog}, State: state}
}

func least(t *testing.T, text string) health.Least {
	t.Helper()
	l, err := health.ParseLeast(text)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLeastIsANumberOrAShare(t *testing.T) {
	for _, text := range []string{"", "-1", "x", "2.5", "101%", "-1%", "%", "NaN%", "1e9999%"} {
		if l, err := health.ParseLeast(text); err == nil {
			t.Errorf("%q is %+v", text, l)
		}
	}
	least(t, "0")
	least(t, "33.3%")
}

func TestJudge(t *testing.T) {
	one := []fleet.Health{answer("s1", fleet.Passing, fleet.Serving)}
	mixed := []fleet.Health{
		answer("s1", fleet.Passing, fleet.Serving),
		answer("s2", fleet.Critical, fleet.Serving),
		answer("s3", fleet.Passing, fleet.Unimplemented),
		answer("s4", fleet.Passing, fleet.Unreachable),
		answer("s5", fleet.Maintenance, fleet.Unreachable),
	}
	names := []fleet.Health{answer("s1", fleet.Passing, fleet.Serving), answer("s1", fleet.Passing, fleet.NotServing), answer("s2", fleet.Passing, fleet.Serving)}
	for _, c := range []struct {
		name    string
		rule    health.Rule
		answers []fleet.Health
		healthy bool
		words   string
	}{
		{"all serve", health.Rule{}, one, true, "1 of 1 instances serve"},
		{"nobody", health.Rule{}, nil, false, "it has no instances"},
		{"nobody is wanted", health.Rule{Least: least(t, "0")}, nil, true, "it has no instances"},
		{"a share of nobody", health.Rule{Least: least(t, "50%")}, nil, false, "it has no instances"},
		{"no share is wanted", health.Rule{Least: least(t, "0%")}, nil, true, "it has no instances"},
		{"all in maintenance", health.Rule{}, mixed[4:], false, "its only instance is in maintenance"},
		{"two of four", health.Rule{}, mixed, false, "2 of 4 instances serve (1 more in maintenance)"},
		{"two suffice", health.Rule{Least: least(t, "2")}, mixed, true, "2 of 4 instances serve, wanted are 2 (1 more in maintenance)"},
		{"half suffices", health.Rule{Least: least(t, "50%")}, mixed, true, "2 of 4"},
		{"a share is rounded up", health.Rule{Least: least(t, "51%")}, mixed, false, "wanted are 3"},
		{"a share is exact", health.Rule{Least: least(t, "75%"), Unimplemented: true}, mixed, true, "3 of 4 instances serve, wanted are 3"},
		{"any share wants one", health.Rule{Least: least(t, "1%")}, mixed[3:4], false, "0 of 1"},
		{"no health service is ok", health.Rule{Unimplemented: true, Least: least(t, "3")}, mixed, true, "3 of 4"},
		{"the catalog must agree", health.Rule{Agree: true, Least: least(t, "2")}, mixed, false, "1 of 4"},
		{"all names must serve", health.Rule{}, names, false, "1 of 2 instances serve"},
	} {
		v := c.rule.Judge("s", c.answers)
		if v.Healthy != c.healthy || !strings.HasPrefix(v.String(), c.words) && !strings.Contains(v.String(), c.words) {
			t.Errorf("%s: %v, %q; want %v, %q", c.name, v.Healthy, v, c.healthy, c.words)
		}
	}
}

func TestUnknownIsNeverHealthy(t *testing.T) {
	for _, s := range []fleet.HealthState{fleet.NotServing, fleet.Unreachable, fleet.TimedOut, fleet.UnknownHealth, ""} {
		h := answer("s1", fleet.Passing, s)
		if (health.Rule{Unimplemented: true}).Good(&h) {
			t.Errorf("%q counts as serving", s)
		}
	}
}

func TestTheWorstComesFirst(t *testing.T) {
	want := []fleet.Health{
		answer("a1", fleet.Critical, fleet.Unreachable), answer("b1", fleet.Critical, fleet.Unreachable),
		answer("a2", fleet.Passing, fleet.TimedOut), answer("a3", fleet.Passing, fleet.NotServing),
		answer("a4", fleet.Passing, fleet.UnknownHealth), answer("a5", fleet.Passing, fleet.Unimplemented),
		answer("a6", fleet.Critical, fleet.Serving), answer("a7", fleet.Maintenance, fleet.Unreachable),
		answer("a8", fleet.Passing, fleet.Serving), answer("a9", fleet.Passing, fleet.Serving),
	}
	got := slices.Clone(want)
	slices.Reverse(got)
	health.Rule{}.Worst(got)
	for i := range want {
		if got[i].Instance.ID != want[i].Instance.ID {
			t.Errorf("%d. is %s, want %s", i, got[i].Instance.ID, want[i].Instance.ID)
		}
	}
}

// echo is a prober whose answers say what it was asked.
type echo struct{ fleet.Prober }

func (echo) Health(_ context.Context, in fleet.Instance, name string) fleet.Health {
	return fleet.Health{Instance: in, Name: name, State: fleet.Serving}
}

func (echo) HealthList(_ context.Context, in fleet.Instance) []fleet.Health {
	if in.ID == "bare" {
		return []fleet.Health{{Instance: in, State: fleet.Unimplemented}}
	}
	return []fleet.Health{{Instance: in, State: fleet.Serving}, {Instance: in, Name: "x", State: fleet.Serving}}
}

func TestAnswersAreInTheOrderOfTheQuestions(t *testing.T) {
	var all []fleet.Instance
	for i := range 500 {
		all = append(all, fleet.Instance{ID: fmt.Sprint(i)})
	}
	got := health.Ask(t.Context(), echo{}, all, health.Questions{Names: []string{"", "x"}})
	if len(got) != 1000 {
		t.Fatalf("%d answers", len(got))
	}
	for i, h := range got {
		if h.Instance.ID != fmt.Sprint(i/2) || h.Name != []string{"", "x"}[i%2] {
			t.Fatalf("%d. is %+v", i, h)
		}
	}
	got = health.Ask(t.Context(), echo{}, []fleet.Instance{{ID: "bare"}, {ID: "lists"}}, health.Questions{List: true})
	if len(got) != 3 || got[0].State != fleet.Serving || got[2].Name != "x" {
		t.Errorf("where nothing is listed the server is asked as a whole: %+v", got)
	}
}
