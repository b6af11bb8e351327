package commands

import (
	"slices"
	"strings"

	"github.com/gctl-dev/gctl/fleet"
)

// jaegerNames is what contexts call the names that services have in traces.
const jaegerNames = "jaeger"

// traceNames joins the names that services have in traces with those of the
// catalog, as the context's map says; what it does not say has one name.
type traceNames struct{ identity *fleet.Identity }

func newTraceNames(f *Factory) (*traceNames, error) {
	c, err := f.Context()
	if err != nil {
		return nil, err
	}
	o := fleet.IdentityOptions{Map: map[string]map[string]string{}}
	for service, names := range c.Map {
		if names.Jaeger != "" {
			o.Map[service] = map[string]string{jaegerNames: names.Jaeger}
		}
	}
	return &traceNames{fleet.NewIdentity(o)}, nil
}

// there is what a service of the catalog is called in traces.
func (n *traceNames) there(service string) string {
	name, _ := n.identity.NameIn(jaegerNames, service)
	return name
}

// here is what a service in traces is called in the catalog.
func (n *traceNames) here(name string) string {
	if m := n.identity.Service(jaegerNames, name); m.Service != "" {
		return m.Service
	}
	return name
}

func (n *traceNames) all(names []string) []string {
	out := make([]string, 0, len(names))
	for _, name := range names {
		out = append(out, n.here(name))
	}
	slices.Sort(out)
	return out
}

// root is the root of a trace with the catalog's name in front.
func (n *traceNames) root(t *fleet.TraceSummary) string {
	for _, service := range t.Services {
		if rest, ok := strings.CutPrefix(t.Root, service+" "); ok {
			return n.here(service) + " " + rest
		}
	}
	return t.Root
}

// rename gives the spans of a trace the catalog's names.
func (n *traceNames) rename(t *fleet.Trace) {
	for i := range t.Spans {
		t.Spans[i].Service = n.here(t.Spans[i].Service)
	}
}

// about names a service in a sentence.
func (n *traceNames) about(service string) string {
	if there := n.there(service); there != service {
		return " of " + service + " (" + there + " in traces)"
	}
	if service != "" {
		return " of " + service
	}
	return ""
}
