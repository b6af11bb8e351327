// Package dialect knows under which names gRPC calls are counted in metrics.
//
// Each dialect is a description: what its series are called, which labels say
// method, code, caller and callee, in which unit it measures (known.go). What a
// source has is detected from the names that are present (Detect). From the same
// description come the PromQL that asks Prometheus (promql.go) and the reading of
// rates, whoever computed them: a Book takes the rate of each series and gives
// the RED of each service, method, instance or caller (book.go, quantile.go).
//
// Circuit breakers in metrics are read in breakers.go.
package dialect

import (
	"slices"
	"strings"

	"github.com/gctl-dev/gctl/fleet"
)

// Dialect is one set of names.
type Dialect struct {
	Name           string
	Server, Client *Names // nil where it does not count that side
}

// Names are those of one side of a dialect. Labels are written as the library
// has them; those with dots may have underscores in a source, see form.
type Names struct {
	Calls    []string // counter of calls by code; none: the count of the histogram is it
	Duration []string // histograms, without suffix, by preference
	Unit     float64  // seconds in one unit of the histogram
	Where    [][2]string

	Method []string // one label with the full name, or those of service and method
	Code   []string // the first that has a value counts
	HTTP   bool     // codes are those of HTTP

	Callee   []string // who is called: a target, an address, a name
	Answered string   // the instance of the callee that answered
	Caller   []string // who calls, where it is not who counts
	Mesh     bool     // counted beside the service: labels name it, not the target that was scraped
	Scoped   bool     // has otel_scope_version, by which a known fault is told
}

// Source is a dialect as it was found: the names that are there.
type Source struct {
	Dialect   string
	Side      fleet.Side
	Counter   string // series of calls; empty: only the histogram's
	Histogram string // without suffix; empty: there is none
	Native    bool   // the histogram has native buckets

	names  *Names
	dotted bool
}

// Mesh tells that the series come from beside the service.
func (s *Source) Mesh() bool { return s.names.Mesh }

// form is a label as the source writes it.
func (s *Source) form(label string) string {
	if s.dotted {
		return label
	}
	return underscored(label)
}

func underscored(name string) string { return strings.ReplaceAll(name, ".", "_") }

// Detect returns the dialects of which series are present, by preference. A
// process that speaks several counts each call in all of them: the first is
// meant.
func Detect(side fleet.Side, mesh bool, present func(series string) bool) []Source {
	var found []Source
	for _, d := range known() {
		names := d.Server
		if side == fleet.ClientSide {
			names = d.Client
		}
		if names == nil || names.Mesh != mesh {
			continue
		}
		if s, ok := names.detect(present); ok {
			s.Dialect, s.Side, s.names = d.Name, side, names
			s.dotted = strings.Contains(s.Counter+s.Histogram, ".")
			found = append(found, s)
		}
	}
	return found
}

func (n *Names) detect(present func(string) bool) (s Source, ok bool) {
	for _, name := range n.Calls {
		if present(name) {
			s.Counter = name
			break
		}
	}
	for _, name := range n.Duration {
		native, classic := present(name), present(name+"_bucket") || present(name+"_count")
		if !native && !classic {
			continue
		}
		s.Histogram, s.Native = name, native
		if len(n.Calls) == 0 && !native {
			s.Counter = name + "_count"
		}
		break
	}
	return s, s.Counter != "" || s.Histogram != ""
}

// Series returns every name under which a side may have series: what to look
// for.
func Series(side fleet.Side, mesh bool) []string {
	var all []string
	for _, d := range known() {
		names := d.Server
		if side == fleet.ClientSide {
			names = d.Client
		}
		if names == nil || names.Mesh != mesh {
			continue
		}
		all = append(all, names.Calls...)
		for _, name := range names.Duration {
			all = append(all, name, name+"_count") // not the buckets, which are many
		}
	}
	return all
}

// Known returns the names of all dialects.
func Known() []string {
	names := make([]string, len(known()))
	for i, d := range known() {
		names[i] = d.Name
	}
	return names
}

// ID tells sources apart.
func (s *Source) ID() string {
	return strings.Join([]string{s.Dialect, string(s.Side), s.Counter, s.Histogram}, "\x00")
}

// Fits tells whether a source can be split so: the kit's series about instances
// have no methods, others do not know which instance answered.
func (s *Source) Fits(by []fleet.Dimension) bool {
	return s.names.Answered == "" || slices.Contains(by, fleet.ByInstance) && !slices.Contains(by, fleet.ByMethod)
}

// Role is what a series means to a source.
type Role int

// The roles.
const (
	None    Role = iota
	Calls        // a counter of calls
	Buckets      // a bucket of a classic histogram
)

// Role tells what a series of that name means.
func (s *Source) Role(name string) Role {
	switch {
	case s.Counter != "" && name == s.Counter, s.Counter == "" && name == s.Histogram+"_count":
		return Calls
	case s.Histogram != "" && name == s.Histogram+"_bucket":
		return Buckets
	default:
		return None
	}
}
