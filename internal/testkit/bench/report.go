package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// report collects the rows of docs/benchmarks.md.
type report struct {
	rounds   int
	sections []*section
}

type section struct {
	title, note string
	columns     []string // of the table, without the first, which has no name
	rows        [][]string
	verdicts    []string
}

func newReport(rounds int) *report { return &report{rounds: rounds} }

// section starts a part of the report.
func (r *report) section(title, note string) *section {
	s := &section{title: title, note: note, columns: []string{"median", "p95"}}
	r.sections = append(r.sections, s)
	return s
}

// times adds a row for each subject.
func (s *section) times(subjects []subject, samples []sample) {
	for i, sub := range subjects {
		s.rows = append(s.rows, []string{sub.name, ms(samples[i].median()), ms(samples[i].quantile(0.95))})
	}
}

// row adds a row.
func (s *section) row(cells ...string) { s.rows = append(s.rows, cells) }

// saysf adds a line.
func (s *section) saysf(format string, args ...any) {
	s.verdicts = append(s.verdicts, fmt.Sprintf(format, args...))
}

// atLeast is goal where higher is better.
func (s *section) atLeast(what string, got, limit float64, unit string) {
	word := "reached"
	if got < limit {
		word = "**missed**"
	}
	s.saysf("%s: %.3g%s, goal ≥ %.3g%s: %s", what, got, unit, limit, unit, word)
}

// goal adds a line that compares a figure with what was to be reached, lower
// being better.
func (s *section) goal(what string, got, limit float64, unit string) {
	word := "reached"
	if got > limit {
		word = "**missed**"
	}
	s.verdicts = append(s.verdicts, fmt.Sprintf("%s: %.3g%s, goal ≤ %.3g%s: %s", what, got, unit, limit, unit, word))
}

func (r *report) head() string {
	return "# Benchmarks\n\n" + fmt.Sprintf(
		"Written by `make bench`, on %s/%s with %d cores, and `make soak`; each section says when. %d runs of each process of gctl and its peers, in turn.\n",
		runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), r.rounds) +
		"Times there are of whole processes, from start to exit. Compare ratios, not milliseconds: machines differ.\n"
}

func (s *section) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s\n\n%s\nMeasured on %s with %s.\n\n", s.title, s.note, time.Now().UTC().Format(time.DateOnly), runtime.Version())
	if len(s.rows) > 0 {
		fmt.Fprintf(&b, "| | %s |\n|%s\n", strings.Join(s.columns, " | "), strings.Repeat("---|", len(s.columns)+1))
		for _, row := range s.rows {
			fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
		}
		b.WriteString("\n")
	}
	for _, v := range s.verdicts {
		fmt.Fprintf(&b, "- %s\n", v)
	}
	return b.String()
}

func (r *report) write(w io.Writer) error {
	texts := []string{r.head()}
	for _, s := range r.sections {
		texts = append(texts, s.text())
	}
	_, err := io.WriteString(w, strings.Join(texts, "\n"))
	return err
}

// update writes the sections into a file: in the places of those with the same
// titles, or at its end. All others stay.
func (r *report) update(path string) error {
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	_, rest, found := strings.Cut(string(data), "\n## ")
	var old []string
	if found {
		old = strings.Split(rest, "\n## ")
	}
	for i := range old {
		old[i] = "## " + strings.TrimRight(old[i], "\n") + "\n"
	}
	for _, s := range r.sections {
		same := func(text string) bool { return strings.HasPrefix(text, "## "+s.title+"\n") }
		if i := slices.IndexFunc(old, same); i >= 0 {
			old[i] = s.text()
		} else {
			old = append(old, s.text())
		}
	}
	text := strings.Join(append([]string{r.head()}, old...), "\n")
	return os.WriteFile(path, []byte(text), 0o644)
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond)) }

func ratio(a, b sample) float64 { return float64(a.median()) / float64(b.median()) }
