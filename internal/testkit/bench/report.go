package main

import (
	"fmt"
	"io"
	"runtime"
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
	rows        [][]string
	verdicts    []string
}

func newReport(rounds int) *report { return &report{rounds: rounds} }

// section starts a part of the report.
func (r *report) section(title, note string) *section {
	s := &section{title: title, note: note}
	r.sections = append(r.sections, s)
	return s
}

// times adds a row for each subject.
func (s *section) times(subjects []subject, samples []sample) {
	for i, sub := range subjects {
		s.rows = append(s.rows, []string{sub.name, ms(samples[i].median()), ms(samples[i].quantile(0.95))})
	}
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

func (r *report) write(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# Benchmarks\n\n")
	fmt.Fprintf(&b, "Written by `make bench` on %s with %s on %s/%s, %d cores; %d runs of each process, in turn.\n",
		time.Now().UTC().Format(time.DateOnly), runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), r.rounds)
	b.WriteString("Times are of whole processes, from start to exit. Compare ratios, not milliseconds: machines differ.\n")
	for _, s := range r.sections {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| | median | p95 |\n|---|---|---|\n", s.title, s.note)
		for _, row := range s.rows {
			fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
		}
		b.WriteString("\n")
		for _, v := range s.verdicts {
			fmt.Fprintf(&b, "- %s\n", v)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond)) }

func ratio(a, b sample) float64 { return float64(a.median()) / float64(b.median()) }
