package incident

import "testing"

// What needs no escape is left as it is: the page is read as text too.
func TestInline(t *testing.T) {
	for text, want := range map[string]string{
		"":                   "–",
		" \t\n":              "–",
		"10.0.4.8:9090":      "10.0.4.8:9090",
		"not_serving":        "not_serving",
		"_x_ a_":             `\_x\_ a\_`,
		"31.2 % fail":        "31.2 % fail",
		"1. item":            `1\. item`,
		"12) item":           `12\) item`,
		"2.":                 `2\.`,
		"- item":             `\- item`,
		"-5":                 "-5",
		"---":                `\---`,
		"--flag":             `\--flag`,
		"+":                  `\+`,
		"a - b":              "a - b",
		"a|b":                "a&#124;b",
		`\|`:                 `\\&#124;`,
		"<b>&amp;":           "&lt;b&gt;&amp;amp;",
		"a\nb\u202ec\x1b[1m": "a bc",
	} {
		if got := inline(text); got != want {
			t.Errorf("inline(%q) = %q, want %q", text, got, want)
		}
	}
}
