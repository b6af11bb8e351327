package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/config"
	"github.com/gctl-dev/gctl/internal/term"
)

// backendLimit bounds how long a backend may keep the doctor waiting.
const backendLimit = 3 * time.Second

// stateAbsent is a backend that nobody has named and nobody needs.
const stateAbsent = "absent"

// backends looks at Prometheus, Jaeger and the control APIs, and at which of their
// names join with the catalog, side by side.
func (x *examination) backends(ctx context.Context, services []fleet.Service) []checkRow {
	instances := x.all(ctx, services)
	id := fleet.NewIdentity(fleet.IdentityOptions{Instances: instances, Map: NamesOf(x.context)})
	var rows [3][]checkRow
	var all sync.WaitGroup
	if x.f.Metrics != nil {
		all.Go(func() { rows[0] = x.metrics(ctx, id) })
	}
	if x.f.Traces != nil {
		all.Go(func() { rows[1] = x.traces(ctx, id) })
	}
	if x.f.ControlPlane != nil {
		all.Go(func() { rows[2] = x.control(ctx, instances) })
	}
	all.Wait()
	return slices.Concat(rows[:]...)
}

// all lists the instances of the catalog; a service that cannot be listed has a row
// of its own already.
func (x *examination) all(ctx context.Context, services []fleet.Service) []fleet.Instance {
	lists := make([]fleet.InstanceList, len(services))
	var all sync.WaitGroup
	for i, s := range services {
		all.Go(func() { x.with(func() { lists[i], _ = x.catalog.Instances(ctx, s.Name) }) })
	}
	all.Wait()
	var out []fleet.Instance
	for i := range lists {
		out = append(out, lists[i].Instances...)
	}
	return out
}

// backend asks one backend for its names.
func (x *examination) backend(ctx context.Context, name string, b *config.Backend, ask func(context.Context) (source string, names []fleet.Joined, err error)) (checkRow, []fleet.Joined) {
	ctx, cancel := context.WithTimeoutCause(ctx, backendLimit, fmt.Errorf("no answer within %s", backendLimit))
	defer cancel()
	source, names, err := ask(ctx)
	if err != nil && ctx.Err() != nil {
		err = &fleet.Error{What: context.Cause(ctx).Error(), Hint: "it may be hanging or overloaded: restart it, or name another by " + name + ": {url: URL} in the context"}
	}
	switch {
	case err == nil:
		return checkRow{Check: name, Name: source, State: stateOK}, names
	case b.URL == "" && x.none(err):
		return checkRow{
			Check: name, Name: "-", State: stateAbsent,
			Found: "none is configured, none found; to name one: gctl context add " + cmp.Or(x.context.Name, "NAME") + " --" + name + " URL",
		}, nil
	default:
		redacted := x.context.Redacted()
		url := map[string]string{"prometheus": redacted.Prometheus.URL, "jaeger": redacted.Jaeger.URL}[name]
		return failedCheck(name, cmp.Or(url, "found in the catalog"), err), nil
	}
}

// NoBackendError is the error where no backend is configured and none was found.
type NoBackendError struct{ error }

// NewNoBackend makes one that says err.
func NewNoBackend(err error) NoBackendError { return NoBackendError{err} }

// Unwrap returns what it says.
func (n NoBackendError) Unwrap() error { return n.error }

// none tells that there is no backend: nobody knows one, or, without a context,
// nothing listens where it usually is.
func (x *examination) none(err error) bool {
	_, unknown := errors.AsType[NoBackendError](err)
	dial, refused := errors.AsType[*net.OpError](err)
	return unknown || refused && dial.Op == "dial" && x.context.Name == ""
}

// unjoined is the row of names that mean nobody in the catalog; false if all do.
func unjoined(source, what string, names []string) (checkRow, bool) {
	if len(names) == 0 {
		return checkRow{}, false
	}
	return checkRow{
		Check: "names", Name: source, State: stateUnknown,
		Found: fmt.Sprintf("%s that no service of the catalog is joined with: %s", what, some(names, 8)),
		Fix:   "if one of them is a service of the catalog, say so in the context: map: {SERVICE: {" + source + ": NAME}}",
	}, true
}

