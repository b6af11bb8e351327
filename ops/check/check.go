// Package check runs scripted checks of a fleet for CI and for people: a file
// says what must be true, Run asks and judges, and the reports tell a pipeline.
//
// A file is read by Parse, which finds every mistake in it at once, each with
// its line and column. What the file may say stands in one table (spec.go), from
// which the reader, the JSON schema for editors and the messages about unknown
// keys are made. Run asks by the functions of Sources, each of which may be
// missing or fail: what cannot be asked is undecided, never passed.
package check

import (
	"time"

	"github.com/gctl-dev/gctl/ops/health"
)

// File is a file of checks.
type File struct {
	Path   string
	Checks []Check

	secrets []string // values that came from the environment, in every form, longest first
}

// Kind is what a check is about.
type Kind string

// The kinds; each is the key that a check has in the file.
const (
	Health   Kind = "health"
	Call     Kind = "call"
	Metrics  Kind = "metrics"
	Breakers Kind = "breakers"
	SLO      Kind = "slo"
	PromQL   Kind = "promql"
	Trace    Kind = "trace"
)

// Check is one check of a file.
type Check struct {
	Name   string // as it is written, unique in the file: it is the name of the test in JUnit
	Kind   Kind
	Line   int
	About  Subject
	Expect Expectation

	file *File
}

// Subject says what is asked. Which fields count depends on the kind.
type Subject struct {
	Service        string // health, metrics, slo; of call, where several serve the method
	Caller, Target string // breakers
	GRPCName       string // health: the name asked about, empty for the server
	Method         string // call, trace; metrics: full name, empty for all
	Data           []byte // call, trace: JSON values, one a request
	Headers        map[string]string
	Instance       string        // call
	Side           string        // metrics: server or client
	Window         time.Duration // metrics
	Query          string        // promql
}

// Expectation says what the answer must be. What is nil or empty is not
// expected.
type Expectation struct {
	Serving health.Rule // how many instances must serve, all where the file says nothing
	Least   string      // the same as it is written
	Version string

	Code  string // of a call, "OK" where the file says nothing
	Under time.Duration
	JQ    string

	ErrorRatio, P50, P95, P99, Rate *Comparison
	States                          []string // of breakers, any of them
	Flapping                        *bool
	BurnRate, BudgetLeft            *Comparison
	Value                           *Comparison

	Services []string // of a trace
	Errors   *int
}
