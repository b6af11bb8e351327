package check_test

import (
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/ops/check"
)

// Everything in it is written in another way by JSON, a shell or a URL.
const awkward = "p<a>&s's \"wo\\rd\"\nsecond-line"

const secretive = `checks:
  - name: get with ${env:AWKWARD}
    call: {method: Get, data: {id: "${env:AWKWARD}"}}
    expect: {jq: '.id == "none"'}
`

func TestNoReportShowsASecretInAnyForm(t *testing.T) {
	file, err := check.Parse("checks.yaml", []byte(secretive), func(string) string { return awkward })
	if err != nil {
		t.Fatal(err)
	}
	data := string(file.Checks[0].About.Data)
	if strings.Contains(data, `\u003c`) {
		t.Errorf("the data are escaped for HTML: %s", data)
	}
	shell := "gctl call Get -d '" + strings.ReplaceAll(strings.TrimSpace(data), "'", `'\''`) + "'"
	html, err := json.Marshal(map[string]string{"id": awkward})
	if err != nil {
		t.Fatal(err)
	}
	// The secret stands where the text is cut.
	document, err := json.Marshal(map[string]string{"id": strings.Repeat("x", 280) + awkward})
	if err != nil {
		t.Fatal(err)
	}
	for name, reply := range map[string]check.Reply{
		"the command":   {Code: "OK", Messages: []json.RawMessage{html}, Command: shell},
		"a long answer": {Code: "OK", Messages: []json.RawMessage{document}},
		"several":       {Code: "OK", Messages: []json.RawMessage{html, html}},
		"the message":   {Code: "INTERNAL", Message: "no " + string(html) + " or " + strings.ReplaceAll(awkward, "\n", " ")},
	} {
		sources := check.Sources{Call: func(context.Context, *check.Subject) (check.Reply, error) { return reply, nil }}
		results := check.Run(t.Context(), file, sources, check.Options{Now: time.Now})
		if results[0].Outcome != check.Failed {
			t.Errorf("%s: %s", name, results[0].Outcome)
		}
		for format, write := range map[string]func(io.Writer, *check.File, []check.Result) error{
			"junit": check.JUnit, "markdown": check.Markdown, "github": check.GitHub,
		} {
			var b strings.Builder
			if err := write(&b, file, results); err != nil {
				t.Fatal(err)
			}
			for _, part := range []string{"p<", "p&lt;", "p\\u003c", "wo\\", "rd", "second"} {
				if strings.Contains(strings.ReplaceAll(b.String(), "standard", ""), part) {
					t.Errorf("%s, %s shows %q: %s", name, format, part, b.String())
				}
			}
			if !strings.Contains(b.String(), "${env:AWKWARD}") && !strings.Contains(b.String(), "${env%3AAWKWARD}") {
				t.Errorf("%s: the name is not as it is written: %s", format, b.String())
			}
		}
	}
}

// A name is what --only takes and what reports tell checks apart by.
func TestNamesStayAsTheyAreWritten(t *testing.T) {
	file := parse(t, "checks:\n  - {name: 'with ${env:TOKEN}', health: {service: user}}\n")
	if got := file.Checks[0].Name; got != "with ${env:TOKEN}" {
		t.Error(got)
	}
	_, err := check.Parse("x", []byte("checks:\n  - {name: 'with ${env:NONE}', health: {service: user}}\n"), env)
	if fleet.KindOf(err) != fleet.Usage {
		t.Error(err)
	}
}
