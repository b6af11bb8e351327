package commands

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/reflection"
)

// find finds what the user asked for: everything, what a service of the catalog
// serves, or one symbol.
func (d *describe) find(ctx context.Context) error {
	f := d.f
	if d.symbol == "" {
		return d.findAll(ctx)
	}
	if d.given == nil && f.Global.Addr == "" {
		list, err := listServices(ctx, f)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(list.Services, func(s fleet.Service) bool { return s.Name == d.symbol }) {
			return d.findService(ctx, d.symbol)
		}
	}
	symbol, err := d.loc.Symbol(ctx, d.symbol, d.schema.service)
	if err != nil {
		return d.connectError(err)
	}
	if symbol.FromCache {
		d.noteOld(symbol.Service, symbol.Err)
	}
	f.Verbosef("from the schema%s, file %s", of(symbol.Service), symbol.Descriptor.ParentFile().Path())
	d.found, d.single = []described{{symbol.Service, symbol.Descriptor}}, true
	return nil
}

func (d *describe) noteOld(service string, err error) {
	d.f.Notef("note: this is what %s said earlier; now: %v", service, err)
}

// connectError is the error of --addr's one connection with its hint, if that is
// what failed.
func (d *describe) connectError(err error) error {
	if d.failed != nil && fleet.KindOf(err) != fleet.Usage {
		return d.explainConnect(d.failed)
	}
	return err
}

func (d *describe) findAll(ctx context.Context) error {
	if d.given != nil {
		d.add("", d.given)
		return nil
	}
	all, err := d.loc.Survey(ctx)
	if err != nil {
		return catalogError(d.f, err)
	}
	var silent, why []string
	for _, s := range all {
		if d.schema.service != "" && s.Service != d.schema.service {
			continue
		}
		switch {
		case s.Schema == nil:
			silent = append(silent, s.Service)
			why = append(why, fmt.Sprintf("%s: %v", s.Service, s.Err))
		case s.FromCache:
			d.noteOld(s.Service, s.Err)
			d.add(s.Service, s.Schema)
		default:
			d.add(s.Service, s.Schema)
		}
	}
	if len(silent) > 0 && len(silent) == len(all) {
		return d.nobody(all, why)
	}
	if odd := unexpected(all, silent); len(odd) > 0 {
		d.f.Notef("note: no schema from %s; -v says why", strings.Join(odd, ", "))
	}
	for _, line := range why {
		d.f.Verbosef("  %s", line)
	}
	return nil
}

// unexpected returns those of the silent services whose silence is worth a word:
// where the catalog says who speaks gRPC, the others were not expected to.
func unexpected(all []reflection.Surveyed, silent []string) []string {
	marked := map[string]bool{}
	for _, s := range all {
		if s.GRPC {
			marked[s.Service] = true
		}
	}
	if len(marked) == 0 {
		return silent
	}
	return slices.DeleteFunc(slices.Clone(silent), func(name string) bool { return !marked[name] })
}

// nobody is the error for a catalog of which nobody answers.
func (d *describe) nobody(all []reflection.Surveyed, why []string) error {
	if len(all) == 1 {
		return d.connectError(all[0].Err)
	}
	return &fleet.Error{
		What: "no service of the catalog shows its schema", Details: why,
		Hint: "gctl doctor shows what is reachable",
	}
}

// findService describes all that a service of the catalog serves, and compares
// its instances.
func (d *describe) findService(ctx context.Context, service string) error {
	variants, err := d.loc.Compare(ctx, service)
	if err != nil {
		return err
	}
	best := variants[0]
	if best.Err != nil {
		if schema, fromCache, err := d.loc.Service(ctx, service); err == nil && fromCache {
			d.noteOld(service, best.Err)
			d.add(service, schema)
			return nil
		}
		return best.Err
	}
	if warning := describeVariants(service, variants); warning != "" {
		d.f.Notef("warning: %s", warning)
	}
	d.add(service, best.Schema)
	return nil
}

// describeVariants says that instances of a service serve different schemas;
// empty if they do not.
func describeVariants(service string, variants []reflection.Variant) string {
	var parts []string
	for _, v := range variants {
		if v.Err != nil {
			continue
		}
		ids := make([]string, 0, len(v.Instances))
		for _, in := range v.Instances {
			ids = append(ids, in.ID)
		}
		parts = append(parts, fmt.Sprintf("%s (schema %.8s)", strings.Join(ids, ", "), v.Hash))
	}
	if len(parts) < 2 {
		return ""
	}
	return fmt.Sprintf("instances of %s serve different schemas: %s; what is shown is the first", service, strings.Join(parts, "; "))
}
