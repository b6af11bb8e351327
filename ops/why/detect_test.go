package why_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/ops/why"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type caseOf struct {
	name      string
	change    func(*why.Facts)
	want      why.Kind // "" for none
	instances []string
	subject   string
	evidence  string // in the evidence of the first cause
	action    string // the command of the first action
}

var cases = []caseOf{
	{name: "nothing", change: func(*why.Facts) {}},
	{
		name: "slow instance", want: why.SlowInstance, instances: []string{"user-3"}, evidence: "user-3: median of UserService/GetUser 50ms, its siblings 5.0ms",
		action: "gctl quarantine user-3 --ttl 15m --reason slow_instance",
		change: func(f *why.Facts) {
			each(user(f), "user-3", func(c *why.CallFact) { c.P50, c.P95, c.P99 = 10*c.P50, 10*c.P95, 10*c.P99 })
			series(user(f), over("user-3", 0.3, 0))
		},
	},
	{
		name: "slow instance with a fault put there", want: why.SlowInstance, instances: []string{"user-3"}, evidence: `user-3: fault/latency 800ms by ada ("tour")`,
		action: "gctl fault end user-3 latency",
		change: func(f *why.Facts) {
			each(user(f), "user-3", func(c *why.CallFact) { c.P50, c.P95, c.P99 = 10*c.P50, 10*c.P95, 10*c.P99 })
			user(f).Instances[2].InForce = []why.ChangeFact{{Resource: "fault/latency", Value: "800ms", Actor: "ada", Reason: "tour", At: noon.Add(-time.Minute)}}
		},
	},
	{
		name: "slow instance by probes where nobody counts", want: why.SlowInstance, instances: []string{"user-2"}, evidence: "read-only call",
		change: func(f *why.Facts) {
			user(f).Served, user(f).Before, user(f).Over, user(f).Sent = nil, nil, nil, nil
			for i := range user(f).Instances {
				user(f).Instances[i].Probe = &why.ProbeFact{Method: listUser, Code: "OK", Tries: 3, Seconds: 0.012}
			}
			user(f).Instances[1].Probe.Seconds = 0.4
		},
	},
	{
		name: "failing instance", want: why.FailingInstance, instances: []string{"user-1"}, evidence: "user-1: 30% of its calls fail, of its siblings' 0%",
		action: "gctl quarantine user-1 --ttl 15m --reason failing_instance",
		change: func(f *why.Facts) {
			each(user(f), "user-1", func(c *why.CallFact) { fail(c, 0.3, "INTERNAL") })
			series(user(f), over("user-1", 0.03, 0.3))
		},
	},
	{
		name: "killed instance", want: why.InstanceDown, instances: []string{"user-4"}, evidence: "connection refused",
		change: func(f *why.Facts) {
			in := &user(f).Instances[3]
			in.Health, in.HealthErr, in.Catalog, in.HealthTries = fleet.Unreachable, "connect: connection refused", fleet.Critical, 2
		},
	},
	{
		name: "gctl itself has no way there", change: func(f *why.Facts) {
			for i := range user(f).Instances {
				user(f).Instances[i].Health, user(f).Instances[i].HealthErr = fleet.Unreachable, "no route to host"
			}
		},
	},
	{
		name: "quarantined instance is no trouble", change: func(f *why.Facts) {
			user(f).Instances[0].Catalog, user(f).Instances[0].Health = fleet.Maintenance, fleet.NotServing
		},
	},
	{
		name: "all instances slow by themselves", want: why.SlowService, evidence: "slow calls spend 9",
		change: func(f *why.Facts) {
			slowAll(f)
			for i := range 12 {
				f.Traces = append(f.Traces, traceOf(i+200, why.Recent, 0.08, 0.003))
			}
		},
	},
	{
		name: "database slow", want: why.DependencySlow, subject: "postgresql", evidence: "postgresql took 9",
		action: "gctl breakers force-open user/read --ttl 5m",
		change: func(f *why.Facts) {
			slowAll(f)
			for i := range 12 {
				f.Traces = append(f.Traces, traceOf(i+200, why.Recent, 0.002, 0.09))
			}
		},
	},
	{
		name: "database away", want: why.DependencyDown, subject: "postgresql", evidence: "connection refused",
		change: func(f *why.Facts) {
			each(user(f), "", func(c *why.CallFact) { fail(c, 1, "UNAVAILABLE") })
			for i := range user(f).Instances {
				user(f).Instances[i].Health = fleet.NotServing
			}
			for i := range f.Traces {
				if f.Traces[i].Sample == why.Recent {
					f.Traces[i].Spans[2].Error, f.Traces[i].Spans[2].Message = true, "connection refused"
				}
			}
		},
	},
	{
		name: "database away, and no traces", want: why.DependencyDown, evidence: "4 of 4 instances say NOT_SERVING",
		change: func(f *why.Facts) {
			f.Traces = nil
			each(user(f), "", func(c *why.CallFact) { fail(c, 1, "UNAVAILABLE") })
			for i := range user(f).Instances {
				user(f).Instances[i].Health = fleet.NotServing
			}
		},
	},
	{
		name: "bad version of some", want: why.BadVersion, subject: "v2", instances: []string{"user-1", "user-2"}, evidence: "20% of its calls fail",
		change: func(f *why.Facts) {
			for i, id := range []string{"user-1", "user-2"} {
				user(f).Instances[i].Version, user(f).Instances[i].Started = "v2", noon.Add(-30*time.Minute)
				each(user(f), id, func(c *why.CallFact) { fail(c, 0.2, "INTERNAL") })
				series(user(f), over(id, 0.03, 0.2))
			}
		},
	},
	{
		name: "bad version of all", want: why.BadVersion, subject: "v2", evidence: "from v1 to v2",
		change: func(f *why.Facts) {
			for i := range user(f).Instances {
				in := &user(f).Instances[i]
				in.Version, in.Started = "v2", noon.Add(-30*time.Minute-time.Duration(i)*time.Second)
				f.Events = append(f.Events, why.EventFact{At: in.Started, Kind: fleet.VersionChanged, Service: "user", Instance: in.ID, From: "v1", To: "v2"})
				series(user(f), over(in.ID, 0.03, 0.1))
			}
			each(user(f), "", func(c *why.CallFact) { fail(c, 0.1, "INTERNAL") })
			series(user(f), over("", 0.03, 0.1))
		},
	},
	{
		name: "schema drift", want: why.SchemaDrift, subject: listUser, instances: []string{"user-4"}, evidence: "they serve different schemas",
		change: func(f *why.Facts) {
			user(f).Instances[3].Schema = "bbbbbbbb"
			each(user(f), "user-4", func(c *why.CallFact) {
				if c.Method == listUser {
					fail(c, 1, "UNIMPLEMENTED")
				}
			})
		},
	},
	{name: "another schema that harms nobody", change: func(f *why.Facts) { user(f).Instances[3].Schema = "bbbbbbbb" }},
	{
		name: "breaker forced open", want: why.BreakerForcedOpen, subject: "user/read", instances: []string{"edge-1"}, evidence: "forced open",
		action: "gctl breakers release user/read",
		change: func(f *why.Facts) { f.Services[1].Breakers[0].Override = fleet.ForcedOpen },
	},
	{
		name: "breaker flapping", want: why.BreakerFlapping, subject: "user/read", evidence: "has opened 9 times",
		change: func(f *why.Facts) {
			f.Services[1].Breakers[0].Flapping, f.Services[1].Breakers[0].Trips = true, 9
			each(user(f), "", func(c *why.CallFact) { fail(c, 0.15, "UNAVAILABLE") })
		},
	},
	{
		name: "a breaker that flaps over a bad instance", want: why.FailingInstance, instances: []string{"user-1"},
		change: func(f *why.Facts) {
			f.Services[1].Breakers[0].Flapping = true
			each(user(f), "user-1", func(c *why.CallFact) { fail(c, 0.9, "INTERNAL") })
		},
	},
	{
		name: "overload", want: why.Overload, evidence: "were refused in the last minutes", action: "gctl limits user",
		change: func(f *why.Facts) {
			each(user(f), "", func(c *why.CallFact) { fail(c, 0.25, "RESOURCE_EXHAUSTED") })
		},
	},
	{
		name: "expired certificate", want: why.CertificateExpired, instances: []string{"user-2"}, evidence: "its certificate ended 5m ago",
		change: func(f *why.Facts) {
			in := &user(f).Instances[1]
			in.CertEnds, in.Health, in.HealthErr, in.HealthTries = noon.Add(-5*time.Minute), fleet.Unreachable, "x509: certificate has expired", 2
		},
	},
	{
		name: "no instances", want: why.ServiceDown, change: func(f *why.Facts) {
			user(f).Instances, user(f).Served, user(f).Over, user(f).Sent, f.Traces = nil, nil, nil, nil, nil
		},
	},
	{
		name: "failing as a whole, for no reason that shows", want: why.FailingService, evidence: "INTERNAL",
		change: func(f *why.Facts) { each(user(f), "", func(c *why.CallFact) { fail(c, 0.2, "INTERNAL") }) },
	},
}

