package output_test

import (
	"bytes"
	"math"
	"testing"

	"github.com/gctl-dev/gctl/internal/output"
	"github.com/gctl-dev/gctl/internal/term"
)

func TestSparkline(t *testing.T) {
	for want, values := range map[string][]float64{
		"":         nil,
		"▁▂▃▄▅▆▇█": {0, 1, 2, 3, 4, 5, 6, 7},
		"▁▁":       {0, 0},
		"·█·█":     {math.NaN(), 5, math.Inf(1), 5},
		"▁█":       {-2, 2},
	} {
		if got := output.Sparkline(values); got != want {
			t.Errorf("%v: %s, want %s", values, got, want)
		}
	}
}

func TestCSV(t *testing.T) {
	var out bytes.Buffer
	p, err := output.New(output.Options{Out: &out, Format: output.CSV, Clean: term.Clean})
	if err != nil {
		t.Fatal(err)
	}
	err = p.CSV([]string{"a", "b"}, [][]string{{"x,\"y\"", "-1.5"}, {"=cmd()", "a\x1b[31m\nb"}, {"+x", "@y"}, {"-x", "+Inf"}})
	const want = "a,b\n\"x,\"\"y\"\"\",-1.5\n'=cmd(),a b\n'+x,'@y\n'-x,+Inf\n"
	if err != nil || out.String() != want {
		t.Errorf("%q, %v", out.String(), err)
	}
}
