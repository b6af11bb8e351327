package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/reflection"
)

// wholeMethod returns the method, in full, that the user means by a short name: by
// the schema that the instance itself shows. A full name is left as it is: the
// instance knows best what it serves, and says what there is.
func wholeMethod(ctx context.Context, f *Factory, in fleet.Instance, name string) (string, error) {
	service, _, slash := strings.Cut(name, "/")
	if name == "*" || slash && strings.Contains(service, ".") {
		return name, nil
	}
	methods, err := methodsOf(ctx, f, in)
	if err != nil {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		return "", &fleet.Error{
			Kind: fleet.Usage, What: fmt.Sprintf("--method %q is no whole name, and no schema tells it", name), Instance: in.ID,
			Err: err, Hint: "the whole name is package.Service/Method, or package.Service/* for all methods of a service",
		}
	}
	if service, all := strings.CutSuffix(name, "/*"); all {
		return wholeService(methods, service)
	}
	m, err := reflection.ResolveMethod(methods, name, "")
	var told *fleet.Error
	var ambiguous *reflection.AmbiguousError
	if errors.As(err, &ambiguous) && errors.As(err, &told) {
		told.Hint = "write the full name" // --service is the one of the catalog here
	}
	return m.String(), err
}

// wholeService returns package.Service/* for the end of a service's name.
func wholeService(methods []reflection.MethodName, name string) (string, error) {
	var all, found []string
	for _, m := range methods {
		all = append(all, m.Service)
		if reflection.MatchesService(m.Service, name) {
			found = append(found, m.Service)
		}
	}
	slices.Sort(found)
	switch found = slices.Compact(found); {
	case len(found) == 1:
		return found[0] + "/*", nil
	case slices.Contains(found, name): // one without a package
		return name + "/*", nil
	case len(found) > 1:
		return "", &fleet.Error{
			Kind: fleet.Usage, What: "ambiguous service " + name, Err: &reflection.AmbiguousError{Name: name, Full: found}, Hint: "write the full name",
		}
	}
	slices.Sort(all)
	all = slices.Compact(all)
	return "", &fleet.Error{
		Kind: fleet.Usage, What: fmt.Sprintf("no service %q is served there", name),
		Hint: didYouMean(name, all, "") + "there is " + strings.Join(all, ", "),
	}
}

// methodsOf asks an instance what it serves, without what no fault meets.
func methodsOf(ctx context.Context, f *Factory, in fleet.Instance) ([]reflection.MethodName, error) {
	var conn connFlags // none are given: it is reached as the context says
	conn.register(pflag.NewFlagSet("", pflag.ContinueOnError))
	t, err := conn.target(ctx, f, &schemaFlags{}, "")
	if err != nil {
		return nil, err
	}
	defer t.close()
	locator, err := t.newLocator()
	if err != nil {
		return nil, err
	}
	// Another instance may serve something else, and what was seen earlier is old.
	locator.Catalog, locator.Cache, locator.Timeout = fixed{locator.Catalog, []fleet.Instance{in}}, nil, fleet.Patience
	schema, _, err := locator.Service(ctx, in.Service)
	if err != nil {
		return nil, err
	}
	methods := slices.DeleteFunc(schema.Methods(), func(m reflection.MethodName) bool {
		return strings.HasPrefix(m.Service, "grpc.health.") || strings.HasPrefix(m.Service, "grpc.reflection.") ||
			strings.HasPrefix(m.Service, "gctl.control.")
	})
	if len(methods) == 0 {
		return nil, errors.New("it shows none but health, reflection and control")
	}
	return methods, nil
}
