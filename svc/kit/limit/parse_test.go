package limit_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/gctl-dev/gctl/svc/kit/limit"
)

func TestParseRate(t *testing.T) {
	for text, want := range map[string]limit.Limit{
		"*=1000/s,burst=200": {Name: "rate/default", Methods: "*", Settings: limit.Settings{Rate: 1000, Burst: 200}},
		"user.v1.UserService/CreateUser=50/s": {
			Name: "rate/user.v1.UserService/CreateUser", Methods: "user.v1.UserService/CreateUser",
			Settings: limit.Settings{Rate: 50, Burst: 50},
		},
		"a.B/* = 90/m , shadow":       {Name: "rate/a.B/*", Methods: "a.B/*", Settings: limit.Settings{Rate: 1.5, Burst: 2, Shadow: true}},
		"*=36/h":                      {Name: "rate/default", Methods: "*", Settings: limit.Settings{Rate: .01, Burst: 1}},
		"*=0/s":                       {Name: "rate/default", Methods: "*", Settings: limit.Settings{Burst: 1}},
		"*=9000000/s,shadow":          {Name: "rate/default", Methods: "*", Settings: limit.Settings{Rate: 9e6, Burst: 1_000_000, Shadow: true}},
		"*=1/s,shadow,burst=3":        {Name: "rate/default", Methods: "*", Settings: limit.Settings{Rate: 1, Burst: 3, Shadow: true}},
		"Bare/_Method9=1/s":           {Name: "rate/Bare/_Method9", Methods: "Bare/_Method9", Settings: limit.Settings{Rate: 1, Burst: 1}},
		"grpc.health.v2.Health/*=1/s": {Name: "rate/grpc.health.v2.Health/*", Methods: "grpc.health.v2.Health/*", Settings: limit.Settings{Rate: 1, Burst: 1}},
	} {
		want.Kind = limit.Rate
		got, err := limit.ParseRate(text)
		if err != nil || got != want {
			t.Errorf("ParseRate(%q) = %+v, %v, want %+v", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"":                                "write METHODS=RATE/s",
		"100/s":                           "write METHODS=RATE/s",
		"*=100":                           `"100" has no unit: write 100/s`,
		"*=100/d":                         `s, m or h, not "d"`,
		"*=x/s":                           `"x" is no number`,
		"*=inf/s":                         "no number",
		"*=-1/s":                          "0 or more",
		"*=1/s,burst=x":                   `"x" is no whole number`,
		"*=1/s,burst=0":                   "burst of 0",
		"*=1/s,burst":                     `"burst" is not known`,
		"*=1/s,burst=1,burst=2":           "burst is given twice",
		"*=1/s,shade":                     `"shade" is not known`,
		"=1/s":                            "names no methods",
		"a.B=1/s":                         "names no methods",
		"/a.B/C=1/s":                      "names no methods",
		"a..B/C=1/s":                      "names no methods",
		"a.B/C/D=1/s":                     "names no methods",
		"a.B*/C=1/s":                      "names no methods",
		"grpc.health.v1.Health/*=1/s":     "never limited",
		"grpc.health.v1.Health/Check=1/s": "never limited",
	} {
		if l, err := limit.ParseRate(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseRate(%q) = %+v, %v, want %q", text, l, err, want)
		}
	}
}

func TestParseRates(t *testing.T) {
	got, err := limit.ParseRates("*=10/s; a.B/C=1/s ;")
	if err != nil || len(got) != 2 || got[1].Methods != "a.B/C" {
		t.Errorf("limits = %+v, %v", got, err)
	}
	if got, err := limit.ParseRates(""); err != nil || len(got) != 0 {
		t.Errorf("nothing = %+v, %v", got, err)
	}
	if _, err := limit.ParseRates("*=10/s;x"); err == nil {
		t.Error("a wrong limit among right ones was accepted")
	}
}

func TestParseConcurrency(t *testing.T) {
	for text, want := range map[string]limit.Settings{
		"10..200":        {MinConcurrency: 10, MaxConcurrency: 200},
		"1 .. 2 ,shadow": {MinConcurrency: 1, MaxConcurrency: 2, Shadow: true},
		"50":             {MinConcurrency: 50, MaxConcurrency: 50},
	} {
		got, err := limit.ParseConcurrency(text)
		if err != nil || got.Settings != want || got.Name != "concurrency" || got.Kind != limit.Concurrency {
			t.Errorf("ParseConcurrency(%q) = %+v, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		"": "write MIN..MAX", "10-200": "write MIN..MAX", "10..": "write MIN..MAX", "1...2": "write MIN..MAX",
		"0..5": "at least 1", "-1": "at least 1", "9..5": "above the upper", "1..2000000": "at most",
		"1..2,shade": "only shadow", "1..2,shadow,shadow": "only shadow",
	} {
		if l, err := limit.ParseConcurrency(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseConcurrency(%q) = %+v, %v, want %q", text, l, err, want)
		}
	}
}

// Whatever is written is refused, or makes a limit that works and can be written
// down again.
func FuzzParse(f *testing.F) {
	f.Add("*=1000/s,burst=200", "/a.B/C")
	f.Add("user.v1.UserService/CreateUser=0.5/m,shadow", "/user.v1.UserService/CreateUser")
	f.Add("a.B/*=1e-9/h", "/a.B/")
	f.Add("10..200,shadow", "")
	f.Fuzz(func(t *testing.T, text, method string) {
		for _, parse := range []func(string) (limit.Limit, error){limit.ParseRate, limit.ParseConcurrency} {
			l, err := parse(text)
			if err != nil {
				continue
			}
			again, err := parse(l.String())
			if err != nil || again != l {
				t.Fatalf("%q is %+v, but %q is %+v, %v", text, l, l.String(), again, err)
			}
			set, err := limit.New(limit.Options{Limits: []limit.Limit{l}})
			if err != nil {
				t.Fatalf("%q was parsed and is refused: %v", text, err)
			}
			if err := call(from("10.0.0.1"), set, method); err != nil && l.Settings.Rate > 0 {
				t.Fatalf("%q refuses the first call of %q: %v", text, method, err)
			}
		}
	})
}

// A pattern covers what it would cover as a regular expression with its asterisk
// as ".*", but what is never limited.
func FuzzPattern(f *testing.F) {
	f.Add("a.B/*", "/a.B/C")
	f.Add("a.B/*", "/a.BB/C")
	f.Add("*", "/grpc.health.v1.Health/Check")
	f.Add("a.B/C", "/a.B/CD")
	f.Fuzz(func(t *testing.T, pattern, method string) {
		l, err := limit.ParseRate(pattern + "=0/s")
		if err != nil {
			return
		}
		set, err := limit.New(limit.Options{Limits: []limit.Limit{l}})
		if err != nil {
			t.Fatal(err)
		}
		like := regexp.MustCompile(`(?s)^/?` + strings.ReplaceAll(regexp.QuoteMeta(l.Methods), `\*`, ".*") + "$")
		free := regexp.MustCompile(`^/?(grpc\.health\.v1\.Health|grpc\.reflection\.v1(alpha)?\.ServerReflection|grpc\.channelz\.v1\.Channelz|gctl\.control\.v1\.ControlService)(/|$)`)
		want := like.MatchString(method) && !free.MatchString(method)
		if err := call(from("10.0.0.1"), set, method); (err != nil) != want {
			t.Errorf("%q covers %q: %v, want %v", l.Methods, method, err, want)
		}
	})
}
