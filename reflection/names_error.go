package reflection

import (
	"errors"
	"slices"
	"strings"

	"github.com/gctl-dev/gctl/fleet"
)

// maxCandidates is how many names an error lists.
const maxCandidates = 5

// AmbiguousError is the cause of the usage error for a name that means several
// things.
type AmbiguousError struct {
	Name string
	Full []string // what it may mean
}

// Error lists what the name may mean.
func (e *AmbiguousError) Error() string { return "it may mean " + list(e.Full) }

// UnknownError is the cause of the usage error for a name that means nothing.
type UnknownError struct {
	Name    string
	Nearest []string // what it may have been meant to be
}

// Error lists the nearest names.
func (e *UnknownError) Error() string {
	if len(e.Nearest) == 0 {
		return "nothing has a name like it"
	}
	if len(e.Nearest) == 1 {
		return "the nearest is " + e.Nearest[0]
	}
	return "the nearest are " + list(e.Nearest)
}

func isAmbiguous(err error) bool {
	var a *AmbiguousError
	return errors.As(err, &a)
}

// IsUnknown tells whether err says that a name is unknown, as opposed to
// ambiguous or to a failure.
func IsUnknown(err error) bool {
	var u *UnknownError
	return errors.As(err, &u)
}

func list(names []string) string {
	if len(names) > maxCandidates {
		return strings.Join(names[:maxCandidates], ", ") + ", ..."
	}
	return strings.Join(names, ", ")
}

func ambiguous(name string, found []MethodName) error {
	var full []string
	for _, f := range found {
		full = append(full, f.String())
	}
	return &fleet.Error{
		Kind: fleet.Usage,
		What: "ambiguous method " + name,
		Err:  &AmbiguousError{Name: name, Full: full},
		Hint: "write the full name, or choose with --service " + found[0].Service,
	}
}

func ambiguousSymbol(name string, found []string) error {
	return &fleet.Error{
		Kind: fleet.Usage,
		What: "ambiguous name " + name,
		Err:  &AmbiguousError{Name: name, Full: found},
		Hint: "write the full name",
	}
}

// unknownMethod looks for what was meant: the name may be a service without a
// method, a right method on a wrong service, or misspelt.
func unknownMethod(candidates []MethodName, name string) error {
	if of := ofService(candidates, name); len(of) > 0 {
		full := make([]string, 0, len(of))
		for _, m := range of {
			full = append(full, m.String())
		}
		return &fleet.Error{
			Kind: fleet.Usage,
			What: name + " is a service, not a method",
			Err:  &AmbiguousError{Name: name, Full: full},
			Hint: "call one of its methods: " + list(full),
		}
	}
	near := nearestMethods(candidates, name)
	e := &fleet.Error{Kind: fleet.Usage, What: "unknown method " + name, Err: &UnknownError{Name: name, Nearest: near}}
	switch {
	case len(near) > 0:
		e.Hint = "did you mean " + near[0] + "?"
	case len(candidates) > 0:
		e.Hint = "gctl describe lists what there is: services " + list(services(candidates))
	}
	return e
}

func unknownService(candidates []MethodName, service string) error {
	all := services(candidates)
	near := nearestNames(service, all)
	e := &fleet.Error{Kind: fleet.Usage, What: "unknown service " + service, Err: &UnknownError{Name: service, Nearest: near}}
	switch {
	case len(near) > 0:
		e.Hint = "did you mean " + near[0] + "?"
	case len(all) > 0:
		e.Hint = "there are " + list(all)
	}
	return e
}

func unknownSymbol(names []string, name string) error {
	near := nearestNames(name, names)
	e := &fleet.Error{Kind: fleet.Usage, What: "unknown name " + name, Err: &UnknownError{Name: name, Nearest: near}}
	if len(near) > 0 {
		e.Hint = "did you mean " + near[0] + "?"
	}
	return e
}

// nearestMethods compares whole names and, because services are often right or
// left out, methods alone.
func nearestMethods(candidates []MethodName, name string) []string {
	svc, method := splitMethod(name)
	full := map[string][]string{}
	var methods []string
	for _, c := range candidates {
		if svc == "" || MatchesService(c.Service, svc) {
			methods = append(methods, c.Method)
			full[c.Method] = append(full[c.Method], c.String())
		}
	}
	if len(methods) == 0 { // the service is wrong too
		for _, c := range candidates {
			methods = append(methods, c.Method)
			full[c.Method] = append(full[c.Method], c.String())
		}
	}
	slices.Sort(methods)
	var out []string
	for _, m := range fleet.Nearest(method, slices.Compact(methods), maxCandidates) {
		out = append(out, full[m]...)
	}
	return out[:min(len(out), maxCandidates)]
}

// nearestNames returns the full names that look most like name, comparing last
// parts where name has no dot.
func nearestNames(name string, names []string) []string {
	if strings.Contains(name, ".") {
		return fleet.Nearest(name, names, maxCandidates)
	}
	full := map[string][]string{}
	var last []string
	for _, n := range names {
		l := n[strings.LastIndexByte(n, '.')+1:]
		last = append(last, l)
		full[l] = append(full[l], n)
	}
	slices.Sort(last)
	var out []string
	for _, l := range fleet.Nearest(name, slices.Compact(last), maxCandidates) {
		out = append(out, full[l]...)
	}
	return out[:min(len(out), maxCandidates)]
}
