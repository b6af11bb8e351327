package commands

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/gctl-dev/gctl/fleet"
)

// searchAtOnce bounds how many services are listed in parallel.
const searchAtOnce = 16

// instanceArgs is the check of commands whose first argument is an instance, with
// the number of the others. With --addr the instance is the one there, and the
// argument is left out.
func instanceArgs(f *Factory, least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, given []string) error {
		if f.Global.Addr != "" || f.Getenv(variable("addr")) != "" {
			return args(least, most)(cmd, given)
		}
		return args(least+1, most+1)(cmd, given)
	}
}

// cutInstance takes the name of the instance off the arguments.
func cutInstance(f *Factory, given []string) (name string, rest []string) {
	if f.Global.Addr != "" {
		return f.Global.Addr, given
	}
	return given[0], given[1:]
}

// findInstance finds an instance by its ID or address: of the service, or of all
// services where none is named.
func findInstance(ctx context.Context, f *Factory, name, service string) (fleet.Instance, error) {
	if f.Global.Addr != "" {
		service = f.Global.Addr
	}
	if service != "" {
		list, err := listInstances(ctx, f, service)
		if err != nil {
			return fleet.Instance{}, err
		}
		if len(list.Instances) == 0 {
			return fleet.Instance{}, &fleet.Error{Kind: fleet.Usage, What: service + " has no instances"}
		}
		found, err := chooseByID(list.Instances, name)
		if err != nil {
			return fleet.Instance{}, err
		}
		return found[0], nil
	}
	all, err := searchInstances(ctx, f, servicesThatHad(f, name))
	if err != nil {
		return fleet.Instance{}, err
	}
	if in, ok, err := oneOf(all, name); ok || err != nil {
		return in, err
	}
	if all, err = searchInstances(ctx, f, nil); err != nil {
		return fleet.Instance{}, err
	}
	in, ok, err := oneOf(all, name)
	if ok || err != nil {
		return in, err
	}
	ids := make([]string, 0, len(all))
	for i := range all {
		ids = append(ids, all[i].ID)
	}
	return fleet.Instance{}, &fleet.Error{
		Kind: fleet.Usage, What: fmt.Sprintf("the catalog knows no instance %q", name),
		Hint: didYouMean(name, ids, "") + `"gctl instances SERVICE" lists those of a service`,
	}
}

// oneOf finds the one instance of that name; several are an error.
func oneOf(all []fleet.Instance, name string) (fleet.Instance, bool, error) {
	var found []fleet.Instance
	for i := range all {
		if all[i].ID == name || all[i].Addr == name {
			found = append(found, all[i])
		}
	}
	switch len(found) {
	case 0:
		return fleet.Instance{}, false, nil
	case 1:
		return found[0], true, nil
	}
	var where []string
	for i := range found {
		where = append(where, found[i].Service+" at "+found[i].Addr)
	}
	return fleet.Instance{}, false, &fleet.Error{
		Kind: fleet.Usage, What: fmt.Sprintf("%d instances are called %q: %s", len(found), name, strings.Join(where, ", ")),
		Hint: "say which by --service, or by its address",
	}
}

// servicesThatHad are those of which an instance of this name is remembered; the
// catalog is asked about them first.
func servicesThatHad(f *Factory, name string) []string {
	had := []string{}
	known := recall(f).Instances
	for _, service := range slices.Sorted(maps.Keys(known)) {
		if slices.Contains(known[service], name) {
			had = append(had, service)
		}
	}
	return had
}

// searchInstances lists the instances of services, of all where services is nil. A
// service that is gone has none.
func searchInstances(ctx context.Context, f *Factory, services []string) ([]fleet.Instance, error) {
	catalog, err := f.Catalog()
	if err != nil {
		return nil, err
	}
	if services == nil {
		list, err := listServices(ctx, f)
		if err != nil {
			return nil, err
		}
		for i := range list.Services {
			services = append(services, list.Services[i].Name)
		}
	}
	lists, errs := make([]fleet.InstanceList, len(services)), make([]error, len(services))
	slots := make(chan struct{}, searchAtOnce)
	var group sync.WaitGroup
	for i := range services {
		slots <- struct{}{}
		group.Go(func() {
			lists[i], errs[i] = catalog.Instances(ctx, services[i])
			<-slots
		})
	}
	group.Wait()
	var all []fleet.Instance
	for i := range lists {
		if errs[i] != nil {
			return nil, catalogError(f, errs[i])
		}
		all = append(all, lists[i].Instances...)
	}
	rememberInstances(f, slices.DeleteFunc(lists, func(l fleet.InstanceList) bool { return len(l.Instances) == 0 })...)
	return all, nil
}

// operable are the instances that may have a control API: of a service all, of the
// whole catalog those that say where theirs is.
func operable(ctx context.Context, f *Factory, service string) ([]fleet.Instance, error) {
	if f.Global.Addr != "" && service == "" {
		service = f.Global.Addr
	}
	if service != "" {
		list, err := listInstances(ctx, f, service)
		return list.Instances, err
	}
	all, err := searchInstances(ctx, f, nil)
	return slices.DeleteFunc(all, func(in fleet.Instance) bool { return in.Meta[fleet.MetaAdmin] == "" }), err
}
