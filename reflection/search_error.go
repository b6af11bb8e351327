package reflection

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gctl-dev/gctl/fleet"
)

func several(m MethodName, where []string) error {
	return &fleet.Error{
		Kind: fleet.Usage,
		What: fmt.Sprintf("%s is served by %d services of the catalog", m, len(where)),
		Err:  &AmbiguousError{Name: m.String(), Full: where},
		Hint: "choose one, for example with --service " + where[0],
	}
}

func nobody(m MethodName) error {
	return &fleet.Error{
		Kind: fleet.Usage,
		What: "no service of the catalog was found to serve " + m.Service,
		Err:  &UnknownError{Name: m.Service},
		Hint: "name the service of the catalog with --service, or an address with --addr",
	}
}

func noInstances(service string) error {
	return &fleet.Error{
		Kind: fleet.Usage, What: "the catalog has no instance of " + service,
		Hint: "gctl services lists what there is",
	}
}

// failure returns why none of the candidates, who are known to have what is
// looked for, delivered a schema; nil if one did.
func (s *search) failure(candidates []candidate) error {
	for _, c := range candidates {
		if s.schemas[c.service] != nil {
			return nil
		}
	}
	for _, c := range candidates {
		if err := s.errs[c.service]; err != nil {
			return schemaError(c.service, err)
		}
	}
	return nil
}

// schemaError puts the service before err and keeps kind and hint.
func schemaError(service string, err error) error {
	out := &fleet.Error{What: "cannot get the schema of " + service, Err: err}
	var e *fleet.Error
	if errors.As(err, &e) {
		out.Kind, out.Hint, out.Details = e.Kind, e.Hint, e.Details
	}
	return out
}

// unknown adds to err who could not be asked. If nobody answered, the name may
// be right, and it is a failure.
func (s *search) unknown(err error) error {
	var e *fleet.Error
	if !errors.As(err, &e) {
		return err
	}
	if len(s.errs) == 0 && len(s.schemas) == 0 && s.l.Schema == nil {
		return &fleet.Error{
			What: "no service of the catalog has an instance to ask for " + cleanName(s.name),
			Hint: "gctl services shows what the catalog lists",
		}
	}
	if near := fleet.Nearest(s.service, s.known, 1); s.service != "" && len(near) > 0 && strings.HasPrefix(e.What, "unknown service ") {
		nearer := *e
		nearer.Hint = "did you mean " + near[0] + "?"
		err, e = &nearer, &nearer
	}
	if len(s.errs) == 0 {
		return err
	}
	silent := slices.Sorted(maps.Keys(s.errs))
	if len(s.schemas) == 0 && len(silent) == 1 {
		return schemaError(silent[0], s.errs[silent[0]])
	}
	out := *e
	if len(s.schemas) == 0 {
		out = fleet.Error{What: "nobody could be asked for " + cleanName(s.name), Hint: "gctl doctor shows what is reachable"}
	}
	asked := len(s.schemas) + len(silent)
	out.Details = append(slices.Clone(e.Details), fmt.Sprintf("asked %d services, %d did not answer:", asked, len(silent)))
	for _, name := range silent {
		line, _, _ := strings.Cut(s.errs[name].Error(), "\n")
		out.Details = append(out.Details, name+": "+line)
	}
	return &out
}