func slowAll(f *why.Facts) {
	f.Traces = slices.DeleteFunc(f.Traces, func(t why.TraceFact) bool { return t.Sample == why.Recent })
	each(user(f), "", func(c *why.CallFact) { c.P50, c.P95, c.P99 = 12*c.P50, 12*c.P95, 12*c.P99 })
	for i := range user(f).Over {
		series(user(f), over(user(f).Over[i].Instance, 0.4, 0))
	}
}

func TestCauses(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := why.Analyse(factsOf(c.change))
			if c.want == "" {
				if !r.Healthy || len(r.Causes) > 0 {
					t.Fatalf("a false alarm: %+v", r.Causes)
				}
				return
			}
			if r.Healthy || len(r.Causes) == 0 {
				t.Fatalf("nothing was found; noticed %+v", r.Noticed)
			}
			first := r.Causes[0]
			if first.Kind != c.want || c.instances != nil && !slices.Equal(first.Instances, c.instances) || c.subject != "" && first.Subject != c.subject {
				t.Errorf("named %s %v %q: %s; then %+v", first.Kind, first.Instances, first.Subject, first.Summary, r.Causes[1:])
			}
			checkEvidence(t, &first, c.evidence)
			if c.action != "" && (len(r.Actions) == 0 || r.Actions[0].Command != c.action) {
				t.Errorf("actions %+v, want first %q", r.Actions, c.action)
			}
		})
	}
}

