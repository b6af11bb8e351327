package check_test

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/ops/check"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// design is the example of all kinds.
const design = `checks:
  - name: two users serve
    health: {service: user}
    expect: {min_serving: 2, version: v2.4}
  - name: get a user
    call: {method: UserService.GetUser, data: {id: u-1}, headers: {authorization: "Bearer ${env:TOKEN}"}}
    expect: {code: OK, under: 200ms, jq: '.id == "u-1"'}
  - name: error ratio
    metrics: {service: user, window: 5m}
    expect: {error_ratio: "< 1%", p99: "< 300ms", rate: "> 1/s"}
  - name: breakers closed
    breakers: {caller: edge, target: user}
    expect: {state: closed, flapping: false}
  - name: budget
    slo: {service: user}
    expect: {burn_rate: "< 2"}
  - name: descriptors
    promql: 'max(process_open_fds / process_max_fds)'
    expect: {value: "< 0.8"}
  - name: one trace, two services
    trace: {call: {method: UserService.GetUser, data: {id: u-1}}}
    expect: {services: [edge, user], errors: 0, under: 500ms}
`

func env(name string) string { return map[string]string{"TOKEN": "s3cret-token"}[name] }

func parse(t testing.TB, text string) *check.File {
	t.Helper()
	f, err := check.Parse("checks.yaml", []byte(text), env)
	if err != nil {
		var fe *fleet.Error
		errors.As(err, &fe)
		t.Fatal(err, fe.Details)
	}
	return f
}

// well answers every question as a healthy world would.
func well() check.Sources {
	user := []fleet.Instance{{ID: "user-1", Service: "user", Version: "v2.4"}, {ID: "user-2", Service: "user", Version: "v2.4"}}
	reply := check.Reply{Instance: "user-1", Code: "OK", Latency: 5 * time.Millisecond, Messages: []json.RawMessage{[]byte(`{"id":"u-1"}`)}, Command: "gctl call UserService.GetUser"}
	return check.Sources{
		Instances: func(context.Context, string) (fleet.InstanceList, error) {
			return fleet.InstanceList{Instances: user}, nil
		},
		Health: func(_ context.Context, instances []fleet.Instance, _ string) []fleet.Health {
			var out []fleet.Health
			for _, in := range instances {
				out = append(out, fleet.Health{Instance: in, State: fleet.Serving})
			}
			return out
		},
		Call: func(context.Context, *check.Subject) (check.Reply, error) { return reply, nil },
		Metrics: func(context.Context, *check.Subject) (fleet.REDList, error) {
			return fleet.REDList{REDs: []fleet.RED{{Service: "user", Rate: 2, ErrorRatio: 0.001, P99: 0.1, Provenance: fleet.Provenance{Source: "prometheus", Query: "sum(x)"}}}}, nil
		},
		Breakers: func(context.Context, string, string) (fleet.BreakerList, error) {
			return fleet.BreakerList{Breakers: []fleet.Breaker{{Caller: fleet.Instance{ID: "edge-1", Service: "edge"}, Name: "user/read", State: fleet.BreakerClosed}}}, nil
		},
		SLO: func(context.Context, string) (fleet.SLO, error) {
			return fleet.SLO{BurnRate: 0.5, BudgetLeft: 0.9}, nil
		},
		Query: func(context.Context, string) (fleet.QueryResult, error) {
			return fleet.QueryResult{Series: []fleet.Series{{Points: []fleet.Point{{Value: 0.1}}}}}, nil
		},
		Trace: func(context.Context, *check.Subject) (check.Reply, fleet.Trace, error) {
			return reply, fleet.Trace{ID: "abc", Spans: []fleet.Span{{Service: "edge"}, {Service: "user"}}}, nil
		},
	}
}

func run(t *testing.T, text string, s check.Sources) []check.Result {
	t.Helper()
	return check.Run(t.Context(), parse(t, text), s, check.Options{Now: time.Now})
}

func TestAHealthyWorldPasses(t *testing.T) {
	results := run(t, design, well())
	for _, r := range results {
		if r.Outcome != check.Passed || len(r.Lines()) != 0 {
			t.Errorf("%s: %s %v", r.Check.Name, r.Outcome, r.Lines())
		}
	}
	if check.Verdict(results) != "7 of 7 passed" {
		t.Error(check.Verdict(results))
	}
}

