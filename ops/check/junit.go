package check

import (
	"encoding/xml"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"
	"unicode"
)

// The shape of a JUnit report as Jenkins, GitLab and the GitHub actions read it:
// https://github.com/testmoapp/junitxml.
type junitSuites struct {
	XMLName  xml.Name   `xml:"testsuites"`
	Tests    int        `xml:"tests,attr"`
	Failures int        `xml:"failures,attr"`
	Errors   int        `xml:"errors,attr"`
	Time     string     `xml:"time,attr"`
	Suite    junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name      string      `xml:"name,attr"`
	Tests     int         `xml:"tests,attr"`
	Failures  int         `xml:"failures,attr"`
	Errors    int         `xml:"errors,attr"`
	Skipped   int         `xml:"skipped,attr"`
	Time      string      `xml:"time,attr"`
	Timestamp string      `xml:"timestamp,attr"`
	Cases     []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string       `xml:"name,attr"`
	Class   string       `xml:"classname,attr"`
	File    string       `xml:"file,attr"`
	Line    int          `xml:"line,attr"`
	Time    string       `xml:"time,attr"`
	Failure *junitDetail `xml:"failure,omitempty"`
	Error   *junitDetail `xml:"error,omitempty"` // undecided
	Out     string       `xml:"system-out,omitempty"`
}

type junitDetail struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

// JUnit writes the report that CI systems read. The name of a test is the name
// of the check, so that its history can be followed; what was undecided is an
// error, apart from failures.
func JUnit(w io.Writer, file *File, results []Result) error {
	name := strings.TrimSuffix(filepath.Base(file.Path), filepath.Ext(file.Path))
	suite := junitSuite{
		Name: plainText(name), Tests: len(results), Failures: Count(results, Failed), Errors: Count(results, Undecided),
	}
	var whole time.Duration
	for i := range results {
		r := &results[i]
		whole = max(whole, r.Took) // they ran side by side
		if suite.Timestamp == "" {
			suite.Timestamp = r.Started.UTC().Format("2006-01-02T15:04:05")
		}
		suite.Cases = append(suite.Cases, junitCaseOf(file, name, r))
	}
	suite.Time = inSeconds(whole)
	doc := junitSuites{Tests: suite.Tests, Failures: suite.Failures, Errors: suite.Errors, Time: suite.Time, Suite: suite}
	raw, err := xml.MarshalIndent(doc, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s%s\n", xml.Header, raw)
	return err
}

func junitCaseOf(file *File, suite string, r *Result) junitCase {
	c := junitCase{
		Name: plainText(r.Check.Name), Class: plainText("gctl." + suite), File: plainText(file.Path), Line: r.Check.Line, Time: inSeconds(r.Took),
	}
	detail := &junitDetail{Type: string(r.Check.Kind), Message: plainText(r.Summary()), Text: plainText("\n" + strings.Join(r.Lines(), "\n") + "\n")}
	switch r.Outcome {
	case Failed:
		c.Failure = detail
	case Undecided:
		c.Error = detail
	case Passed:
		if r.Check.Kind == Metrics { // of which calls the numbers are
			for i := range r.Findings {
				c.Out += plainText(r.Findings[i].line()) + "\n"
			}
		}
	}
	return c
}

func inSeconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }

// plainText removes what XML 1.0 forbids, which a parser would refuse the whole
// report for (https://www.w3.org/TR/xml/#charsets), and what would move the cursor
// or turn the text around where a report or a job's log is shown on a terminal.
func plainText(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 0x7F && r <= 0x9F, unicode.Is(unicode.Bidi_Control, r):
			return -1
		case r == '\t', r == '\n', r == '\r', r >= 0x20 && r <= 0xD7FF, r >= 0xE000 && r < 0xFFFD, r >= 0x10000 && r <= 0x10FFFF:
			return r
		default:
			return -1
		}
	}, s)
}