// checkEvidence: a cause has evidence, each with the command that shows it.
func checkEvidence(t *testing.T, c *why.Cause, want string) {
	t.Helper()
	var texts []string
	for _, e := range c.Evidence {
		texts = append(texts, e.Text)
		if !strings.HasPrefix(e.Command, "gctl ") {
			t.Errorf("%q: no command shows it: %q", e.Text, e.Command)
		}
	}
	if len(texts) == 0 || !strings.Contains(strings.Join(texts, "\n"), want) {
		t.Errorf("evidence %q, want %q", texts, want)
	}
}

func TestSinceWhen(t *testing.T) {
	f := factsOf(func(f *why.Facts) {
		each(user(f), "user-3", func(c *why.CallFact) { c.P50, c.P95, c.P99 = 10*c.P50, 10*c.P95, 10*c.P99 })
		series(user(f), over("user-3", 0.3, 0))
	})
	want := noon.Add(-29 * time.Minute) // the first point of the last half hour
	if r := why.Analyse(f); !r.Since.Equal(want) || !r.Causes[0].Since.Equal(want) {
		t.Errorf("since %s, want %s", r.Since, want)
	}
	f.Services[0].Over = nil
	if r := why.Analyse(f); !r.Since.IsZero() {
		t.Errorf("without a history since %s, want unknown", r.Since)
	}
}

// A symptom of the caller comes after its cause in the callee, and says so.
func TestACauseBelowExplainsWhatIsFeltAbove(t *testing.T) {
	f := factsOf(func(f *why.Facts) {
		user(f).Relation, f.Services[1].Relation, f.Service = why.Callee, why.Asked, "edge"
		each(user(f), "user-3", func(c *why.CallFact) { fail(c, 0.8, "INTERNAL") })
		f.Services[1].Served = []why.CallFact{calls(getUser, "edge-1", 280, 0.006)}
		f.Services[1].Instances[0].Health = fleet.Serving
		fail(&f.Services[1].Served[0], 0.2, "INTERNAL")
	})
	r := why.Analyse(f)
	if len(r.Causes) < 2 || r.Causes[0].Kind != why.FailingInstance || r.Causes[0].Service != "user" {
		t.Fatalf("causes %+v", r.Causes)
	}
	for _, c := range r.Causes[1:] {
		if c.ExplainedBy == "" {
			t.Errorf("%s stands beside its cause: %+v", c.Kind, c)
		}
	}
}