func TestWhatIsNotAsExpectedSaysWantedGotWhereAndEvidence(t *testing.T) {
	nan := math.NaN()
	for name, c := range map[string]struct {
		check   string // line of the design, by name
		change  func(*check.Sources)
		outcome check.Outcome
		lines   string
	}{
		"not serving": {"two users serve", func(s *check.Sources) {
			s.Health = func(_ context.Context, in []fleet.Instance, _ string) []fleet.Health {
				return []fleet.Health{{Instance: in[0], State: fleet.Serving}, {Instance: in[1], State: fleet.NotServing}}
			}
		}, check.Failed, "wanted 2 instances serve, got 1 of 2 instances serve, user-2 not serving (user)|  see: gctl health user"},
		"not known": {"two users serve", func(s *check.Sources) {
			s.Health = func(_ context.Context, in []fleet.Instance, _ string) []fleet.Health {
				return []fleet.Health{{Instance: in[0], State: fleet.Serving}, {Instance: in[1], State: fleet.UnknownHealth}}
			}
		}, check.Undecided, "got 1 of 2 instances serve, user-2 unknown"},
		"absent": {"two users serve", func(s *check.Sources) {
			s.Instances = func(context.Context, string) (fleet.InstanceList, error) { return fleet.InstanceList{}, nil }
		}, check.Failed, "got the catalog lists no instance"},
		"catalog away": {"two users serve", func(s *check.Sources) {
			s.Instances = func(context.Context, string) (fleet.InstanceList, error) {
				return fleet.InstanceList{}, &fleet.Error{What: "ask consul", Hint: "start it"}
			}
		}, check.Undecided, "got ask consul (start it)"},
		"another version": {"two users serve", func(s *check.Sources) {
			s.Instances = func(context.Context, string) (fleet.InstanceList, error) {
				return fleet.InstanceList{Instances: []fleet.Instance{{ID: "a", Version: "v2.3"}, {ID: "b", Version: "v2.4"}, {ID: "c"}}}, nil
			}
		}, check.Failed, "wanted version v2.4, got a v2.3, c publishes none (user)"},
		"another code": {"get a user", func(s *check.Sources) {
			s.Call = func(context.Context, *check.Subject) (check.Reply, error) {
				return check.Reply{Code: "NOT_FOUND", Message: "no s3cret-token", Instance: "user-2"}, nil
			}
		}, check.Failed, "wanted code OK, got NOT_FOUND: no (hidden) (UserService.GetUser, user-2)"},
		"slow and another answer": {"get a user", func(s *check.Sources) {
			s.Call = func(context.Context, *check.Subject) (check.Reply, error) {
				return check.Reply{Code: "OK", Latency: time.Second, Messages: []json.RawMessage{[]byte(`{"id":"u-2"}`)}}, nil
			}
		}, check.Failed, `wanted under 200ms, got 1s (UserService.GetUser)|wanted jq .id == "u-1", got [false] of {"id":"u-2"} (UserService.GetUser)`},
		"many errors, no latency": {"error ratio", func(s *check.Sources) {
			s.Metrics = func(context.Context, *check.Subject) (fleet.REDList, error) {
				return fleet.REDList{REDs: []fleet.RED{{Rate: 2, ErrorRatio: 0.05, P99: nan, Unknown: []string{"no histogram"}}}}, nil
			}
		}, check.Failed, "wanted error_ratio < 1%, got 5% (user)|wanted p99 < 300ms, got unknown: no histogram (user)"},
		"no latency": {"error ratio", func(s *check.Sources) {
			s.Metrics = func(context.Context, *check.Subject) (fleet.REDList, error) {
				return fleet.REDList{Missing: []fleet.Missing{{Err: errors.New("no series")}}}, nil
			}
		}, check.Undecided, "got unknown: no series"},
		"open": {"breakers closed", func(s *check.Sources) {
			s.Breakers = func(context.Context, string, string) (fleet.BreakerList, error) {
				return fleet.BreakerList{Breakers: []fleet.Breaker{{Caller: fleet.Instance{ID: "edge-1", Service: "edge"}, Name: "user/read", State: fleet.BreakerOpen, LastError: "UNAVAILABLE"}}}, nil
			}
		}, check.Failed, "wanted state closed, flapping false, got open, last error: UNAVAILABLE (edge-1, user/read)"},
		"closed but forced open": {"breakers closed", func(s *check.Sources) {
			s.Breakers = func(context.Context, string, string) (fleet.BreakerList, error) {
				return fleet.BreakerList{Breakers: []fleet.Breaker{{Name: "user/read", State: fleet.BreakerClosed, Override: fleet.ForcedOpen}}}, nil
			}
		}, check.Failed, "got closed, forced_open"},
		"a number that nobody explained": {"breakers closed", func(s *check.Sources) {
			s.Breakers = func(context.Context, string, string) (fleet.BreakerList, error) {
				return fleet.BreakerList{Breakers: []fleet.Breaker{{Name: "x", State: fleet.BreakerUnknown, Raw: "2"}}}, nil
			}
		}, check.Undecided, "nobody explained: 2"},
		"no breaker": {"breakers closed", func(s *check.Sources) {
			s.Breakers = func(context.Context, string, string) (fleet.BreakerList, error) { return fleet.BreakerList{}, nil }
		}, check.Undecided, "no breaker was found"},
		"budget": {"budget", func(s *check.Sources) {
			s.SLO = func(context.Context, string) (fleet.SLO, error) { return fleet.SLO{BurnRate: 14.4}, nil }
		}, check.Failed, "wanted burn_rate < 2, got 14.4"},
		"nothing to ask": {"budget", func(s *check.Sources) { s.SLO = nil }, check.Undecided, "nothing to ask"},
		"no result": {"descriptors", func(s *check.Sources) {
			s.Query = func(context.Context, string) (fleet.QueryResult, error) { return fleet.QueryResult{}, nil }
		}, check.Undecided, "no result"},
		"NaN": {"descriptors", func(s *check.Sources) {
			s.Query = func(context.Context, string) (fleet.QueryResult, error) {
				return fleet.QueryResult{Series: []fleet.Series{{Labels: map[string]string{"a": "b"}, Points: []fleet.Point{{Value: nan}}}}}, nil
			}
		}, check.Undecided, `NaN ({a="b"})`},
		"nobody is reached": {"one trace, two services", func(s *check.Sources) {
			s.Trace = func(context.Context, *check.Subject) (check.Reply, fleet.Trace, error) {
				return check.Reply{Code: "UNAVAILABLE", Message: "refused"}, fleet.Trace{}, nil
			}
		}, check.Failed, "wanted a trace, got UNAVAILABLE: refused"},
		"a service is missing": {"one trace, two services", func(s *check.Sources) {
			s.Trace = func(context.Context, *check.Subject) (check.Reply, fleet.Trace, error) {
				return check.Reply{Latency: time.Second}, fleet.Trace{ID: "abc", Spans: []fleet.Span{{Service: "edge", Error: true}}}, nil
			}
		}, check.Failed, "wanted service user, got edge (UserService.GetUser, trace abc)|  see: gctl trace abc|wanted errors 0, got 1"},
	} {
		t.Run(name, func(t *testing.T) {
			s := well()
			c.change(&s)
			for _, r := range run(t, design, s) {
				if r.Check.Name != c.check {
					continue
				}
				if got := strings.Join(r.Lines(), "|"); r.Outcome != c.outcome || !strings.Contains(got, c.lines) {
					t.Errorf("%s\n got %s\nwant %s", r.Outcome, got, c.lines)
				}
			}
		})
	}
}

