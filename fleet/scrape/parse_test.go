package scrape

import (
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gctl-dev/gctl/fleet/fleettest"
)

func all(string) bool { return true }

func TestTheFormatsThatAreInUse(t *testing.T) {
	const text = `# HELP a Help
# TYPE a counter
a 1
a{} 2 1395066363000
a{x="1",y="two \"2\" \\ \n"} 3.5e2
a{x="java",} +Inf
a {x="blank"}	NaN
# TYPE b histogram
b_bucket{le="0.5"} 17 # {trace_id="abc"} 0.3 1.6e9
{"rpc.server.duration_count","rpc.method"="a/B",plain="x"} 4
{"other.name"} 5
a{x="}{"} 6
# EOF
`
	got, broken, err := parse([]byte(text), all)
	if err != nil || broken != 0 || len(got) != 9 {
		t.Fatalf("%+v, %d, %v", got, broken, err)
	}
	for i, want := range []struct {
		name, label, value string
		number             float64
	}{
		{"a", "", "", 1}, {"a", "", "", 2}, {"a", "y", "two \"2\" \\ \n", 350}, {"a", "x", "java", math.Inf(1)}, {"a", "x", "blank", math.NaN()},
		{"b_bucket", "le", "0.5", 17}, {"rpc.server.duration_count", "rpc.method", "a/B", 4}, {"other.name", "", "", 5}, {"a", "x", "}{", 6},
	} {
		s := got[i]
		same := s.value == want.number || math.IsNaN(s.value) && math.IsNaN(want.number)
		if s.name != want.name || s.labels[want.label] != want.value || !same {
			t.Errorf("%d: %+v, want %+v", i, s, want)
		}
	}
}

func TestWhatCannotBeReadIsLeftOut(t *testing.T) {
	for text, want := range map[string]struct{ good, broken int }{
		"a 1\na{x=\"1} 2\na{x=1} 2\na{=\"1\"} 2\na{x=\"1\" y=\"2\"} 2\na 1x\na\n{x=\"1\"} 2\n": {1, 7},
		"a 1\na 2":       {1, 0}, // the number may have been longer
		"a 1\na{x=\"\\":  {1, 0},
		"a 1\r\nb 2\r\n": {2, 0},
		"":               {0, 0},
		"a{x=\"" + strings.Repeat("y", maxText+2) + "\"} 1\nb 1\n": {1, 1},
	} {
		got, broken, err := parse([]byte(text), all)
		if err != nil || len(got) != want.good || broken != want.broken {
			t.Errorf("%.40q: %d and %d, %v; want %+v", text, len(got), broken, err, want)
		}
	}
	for _, text := range []string{"<html>\n<body>\n", "nonsense", "{\"status\": \"ok\"}\n"} {
		if got, _, err := parse([]byte(text), all); err == nil {
			t.Errorf("%q is an exposition: %+v", text, got)
		}
	}
	if _, _, err := parse([]byte(strings.Repeat("a 1\n", maxSeries+1)), all); err == nil {
		t.Error("any number of series is taken")
	}
	var many strings.Builder
	for range maxLabels + 1 {
		many.WriteString("x" + strings.Repeat("y", many.Len()/4) + "=\"1\",")
	}
	if got, broken, _ := parse([]byte("b 1\na{"+many.String()+"} 1\n"), all); len(got) != 1 || broken != 1 {
		t.Errorf("%d, %d", len(got), broken)
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"grpc-go-utf8", "go-grpc-middleware"} {
		text := fleettest.Exposition(name)
		f.Add(text[:min(len(text), 400)])
	}
	f.Add("a{x=\"\\n\",} NaN 1 # {a=\"b\"} 1\n")
	f.Add("{\"a.b\",c=\"d\"} -Inf\n")
	f.Fuzz(func(t *testing.T, text string) {
		kept, _, err := parse([]byte(text), all)
		if err != nil && len(kept) > 0 {
			t.Error("an error and series")
		}
		none, _, _ := parse([]byte(text), func(string) bool { return false })
		if len(none) > 0 || len(kept) > strings.Count(text, "\n") {
			t.Errorf("%d and %d series", len(none), len(kept))
		}
		for _, s := range kept {
			if s.name == "" || len(s.labels) > maxLabels {
				t.Errorf("%+v", s)
			}
			for _, v := range s.labels {
				if !utf8.ValidString(v) {
					t.Errorf("%q", v)
				}
			}
		}
	})
}