func TestActionsAreTheMostReversibleFirst(t *testing.T) {
	r := why.Analyse(factsOf(func(f *why.Facts) {
		each(user(f), "user-3", func(c *why.CallFact) { fail(c, 0.8, "INTERNAL") })
		user(f).Instances[2].InForce = []why.ChangeFact{{Resource: "fault/status", Value: "INTERNAL", Actor: "ada"}}
	}))
	var commands []string
	for _, a := range r.Actions {
		commands = append(commands, a.Command)
	}
	want := []string{"gctl fault end user-3 status", "gctl quarantine user-3 --ttl 15m --reason failing_instance", "gctl drain user-3"}
	if !slices.Equal(commands, want) {
		t.Errorf("actions %q, want %q", commands, want)
	}
	for i := 1; i < len(r.Actions); i++ {
		if r.Actions[i].Reversible && !r.Actions[i-1].Reversible {
			t.Errorf("%q comes after one that cannot be undone", r.Actions[i].Text)
		}
	}
}

// Who is out of traffic already is not taken out again.
func TestAQuarantinedInstanceIsOfferedToBeLetBack(t *testing.T) {
	r := why.Analyse(factsOf(func(f *why.Facts) {
		each(user(f), "user-3", func(c *why.CallFact) { fail(c, 0.8, "INTERNAL") })
		user(f).Instances[2].InForce = []why.ChangeFact{{Resource: "serving", Value: "not_serving", Actor: "ada", Reason: "slow"}}
	}))
	var commands []string
	for _, a := range r.Actions {
		commands = append(commands, a.Command)
	}
	if want := []string{"gctl release user-3", "gctl drain user-3"}; !slices.Equal(commands, want) {
		t.Errorf("actions %q, want %q", commands, want)
	}
	if len(r.Causes) == 0 || !slices.ContainsFunc(r.Causes[0].Evidence, func(e why.Evidence) bool {
		return e.Text == `user-3: serving not_serving by ada ("slow")`
	}) {
		t.Errorf("it is not said that somebody is at it: %+v", r.Causes)
	}
}

// So is who is out of traffic by the catalog; who is being drained does not come back.
func TestWhoIsInMaintenanceOrDrainedIsNotQuarantined(t *testing.T) {
	for _, c := range []struct {
		name     string
		change   func(*why.InstanceFact)
		actions  []string
		evidence string
	}{
		{
			"maintenance", func(in *why.InstanceFact) { in.Catalog = fleet.Maintenance },
			[]string{"gctl release user-3", "gctl drain user-3"}, "user-3: the catalog has it in maintenance, out of traffic",
		},
		{
			"drain", func(in *why.InstanceFact) {
				in.InForce = []why.ChangeFact{{Resource: "drain", Value: "draining", Actor: "ada"}}
			},
			nil, "user-3: drain draining by ada",
		},
	} {
		r := why.Analyse(factsOf(func(f *why.Facts) {
			each(user(f), "user-3", func(c *why.CallFact) { fail(c, 0.8, "INTERNAL") })
			c.change(&user(f).Instances[2])
		}))
		var commands []string
		for _, a := range r.Actions {
			commands = append(commands, a.Command)
		}
		if !slices.Equal(commands, c.actions) {
			t.Errorf("%s: actions %q, want %q", c.name, commands, c.actions)
		}
		if len(r.Causes) == 0 || !slices.ContainsFunc(r.Causes[0].Evidence, func(e why.Evidence) bool { return e.Text == c.evidence }) {
			t.Errorf("%s: no evidence %q: %+v", c.name, c.evidence, r.Causes)
		}
	}
}

// Letting an instance back needs nobody else to be left.
func TestAnInstanceIsLetBackAlsoWhereNobodyIsLeft(t *testing.T) {
	r := why.Analyse(factsOf(func(f *why.Facts) {
		each(user(f), "user-3", func(c *why.CallFact) { fail(c, 0.8, "INTERNAL") })
		for i := range user(f).Instances {
			user(f).Instances[i].InForce = []why.ChangeFact{{Resource: "serving", Value: "not_serving", Actor: "ada"}}
		}
	}))
	if !slices.ContainsFunc(r.Actions, func(a why.Action) bool { return a.Command == "gctl release user-3" }) {
		t.Errorf("%+v", r.Actions)
	}
}

// An instance is not offered to be taken out where nobody would be left.
func TestTheLastOneIsNotQuarantined(t *testing.T) {
	r := why.Analyse(factsOf(func(f *why.Facts) {
		each(user(f), "user-3", func(c *why.CallFact) { fail(c, 0.8, "INTERNAL") })
		for i := range user(f).Instances {
			if i != 2 {
				user(f).Instances[i].Health = fleet.Unreachable
			}
		}
	}))
	for _, a := range r.Actions {
		if strings.HasPrefix(a.Command, "gctl quarantine") {
			t.Errorf("%s: %s", a.Text, a.Command)
		}
	}
}