func TestWhatDoesNotPassIsTriedAgain(t *testing.T) {
	s, tries := well(), 0
	healthy := s.Instances
	s.Instances = func(ctx context.Context, service string) (fleet.InstanceList, error) {
		if tries++; tries < 3 {
			return fleet.InstanceList{}, nil
		}
		return healthy(ctx, service)
	}
	file := parse(t, "checks:\n  - name: x\n    health: {service: user}\n")
	done := 0
	results := check.Run(t.Context(), file, s, check.Options{Now: time.Now, RetryFor: time.Minute, Done: func(*check.Result) { done++ }})
	if results[0].Outcome != check.Passed || results[0].Attempts != 3 || done != 1 {
		t.Errorf("%+v, told %d times", results[0], done)
	}
}

func TestReports(t *testing.T) {
	s := well()
	s.SLO = nil
	s.Call = func(context.Context, *check.Subject) (check.Reply, error) {
		return check.Reply{Code: "INTERNAL", Message: "bad \x00\x1b[31m | <b> s3cret-token\nmore \u009b2J\x7f\u202e\u2066end"}, nil
	}
	file := parse(t, design)
	results := check.Run(t.Context(), file, s, check.Options{Now: time.Now})
	var junit, markdown, github strings.Builder
	if err := errors.Join(check.JUnit(&junit, file, results), check.Markdown(&markdown, file, results), check.GitHub(&github, file, results)); err != nil {
		t.Fatal(err)
	}
	var parsed struct {
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
		Suite    struct {
			Cases []struct {
				Name    string    `xml:"name,attr"`
				Failure *struct{} `xml:"failure"`
				Error   *struct{} `xml:"error"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal([]byte(junit.String()), &parsed); err != nil {
		t.Fatal(err, junit.String())
	}
	cases := parsed.Suite.Cases
	if parsed.Failures != 1 || parsed.Errors != 1 || len(cases) != 7 || cases[1].Name != "get a user" || cases[1].Failure == nil || cases[4].Error == nil || cases[4].Failure != nil {
		t.Errorf("%+v\n%s", parsed, junit.String())
	}
	for what, text := range map[string]string{"junit": junit.String(), "markdown": markdown.String(), "github": github.String()} {
		if strings.Contains(text, "s3cret") || strings.ContainsAny(text, "\x00\x1b\x7f\u009b\u202e\u2066") {
			t.Errorf("%s has what it must not: %q", what, text)
		}
	}
	if !strings.Contains(markdown.String(), `| ❌ failed | get a user | code OK | INTERNAL: bad [31m \| &lt;b>`) {
		t.Error(markdown.String())
	}
	if !strings.HasPrefix(github.String(), "::error file=checks.yaml,line=5,title=get a user::wanted code OK, got INTERNAL") || !strings.Contains(github.String(), "::warning file=checks.yaml,line=14,title=budget::") ||
		strings.Count(github.String(), "\n") != 2 {
		t.Error(github.String())
	}
}

func TestMistakesAreToldAllAtOnceWithTheirPlaces(t *testing.T) {
	_, err := check.Parse("c.yaml", []byte(`checks:
  - name: a
    helth: {service: x}
  - name: a
    health: {service: x, foo: 1}
    expect: {min_serving: none}
  - health: {service: "${env:NOPE}"}
  - name: b
    call: {data: {}}
    expect: {code: OKAY, under: 5, jq: '.['}
  - name: c
    metrics: {service: x}
  - name: d
    promql: up
    slo: {service: x}
    expect: {value: "1"}
  - name: e
    breakers: {}
    expect: {state: [closed, opn], flapping: maybe}
  - name: f
`), env)
	var fe *fleet.Error
	if !errors.As(err, &fe) || fe.Kind != fleet.Usage {
		t.Fatal(err)
	}
	got := strings.Join(fe.Details, "\n")
	for _, want := range []string{
		`c.yaml:3:5: unknown key "helth" of a check (did you mean health?)`,
		`c.yaml:20:9: the check asks nothing`,
		`the check on line 2 has the name "a" too`,
		`c.yaml:5:26: unknown key "foo" of health`,
		`"none" is neither a number of instances`,
		`a check has no name`,
		`the variable NOPE is not set`,
		`call has no method`,
		`code: "OKAY" is not known (did you mean OK?)`,
		`"5" is no duration`,
		`is no jq expression`,
		`"c" expects nothing`,
		`a check asks one thing: slo, or promql`,
		`"opn" is not known (did you mean open?)`,
		`"maybe" is neither true nor false`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not told:\n%s", want, got)
		}
	}
}

func TestFilesThatAreNone(t *testing.T) {
	for text, want := range map[string]string{
		"":                               "no checks in it",
		"checks:\n":                      "no list",
		"checks: []\n":                   "0 checks",
		"chekcs: []\n":                   "did you mean checks?",
		"- a\n":                          "no mapping",
		"checks: [\n":                    ":1:",
		"a: &x 1\nb: *x\n":               "anchors",
		strings.Repeat("[", 100):         "nested too deeply",
		"checks:\n  - name: [a]\n":       "no single value",
		strings.Repeat("# pad\n", 200e3): "larger than 1 MiB",
	} {
		_, err := check.Parse("c.yaml", []byte(text), env)
		var fe *fleet.Error
		if !errors.As(err, &fe) || !strings.Contains(strings.Join(fe.Details, "\n"), want) {
			t.Errorf("%.40q: %v %v", text, err, fe)
		}
	}
}

// A mistake in one line has its place, one of the whole file has none, and of those
// that keep the file from being read none is left out.
func TestPlacesOfMistakesThatKeepAFileFromBeingRead(t *testing.T) {
	for text, want := range map[string]string{
		"":                        "c.yaml: there are no checks in it (gctl check --init SERVICE writes a first file)",
		"checks: []\n---\na: 1\n": "c.yaml: there are no checks in it (gctl check --init SERVICE writes a first file)",
		"checks:\n" + strings.Repeat(" ", 300) + "- a\n": "c.yaml:2:1: the line is nested too deeply",
		"checks:\n  - &x {name: !!str a}\n  - *x\n":      "c.yaml:2:5: anchors|c.yaml:2:15: anchors|c.yaml:3:5: anchors",
		"a: &a [x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n":      "c.yaml:1:4: |c.yaml:2:4: |c.yaml:2:8: |c.yaml:2:11: |c.yaml:3:4: |c.yaml:3:8: |c.yaml:3:11: ",
		"checks:\n  - name: \"a\n":                       "c.yaml:2:",
		"checks:\n\t- name: a\n":                         "c.yaml:2:1: ",
		"checks:\n  - {name: a, promql: up, expect: {value: '> 1'}, name: b, promql: up, foo: 1}\n": `c.yaml:2:51: the key "name" stands twice|c.yaml:2:60: the key "promql" stands twice|c.yaml:2:72: unknown key "foo"`,
		"\x00\xff\xfe": "c.yaml:1:1: ",
	} {
		_, err := check.Parse("c.yaml", []byte(text), env)
		var fe *fleet.Error
		if !errors.As(err, &fe) || fe.Hint == "" {
			t.Errorf("%.40q: %v", text, err)
			continue
		}
		wants := strings.Split(want, "|")
		if len(fe.Details) != len(wants) {
			t.Errorf("%.40q: %d mistakes, want %d: %q", text, len(fe.Details), len(wants), fe.Details)
			continue
		}
		for i, detail := range fe.Details {
			if !strings.HasPrefix(detail, wants[i]) {
				t.Errorf("%.40q: %q, want %q", text, detail, wants[i])
			}
		}
	}
}

// The largest file that is read at all is read or refused soon, whatever is in it.
func TestTheLargestFilesEndSoon(t *testing.T) {
	for name, unit := range map[string]string{
		"brackets": "[]", "quotes": "'", "tags": "!!x ", "mappings": "a: ", "blocks": "a: |\n  b\n", "bombs": "a: &a [*a,*a]\n", "merge": "<<: *a\n",
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			if _, err := check.Parse("c.yaml", []byte(strings.Repeat(unit, (64<<10)/len(unit))), env); err == nil {
				t.Error("it is no file of checks")
			}
			text := "checks:\n" + strings.Repeat(unit, (1<<20-8)/len(unit))
			_, err := check.Parse("c.yaml", []byte(text), env)
			var fe *fleet.Error
			if !errors.As(err, &fe) || len(fe.Details) > 101 {
				t.Errorf("it is no file of checks: %.500v", err)
			}
			if took := time.Since(began); took > 30*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

func TestRequestsAreJSON(t *testing.T) {
	f := parse(t, `checks:
  - {name: a, call: {method: m, data: {id: u-1, n: 3, t: "${env:TOKEN}", l: [1, true, null]}}}
  - {name: b, call: {method: m, data: [{id: 1}, {id: 2}]}}
  - {name: c, call: {method: m}}
  - {name: d, call: {method: m, data: '{"raw": 1}'}}
`)
	for i, want := range []string{
		`{"id":"u-1","l":[1,true,null],"n":3,"t":"s3cret-token"}` + "\n", `{"id":1}` + "\n" + `{"id":2}` + "\n", "", `{"raw": 1}` + "\n",
	} {
		if got := string(f.Checks[i].About.Data); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestTheSchemaHasEveryKeyOfTheExample(t *testing.T) {
	raw, err := check.Schema()
	if err != nil || !json.Valid(raw) {
		t.Fatal(err)
	}
	for _, key := range []string{"health", "min_serving", "call", "headers", "jq", "metrics", "error_ratio", "breakers", "flapping", "slo", "burn_rate", "promql", "value", "trace", "services"} {
		if !strings.Contains(string(raw), fmt.Sprintf("%q: {", key)) {
			t.Errorf("%s is missing", key)
		}
	}
}

func TestAFirstFileCanBeRead(t *testing.T) {
	for _, first := range []check.First{{Service: "user"}, {Service: "a: b", Method: "user.v1.UserService/ListUsers", Metrics: true, Breakers: true}} {
		text := first.Text()
		if f, err := check.Parse("x", []byte(text), env); err != nil || f.Checks[0].About.Service != first.Service {
			t.Errorf("%v\n%s", err, text)
		}
	}
}

// Where a source has less than the window, the number says so, also if it passes.
func TestANumberSaysOfWhatItIs(t *testing.T) {
	for want, r := range map[string]fleet.RED{
		"0.2% over 1.5s from the instances": {Window: 1500 * time.Millisecond, Provenance: fleet.Provenance{Source: "/metrics of 6 instances"}},
		"0.2% over 5m from prometheus":      {Window: 5 * time.Minute, Provenance: fleet.Provenance{Source: "prometheus http://127.0.0.1:9090"}},
		"0.2%":                              {},
	} {
		r.ErrorRatio, r.Rate, r.P99 = .002, 2, .1
		s := well()
		s.Metrics = func(context.Context, *check.Subject) (fleet.REDList, error) {
			return fleet.REDList{REDs: []fleet.RED{r}}, nil
		}
		file := parse(t, design)
		results := check.Run(t.Context(), file, s, check.Options{Now: time.Now})
		var markdown, junit strings.Builder
		if err := errors.Join(check.Markdown(&markdown, file, results), check.JUnit(&junit, file, results)); err != nil {
			t.Fatal(err)
		}
		if got := results[2].Findings[0].Got; got != want || results[2].Outcome != check.Passed {
			t.Errorf("%s, want %s", got, want)
		}
		if !strings.Contains(markdown.String(), "| "+want+" |") || !strings.Contains(junit.String(), "wanted error_ratio &lt; 1%, got "+want+" (user)") {
			t.Errorf("%s\n%s", markdown.String(), junit.String())
		}
	}
}

// Whatever stands in a file, reading it ends, with checks or with mistakes.
func FuzzParse(f *testing.F) {
	f.Add(design)
	for _, seed := range []string{"", "checks: [{}]", "checks:\n- name: |\n    a\n  promql: x", "? a\n: b", "checks: {a: [}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file, err := check.Parse("f.yaml", []byte(text), env)
		if (file == nil) == (err == nil) {
			t.Errorf("%v, %v", file, err)
		}
	})
}

func TestTheExampleInTheDocumentationIsThisOne(t *testing.T) {
	raw, err := os.ReadFile("../../docs/checks.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(raw), design) {
		t.Error("docs/checks.md does not have the example that is tested here")
	}
}

// A call that was cut off by the end of the command fails nothing.
func TestWhatIsCutOffIsUndecided(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	s := well()
	s.Call = func(context.Context, *check.Subject) (check.Reply, error) {
		cancel(errors.New("interrupted"))
		return check.Reply{Code: "CANCELLED"}, nil
	}
	file := parse(t, "checks:\n  - {name: x, call: {method: Get}}\n")
	r := check.Run(ctx, file, s, check.Options{Now: time.Now})[0]
	if r.Outcome != check.Undecided || !strings.Contains(r.Summary(), "interrupted: CANCELLED") {
		t.Errorf("%s, %s", r.Outcome, r.Summary())
	}
}

// A quantile above the largest bucket is known to be greater than that.
func TestAQuantileAboveTheLargestBucket(t *testing.T) {
	s := well()
	s.Metrics = func(context.Context, *check.Subject) (fleet.REDList, error) {
		return fleet.REDList{REDs: []fleet.RED{{Service: "user", Rate: 1, P99: math.Inf(1), Bound: 10}}}, nil
	}
	for wanted, c := range map[string]struct {
		outcome check.Outcome
		got     string
	}{
		"< 20s": {check.Undecided, "got > 10s, the largest bucket"}, "<= 10s": {check.Failed, "got > 10s (user)"},
		"< 300ms": {check.Failed, "got > 10s (user)"}, "> 5s": {check.Passed, "got > 10s (user)"}, "> 20s": {check.Undecided, "got > 10s, the largest bucket"},
		"== 10s": {check.Failed, "got > 10s (user)"},
	} {
		r := run(t, "checks:\n  - {name: x, metrics: {service: user}, expect: {p99: '"+wanted+"'}}\n", s)[0]
		if r.Outcome != c.outcome || !strings.Contains(r.Summary(), c.got) {
			t.Errorf("%s: %s, %s", wanted, r.Outcome, r.Summary())
		}
	}
}
