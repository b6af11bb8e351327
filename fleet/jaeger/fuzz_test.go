package jaeger

import (
	"os"
	"path/filepath"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/dialect/spans"
)

// FuzzAnswers reads whatever a server sends by either API: it never panics, and what
// it finds is fit to be shown.
func FuzzAnswers(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.json"))
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte(`{"result":{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"1","spanId":"1","name":"\u001b[2J"}]}]}]}}`))
	f.Add([]byte(`{"data":[{"traceID":"1","spans":[{"spanID":"1","startTime":"x","duration":1e999,"logs":[{}]}]}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var traces []fleet.Trace
		if list, _, err := spans.FromJSON(body); err == nil {
			traces = spans.Group(list, maxTraceSpans)
		}
		if a, err := decodeV1(body); err == nil {
			traces = append(traces, a.traces()...)
		}
		for _, found := range traces {
			for i := range found.Spans {
				if s := &found.Spans[i]; found.ID == "" || s.ID == "" || s.Duration < 0 || !fit(s.Name) || !fit(s.Service) || !fit(s.Message) {
					t.Errorf("%q: %+v", found.ID, s)
				}
			}
			if sum := found.Summary(); sum.Duration < 0 {
				t.Errorf("%+v", sum)
			}
		}
	})
}

func fit(text string) bool {
	for _, r := range text {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return false
		}
	}
	return utf8.ValidString(text)
}
