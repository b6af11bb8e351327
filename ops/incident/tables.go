package incident

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/ops/action"
	"github.com/gctl-dev/gctl/ops/why"
)

func unknown() why.Num { return why.Num(math.NaN()) }

func ms(seconds float64) why.Num { return why.Num(seconds * 1000) }

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// key names an instance, or a breaker in it.
type key struct{ service, id, name string }

// over is what a value was in the snapshots, one after another.
type over struct{ values []string }

func (o *over) add(value string) {
	if n := len(o.values); n == 0 || o.values[n-1] != value {
		o.values = append(o.values, value)
	}
}

func (o *over) text() string {
	return strings.Join(each(o.values, func(v *string) string { return inline(*v) }), " → ")
}

// affected are the instances that a cause or a symptom names, and those of the services
// concerned that were not well in one of the snapshots.
func (d *document) affected(b *strings.Builder) {
	b.WriteString("\n## Affected instances\n\n")
	snaps := d.Snapshots.all()
	if len(snaps) == 0 {
		b.WriteString("Not known: there is no snapshot of that time.\n")
		return
	}
	rows := d.affectedRows(snaps)
	if len(rows) == 0 {
		fmt.Fprintf(b, "None was seen to be unwell in %s.\n", moments(snaps))
		return
	}
	fmt.Fprintf(b, "As of %s.\n\n", moments(snaps))
	b.WriteString(head("Service", "Instance", "Address", "Catalog", "Health", "Version"))
	for _, r := range rows {
		b.WriteString(row(inline(r.service), inline(r.id), r.address.text(), r.catalog.text(), r.health.text(), r.version.text()))
	}
}

// affectedRow is an instance over time.
type affectedRow struct {
	key

	address, catalog, health, version over
	bad                               bool
}

func (d *document) affectedRows(snaps []*snapshotDoc) []*affectedRow {
	services, named := d.concerned()
	var rows []*affectedRow
	known := map[key]*affectedRow{}
	for n, s := range snaps {
		health := s.healths()
		listed := map[key]bool{}
		for i := range s.Instances {
			in := &s.Instances[i]
			k := key{service: in.Service, id: in.ID}
			if services != nil && !services[in.Service] {
				continue
			}
			r := known[k]
			if r == nil {
				r = &affectedRow{key: k, bad: named[in.ID]}
				rows, known[k] = append(rows, r), r
				if n > 0 {
					r.catalog.add(notListed)
				}
			}
			listed[k] = true
			r.add(in, health[k])
		}
		for _, r := range rows {
			if !listed[r.key] {
				r.catalog.add(notListed)
			}
		}
	}
	return slices.DeleteFunc(rows, func(r *affectedRow) bool { return !r.bad })
}

const notListed = "not listed"

func (r *affectedRow) add(in *instanceDoc, health fleet.HealthState) {
	if health == "" {
		health = fleet.UnknownHealth
	}
	r.address.add(in.Address)
	r.catalog.add(string(in.Catalog))
	r.health.add(words(string(health)))
	r.version.add(in.Version)
	r.bad = r.bad || in.Catalog != fleet.Passing || !well(health)
}

// healths are what the instances as a whole say of themselves.
func (s *snapshotDoc) healths() map[key]fleet.HealthState {
	all := make(map[key]fleet.HealthState, len(s.Health))
	for i := range s.Health {
		if h := &s.Health[i]; h.Name == "" {
			all[key{service: h.Service, id: h.ID}] = h.GRPC
		}
	}
	return all
}

// concerned are the services and instances that the report names; no report
// concerns all.
func (d *document) concerned() (services, instances map[string]bool) {
	instances = map[string]bool{}
	if d.Report == nil {
		return nil, instances
	}
	services = map[string]bool{d.Report.Service: true}
	for i := range d.Report.Causes {
		c := &d.Report.Causes[i]
		services[c.Service] = true
		for _, id := range c.Instances {
			instances[id] = true
		}
	}
	for i := range d.Report.Symptoms {
		s := &d.Report.Symptoms[i]
		services[s.Service] = true
		if s.Instance != "" {
			instances[s.Instance] = true
		}
	}
	return services, instances
}