func (x *examination) metrics(ctx context.Context, id *fleet.Identity) []checkRow {
	row, names := x.backend(ctx, "prometheus", &x.context.Prometheus, func(ctx context.Context) (string, []fleet.Joined, error) {
		s, err := x.f.Metrics(ctx, FromPrometheus)
		if err != nil {
			return "", nil, err
		}
		namer, ok := s.Reader.(interface {
			fleet.Namer
			Name() string
		})
		if !ok {
			return "", nil, errors.New("it cannot list what it scrapes")
		}
		names, err := namer.Names(ctx, id)
		return namer.Name(), names, err
	})
	if row.State != stateOK {
		return []checkRow{row}
	}
	targets, down := 0, 0
	var joined, strangers []string
	for _, n := range names {
		targets, down = targets+n.Count, down+n.Down
		if n.Match.Service == "" {
			strangers = append(strangers, fmt.Sprintf("%s (%s)", n.Name, plural(n.Count, "target")))
		} else {
			joined = append(joined, fmt.Sprintf("%s (by %s)", n.Match.Service, n.Match.Rule))
		}
	}
	row.Found = plural(targets, "target")
	if down > 0 {
		row.Found += fmt.Sprintf(", %d of them down", down)
	}
	if len(joined) > 0 {
		row.Found += "; has " + some(joined, 8)
	}
	rows := []checkRow{row}
	if r, some := unjoined("prometheus", "jobs", strangers); some {
		rows = append(rows, r)
	}
	return rows
}

func (x *examination) traces(ctx context.Context, id *fleet.Identity) []checkRow {
	row, names := x.backend(ctx, "jaeger", &x.context.Jaeger, func(ctx context.Context) (string, []fleet.Joined, error) {
		reader, err := x.f.Traces(ctx)
		if err != nil {
			return "", nil, err
		}
		services, err := reader.TraceServices(ctx)
		var names []fleet.Joined
		for _, s := range services {
			names = append(names, fleet.Joined{Name: s, Match: id.Service("jaeger", s)})
		}
		return x.context.Redacted().Jaeger.URL, names, err
	})
	if row.State != stateOK {
		return []checkRow{row}
	}
	row.Name = cmp.Or(row.Name, "found in the catalog")
	var joined, strangers []string
	for _, n := range names {
		if n.Match.Service == "" {
			strangers = append(strangers, n.Name)
		} else {
			joined = append(joined, n.Match.Service)
		}
	}
	row.Found = plural(len(names), "service")
	if len(joined) > 0 {
		row.Found += "; has " + some(joined, 8)
	}
	rows := []checkRow{row}
	if r, some := unjoined("jaeger", "services", strangers); some {
		rows = append(rows, r)
	}
	return rows
}

// control asks the control APIs that the catalog names, one row a service.
func (x *examination) control(ctx context.Context, instances []fleet.Instance) []checkRow {
	able, _ := SplitByAdmin(instances)
	plane, err := x.f.ControlPlane()
	if err != nil || len(able) == 0 {
		return nil
	}
	findings := make([]checkRow, len(able))
	var all sync.WaitGroup
	for i := range able {
		all.Go(func() { x.with(func() { findings[i] = askControl(ctx, plane, &able[i]) }) })
	}
	all.Wait()
	return together(findings)
}

func askControl(ctx context.Context, plane fleet.ControlPlane, in *fleet.Instance) checkRow {
	ctx, cancel := context.WithTimeout(ctx, doctorLimit)
	defer cancel()
	row := checkRow{Check: "control", Name: in.Service, Instances: []string{in.ID}, State: stateOK, Found: "the control API answers"}
	c, err := plane.Controller(ctx, *in)
	if err == nil {
		_, err = c.Changes(ctx)
		_ = c.Close()
	}
	if err != nil {
		row.State, row.Found = stateFault, err.Error()
		if e, ok := errors.AsType[*fleet.Error](err); ok {
			general := *e // the row names its instances; those with the same trouble share one
			general.Instance, general.What = "", strings.TrimSuffix(e.What, " "+in.ID)
			row.Found, row.Fix = general.Error(), e.Hint
		}
		if ctx.Err() != nil && row.Fix == "" {
			row.Fix = "the process may be hanging: gctl health " + term.Quote(in.Service) + " asks at its other port"
		}
	}
	return row
}
