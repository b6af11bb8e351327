package commands

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/output"
	"github.com/gctl-dev/gctl/ops/check"
)

// checkResultRow is a check as JSON.
type checkResultRow struct {
	Name     string       `json:"name"`
	Kind     string       `json:"kind"`
	Outcome  string       `json:"outcome"`
	Attempts int          `json:"attempts"`
	Duration float64      `json:"duration_ms"`
	Findings []findingRow `json:"findings"`
}

type findingRow struct {
	Outcome  string `json:"outcome"`
	Wanted   string `json:"wanted"`
	Got      string `json:"got"`
	Where    string `json:"where"`
	Evidence string `json:"evidence"`
}

var checkTable = output.Rows[checkResultRow]{
	Columns: []output.Column[checkResultRow]{
		{Name: "OUTCOME", Cell: checkOutcomeCell},
		{Name: "CHECK", Cell: func(r checkResultRow) output.Cell { return output.Text(r.Name) }},
		{Name: "WANTED", Cell: func(r checkResultRow) output.Cell {
			return output.Text(r.tell(func(f findingRow) string { return f.Wanted }))
		}},
		{Name: "GOT", Cell: func(r checkResultRow) output.Cell {
			return output.Text(r.tell(func(f findingRow) string { return f.Got }))
		}},
		{Name: "WHERE", Wide: true, Cell: func(r checkResultRow) output.Cell {
			return output.Text(r.tell(func(f findingRow) string { return f.Where }))
		}},
		{Name: "EVIDENCE", Wide: true, Cell: func(r checkResultRow) output.Cell {
			return output.Text(r.tell(func(f findingRow) string { return f.Evidence }))
		}},
	},
	Key: func(r checkResultRow) string { return r.Name },
}

// tell joins what the findings say that decided the outcome.
func (r *checkResultRow) tell(of func(findingRow) string) string {
	var parts []string
	for _, f := range r.Findings {
		if s := of(f); f.Outcome == r.Outcome && s != "" && !slices.Contains(parts, s) {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, "; ")
}

func checkOutcomeCell(r checkResultRow) output.Cell {
	c := output.Text(r.Outcome)
	switch check.Outcome(r.Outcome) {
	case check.Passed:
		c.Style = output.Good
	case check.Failed:
		c.Style = output.Bad
	case check.Undecided:
		c.Style = output.Caution
	}
	return c
}

func (o *checkOptions) print(p *output.Printer, results []check.Result) error {
	var rows []checkResultRow
	for _, r := range check.Worst(results) {
		row := checkResultRow{Name: r.Check.Name, Kind: string(r.Check.Kind), Outcome: string(r.Outcome), Attempts: r.Attempts, Duration: ms(r.Took), Findings: []findingRow{}}
		for _, f := range r.Findings {
			row.Findings = append(row.Findings, findingRow{string(f.Outcome), f.Wanted, f.Got, f.Where, f.Evidence})
		}
		rows = append(rows, row)
	}
	if err := checkTable.Print(p, rows, nil); err != nil {
		return fmt.Errorf("print the results: %w", err)
	}
	return nil
}

// report is where the results are told beside the table.
type report struct {
	format string
	file   string // empty for github
}

func parseReports(flags []string) ([]report, error) {
	var out []report
	for _, flag := range flags {
		format, file, _ := strings.Cut(flag, "=")
		switch {
		case format == "github" && file == "", (format == "junit" || format == "markdown") && file != "":
			out = append(out, report{format, file})
		default:
			return nil, &fleet.Error{
				Kind: fleet.Usage, What: fmt.Sprintf("--report %q is not known", flag), Hint: "write junit=FILE, markdown=FILE or github",
			}
		}
	}
	return out, nil
}

// report writes all reports, whatever becomes of the others.
func (o *checkOptions) report(reports []report, file *check.File, results []check.Result) error {
	var errs []error
	for _, r := range reports {
		if err := o.write(r, file, results); err != nil {
			errs = append(errs, &fleet.Error{What: "write the report " + r.format, Err: err})
		}
	}
	return errors.Join(errs...)
}

func (o *checkOptions) write(r report, file *check.File, results []check.Result) error {
	switch r.format {
	case "junit":
		return toFile(r.file, os.O_TRUNC, func(w io.Writer) error { return check.JUnit(w, file, results) })
	case "markdown":
		return toFile(r.file, os.O_TRUNC, func(w io.Writer) error { return check.Markdown(w, file, results) })
	}
	if err := check.GitHub(o.f.Streams.Err, file, results); err != nil {
		return err
	}
	summary := o.f.Getenv("GITHUB_STEP_SUMMARY") // a file to which each step of a job adds
	if summary == "" {
		return nil
	}
	return toFile(summary, os.O_APPEND, func(w io.Writer) error { return check.Markdown(w, file, results) })
}

func toFile(path string, how int, write func(io.Writer) error) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|how, 0o644) //nolint:gosec // a report is for others to read; it has no secrets
	if err != nil {
		return err
	}
	err = write(file)
	if closing := file.Close(); err == nil {
		err = closing
	}
	return err
}
