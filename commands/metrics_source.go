package commands

import (
	"context"
	"slices"
	"strings"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/config"
)

// Where metrics can be asked to come from.
const (
	FromPrometheus = "prometheus"
	FromInstances  = "instances"
)

// MetricsSource is what tells how calls go, and what breakers do.
type MetricsSource struct {
	Reader   fleet.MetricsReader
	Breakers fleet.BreakerReader
	History  bool   // it has a past
	Why      error  // why it is the instances' own metrics, nil where nothing failed
	Close    func() // ends idle connections; nil where none are kept
}

// NamesOf returns the map of a context as the rules of joining want it.
func NamesOf(c config.Context) map[string]map[string]string {
	names := map[string]map[string]string{}
	for service, n := range c.Map {
		names[service] = map[string]string{}
		for source, name := range map[string]string{"prometheus": n.Prometheus, "jaeger": n.Jaeger} {
			if name != "" {
				names[service][source] = name
			}
		}
	}
	return names
}

// openMetrics opens a source and says which one it is where that is not the usual
// one.
func openMetrics(ctx context.Context, f *Factory, from string) (MetricsSource, error) {
	s, err := f.Metrics(ctx, from)
	if err != nil {
		return s, err
	}
	switch {
	case s.Why != nil:
		f.Notef("note: %v; these are the instances' own /metrics, read twice", s.Why)
	case !s.History:
		f.Notef("note: these are the instances' own /metrics, read twice")
	}
	return s, nil
}

// instancesFor lists the instances of one service, or of all where service is "" or
// others are needed to know who calls whom.
func instancesFor(ctx context.Context, f *Factory, service string, all bool) ([]fleet.Instance, error) {
	if service != "" {
		list, err := listInstances(ctx, f, service)
		if err != nil || !all || f.Global.Addr != "" {
			return list.Instances, err
		}
	}
	return searchInstances(ctx, f, nil)
}

// shownGaps is how many instances that are missing are named without -v.
const shownGaps = 5

// metricsNotes says what an answer lacks, and which corrections were made: in
// short, all of it with -v.
func metricsNotes(f *Factory, service string, list *fleet.REDList) {
	rows := map[string]bool{}
	for i := range list.REDs {
		rows[list.REDs[i].Service] = true
	}
	var silent, unjoined []string
	gaps := 0
	for _, m := range list.Missing {
		switch {
		case m.What != "metrics":
			unjoined = append(unjoined, m.What)
			f.Verbosef("not joined: %s: %v", m.What, m.Err)
		case service == "" && !rows[m.Instance.Service]:
			silent = append(silent, m.Instance.Service)
			f.Verbosef("unknown: %s: %v", nameOf(&m.Instance), m.Err)
		case gaps < shownGaps || f.Global.Verbose:
			gaps++
			f.Notef("note: %s: %v", nameOf(&m.Instance), m.Err)
		default:
			gaps++
		}
	}
	if gaps > shownGaps && !f.Global.Verbose {
		f.Notef("note: the same or another trouble with %d more (-v names them)", gaps-shownGaps)
	}
	slices.Sort(silent)
	if silent = slices.Compact(silent); len(silent) > 0 {
		f.Notef("note: nothing is known of %s (-v says why)", firstFew(silent))
	}
	if len(unjoined) > 0 && (service == "" || len(list.REDs) == 0) {
		f.Notef("note: not joined with the catalog: %s (-v says more)", firstFew(unjoined))
	}
	correctionNotes(f, list)
}

// correctionNotes says what was done to the numbers.
func correctionNotes(f *Factory, list *fleet.REDList) {
	var notes []string
	for i := range list.REDs {
		notes = append(notes, list.REDs[i].Notes...)
	}
	slices.Sort(notes)
	for _, note := range slices.Compact(notes) {
		f.Notef("note: %s", note)
	}
}

func nameOf(in *fleet.Instance) string {
	switch {
	case in.ID != "" && in.Service != "":
		return in.Service + " " + in.ID
	case in.ID != "":
		return in.ID
	case in.Service != "":
		return in.Service
	default:
		return "metrics"
	}
}

// firstFew names the first of many.
func firstFew(names []string) string {
	const most = 5
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:most], ", ") + ", ..."
}
