package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/output"
)

// catalogError adds to a failure of the catalog what the user can do: one who
// has configured nothing perhaps has nothing to ask yet.
func catalogError(f *Factory, err error) error {
	told := &fleet.Error{What: "ask the catalog", Err: err}
	var e *fleet.Error
	if errors.As(err, &e) {
		if e.Kind != fleet.Failed {
			return err
		}
		told = &fleet.Error{What: e.What, Instance: e.Instance, Err: e.Err, Details: e.Details, Hint: e.Hint}
	}
	next := `"gctl doctor" shows what is reachable`
	if c, ctxErr := f.Context(); ctxErr == nil && c.Catalog == "" {
		next += `; "gctl demo" starts a small fleet on this machine`
	}
	told.Hint = strings.TrimPrefix(told.Hint+"; "+next, "; ")
	return told
}

// noteHidden says that an answer is not the whole truth.
func noteHidden(f *Factory, hidden bool) {
	if hidden {
		f.Notef("note: the catalog hides results that your token may not read")
	}
}

// noteUnchecked says that the instance of --addr is there because the user says
// so, and passing because no check of it has failed.
func noteUnchecked(f *Factory) {
	if f.Global.Addr != "" {
		f.Notef("note: with --addr nobody has checked the instance; gctl explain %s does", f.Global.Addr)
	}
}

// listServices asks the catalog for all services.
func listServices(ctx context.Context, f *Factory) (fleet.ServiceList, error) {
	catalog, err := f.Catalog()
	if err != nil {
		return fleet.ServiceList{}, err
	}
	list, err := catalog.Services(ctx)
	if err != nil {
		return list, catalogError(f, err)
	}
	rememberServices(f, list)
	f.Evidence(list.Provenance)
	noteHidden(f, list.Hidden)
	return list, nil
}

// listInstances asks the catalog for the instances of a service. A service that
// the catalog does not know is an error that names the nearest ones.
func listInstances(ctx context.Context, f *Factory, service string) (fleet.InstanceList, error) {
	catalog, err := f.Catalog()
	if err != nil {
		return fleet.InstanceList{}, err
	}
	list, err := catalog.Instances(ctx, service)
	if err != nil {
		return list, catalogError(f, err)
	}
	f.Evidence(list.Provenance)
	if len(list.Instances) > 0 {
		rememberInstances(f, list)
		noteHidden(f, list.Hidden)
		return list, nil
	}
	all, err := listServices(ctx, f)
	if err != nil {
		return list, err
	}
	if err := checkServices(f, all, []string{service}); err != nil {
		return list, err
	}
	f.Notef("note: %s has no instances%s", service, filtered(f))
	return list, nil
}

// filtered says which flags narrow what a catalog lists.
func filtered(f *Factory) string {
	if len(f.Global.Tags) == 0 {
		return ""
	}
	return " with the tag " + strings.Join(f.Global.Tags, " and ")
}

// checkServices fails if the list lacks one of the names.
func checkServices(f *Factory, list fleet.ServiceList, names []string) error {
	known := make([]string, 0, len(list.Services))
	for _, s := range list.Services {
		known = append(known, s.Name)
	}
	for _, name := range names {
		if slices.Contains(known, name) {
			continue
		}
		if with := filtered(f); with != "" { // it may be known all the same
			return &fleet.Error{
				Kind: fleet.Usage, What: fmt.Sprintf("the catalog lists no instance of %q%s", name, with),
				Hint: "leave out --tag to see what there is",
			}
		}
		e := &fleet.Error{Kind: fleet.Usage, What: fmt.Sprintf("the catalog knows no service %q", name)}
		e.Hint = didYouMean(name, known, "") + `"gctl services" lists them`
		if list.Hidden {
			e.Hint = didYouMean(name, known, "") + "the catalog hides results that your token may not read"
		}
		return e
	}
	return nil
}

// statusCell shows a catalog's verdict.
func statusCell(s fleet.Status) output.Cell {
	c := output.Text(string(s))
	switch s {
	case fleet.Passing:
		c.Style = output.Good
	case fleet.Warning, fleet.Maintenance:
		c.Style = output.Caution
	default:
		c.Style = output.Bad
	}
	return c
}

// pairs prints a map on one line, sorted.
func pairs(m map[string]string) string {
	out := make([]string, 0, len(m))
	for k, v := range m {
		out = append(out, k+"="+v)
	}
	slices.Sort(out)
	return strings.Join(out, ",")
}

// orEmpty gives JSON a list where there is none.
func orEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}
