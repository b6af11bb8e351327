package check

import (
	"fmt"
	"io"
	"strings"
)

// Summary is the worst finding in one line: wanted, got, where.
func (r *Result) Summary() string {
	for _, f := range r.Findings {
		if f.Outcome == r.Outcome {
			return f.line()
		}
	}
	return string(r.Outcome)
}

// Lines tell every finding that did not pass, with its evidence.
func (r *Result) Lines() []string {
	var out []string
	for _, f := range r.Findings {
		if f.Outcome == Passed {
			continue
		}
		out = append(out, f.line())
		if f.Evidence != "" {
			out = append(out, "  see: "+f.Evidence)
		}
	}
	if r.Attempts > 1 {
		out = append(out, fmt.Sprintf("after %d attempts", r.Attempts))
	}
	return out
}

func (f *Finding) line() string {
	line := fmt.Sprintf("wanted %s, got %s", f.Wanted, f.Got)
	if f.Where != "" {
		line += " (" + f.Where + ")"
	}
	return line
}

// Markdown writes the results as a table for a comment or a job's summary, worst
// first.
func Markdown(w io.Writer, file *File, results []Result) error {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s: %s\n\n| | Check | Wanted | Got | Where |\n|---|---|---|---|---|\n", cell(file.Path), Verdict(results))
	sign := map[Outcome]string{Passed: "✅ passed", Failed: "❌ failed", Undecided: "⚠️ undecided"}
	for _, r := range Worst(results) {
		for i, f := range r.Findings {
			first := ""
			if i == 0 {
				first = cell(r.Check.Name)
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", sign[f.Outcome], first, cell(f.Wanted), cell(f.Got), cell(f.Where))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Verdict counts the outcomes in words.
func Verdict(results []Result) string {
	parts := []string{fmt.Sprintf("%d of %d passed", Count(results, Passed), len(results))}
	for _, o := range []Outcome{Failed, Undecided} {
		if n := Count(results, o); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, o))
		}
	}
	return strings.Join(parts, ", ")
}

// cell makes text that is safe in a cell of a Markdown table.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "\r", " ", "<", "&lt;", "`", "\\`").Replace(plainText(s))
}

// GitHub writes an annotation for each check that did not pass, as workflow
// commands: https://docs.github.com/actions/reference/workflow-commands-for-github-actions.
func GitHub(w io.Writer, file *File, results []Result) error {
	for _, r := range Worst(results) {
		level := "error"
		switch r.Outcome {
		case Passed:
			continue
		case Undecided:
			level = "warning"
		case Failed:
		}
		_, err := fmt.Fprintf(w, "::%s file=%s,line=%d,title=%s::%s\n",
			level, property(file.Path), r.Check.Line, property(r.Check.Name), message(strings.Join(r.Lines(), "\n")))
		if err != nil {
			return err
		}
	}
	return nil
}

// message and property escape as the toolkit's own command.ts does.
func message(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(plainText(s))
}

func property(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(plainText(s))
}