func moments(snaps []*snapshotDoc) string {
	list := make([]string, 0, len(snaps))
	for _, s := range snaps {
		list = append(list, clock(s.At))
	}
	return strings.Join(list, ", ") + " UTC"
}

// well tells whether a health is no sign of trouble; what nobody asked is none.
func well(h fleet.HealthState) bool {
	return h == fleet.Serving || h == fleet.Unimplemented || h == fleet.UnknownHealth
}

// breakers are those that were not closed in one of the snapshots.
func (d *document) breakers(b *strings.Builder) {
	b.WriteString("\n## Breakers that were not closed\n\n")
	snaps := d.Snapshots.all()
	if len(snaps) == 0 {
		b.WriteString("Not known: there is no snapshot of that time.\n")
		return
	}
	rows := breakerRows(snaps)
	if len(rows) == 0 {
		b.WriteString("None is known in " + moments(snaps) + ".\n")
		return
	}
	b.WriteString(head("Caller", "Breaker", "Target", "State", "Since", "Trips", "Last error"))
	for _, r := range rows {
		br := r.last
		b.WriteString(row(inline(br.Caller), inline(br.Name), inline(br.Target), r.states.text(), clockOr(br.Since), strconv.FormatInt(br.Trips, 10), inline(br.LastError)))
	}
}

// breakerRow is a breaker over time.
type breakerRow struct {
	states over
	last   *breakerDoc // when it was not closed; nil: it always was
}

func breakerRows(snaps []*snapshotDoc) []*breakerRow {
	var rows []*breakerRow
	known := map[key]*breakerRow{}
	for _, s := range snaps {
		for i := range s.Breakers {
			b := &s.Breakers[i]
			k := key{b.Service, b.Caller, b.Name}
			r := known[k]
			if r == nil {
				r = &breakerRow{}
				rows, known[k] = append(rows, r), r
			}
			text := breakerText(b)
			if r.states.add(text); text != string(fleet.BreakerClosed) {
				r.last = b
			}
		}
	}
	return slices.DeleteFunc(rows, func(r *breakerRow) bool { return r.last == nil })
}

func breakerText(b *breakerDoc) string {
	text := words(string(b.State))
	if b.Override != "" && b.Override != fleet.NotForced {
		text += ", " + words(string(b.Override))
	}
	if b.Flapping {
		text += ", flapping"
	}
	return text
}

// done is what was changed, and what of it still is.
func (d *document) done(b *strings.Builder) {
	b.WriteString("\n## What was done\n\n")
	if d.ActionErr != "" {
		fmt.Fprintf(b, "Not known: the journal here could not be read: %s\n", inline(d.ActionErr))
		return
	}
	if len(d.Actions) == 0 {
		b.WriteString("Nothing, as far as the journal here knows.\n")
		return
	}
	count := map[action.State]int{}
	for i := range d.Actions {
		count[d.Actions[i].State]++
	}
	fmt.Fprintf(b, "Still in force: %d of %d", count[action.InForce], len(d.Actions))
	if n := count[action.StateHidden]; n > 0 {
		fmt.Fprintf(b, "; of %d it is not known", n)
	}
	b.WriteString(".\n\n")
	b.WriteString(head("ID", "Time", "Who", "What", "Instance", "Value", "Reason", "State", "Ends"))
	for i := range d.Actions {
		a := &d.Actions[i]
		state := words(string(a.State))
		if a.Detail != "" {
			state += ": " + a.Detail
		}
		b.WriteString(row(inline(a.ID), clock(a.At), inline(a.By), inline(a.Action+" "+a.Resource), inline(a.Instance), inline(a.Value), inline(a.Reason), inline(state), clockOr(a.Expires)))
	}
}
