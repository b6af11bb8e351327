package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/output"
	"github.com/gctl-dev/gctl/ops/waterfall"
)

const traceLong = `Show a trace as a waterfall: which span is below which, how long each took, and when.
The critical path is marked with * and full blocks: what decided how long the
whole took, and how much of it was each span's own. Errors and events stand under
their spans, the share of each service below.

The beginning of an ID is enough where only one trace of the last hour (--since)
begins so. With two IDs the traces are compared, operation by operation.

Long traces are folded: spans that do the same, then what is deep; --full shows
all. -o wide shows the attributes too.

Exit codes: 0 done; 1 Jaeger could not be asked, or none is known; 2 wrong usage,
no such trace, or several that begin so.`

type traceOptions struct {
	f     *Factory
	since time.Duration
	wait  time.Duration
	full  bool
}

func newTrace(f *Factory) *cobra.Command {
	o := &traceOptions{f: f, since: time.Hour}
	cmd := &cobra.Command{
		Use:   "trace ID [ID]",
		Short: "Show a trace as a waterfall, or compare two",
		Long:  traceLong,
		Example: `  gctl trace 7555962f09b2657ad22b12783a3e1608
  gctl trace 7555962f
  gctl trace 7555962f e52cc614
  gctl trace 7555962f09b2657ad22b12783a3e1608 --wait 10s
  gctl trace 7555962f -o json --jq '.services[] | {service, share}'`,
		Args:              args(1, 2),
		ValidArgsFunction: o.complete,
		RunE:              func(cmd *cobra.Command, given []string) error { return o.run(cmd.Context(), given) },
	}
	flags := cmd.Flags()
	flags.Var((*seconds)(&o.since), "since", "look for the beginning of an ID among traces begun at most this `duration` ago")
	flags.Var((*seconds)(&o.wait), "wait", "wait at most this `duration` until the trace is there and complete")
	flags.BoolVar(&o.full, "full", false, "fold nothing")
	return cmd
}

func (o *traceOptions) run(ctx context.Context, ids []string) error {
	names, err := newTraceNames(o.f)
	if err != nil {
		return err
	}
	for i := range ids {
		if ids[i], err = partOfID(ids[i]); err != nil {
			return err
		}
	}
	if o.wait > 0 && slices.ContainsFunc(ids, func(id string) bool { return len(id) < fullID }) {
		return &fleet.Error{Kind: fleet.Usage, What: "--wait needs the whole ID"}
	}
	p, err := o.f.Printer()
	if err != nil {
		return err
	}
	reader, err := o.f.Traces(ctx)
	if err != nil {
		return err
	}
	layouts := make([]*waterfall.Layout, len(ids))
	for i, id := range ids {
		t, err := o.find(ctx, reader, id)
		if err != nil {
			return err
		}
		o.f.Evidence(t.Provenance)
		names.rename(&t)
		layouts[i] = waterfall.Lay(&t)
		noteOdd(o.f, layouts[i])
	}
	if len(layouts) == 2 {
		return printComparison(p, layouts[0], layouts[1]) //nolint:contextcheck // the printer has it
	}
	return printTrace(p, layouts[0], o.full) //nolint:contextcheck // the printer has it
}

// Lengths of IDs in hex digits. Traces of Jaeger's own clients have short ones.
const (
	fullID    = 32
	leastOfID = 4
)

// partOfID checks an ID or its beginning, as people copy it.
func partOfID(text string) (string, error) {
	id := strings.ToLower(strings.TrimRight(strings.TrimSpace(text), "….")) // tables cut with these
	if strings.Trim(id, "0123456789abcdef") != "" || len(id) < leastOfID || len(id) > fullID {
		return "", &fleet.Error{
			Kind: fleet.Usage, What: fmt.Sprintf("%q is no trace ID", text),
			Hint: "an ID has 32 hex digits, of which the first four at least are needed; gctl traces lists them",
		}
	}
	return id, nil
}

// find returns the trace with an ID or, where the ID is short, with one that
// begins so.
func (o *traceOptions) find(ctx context.Context, reader fleet.TraceReader, id string) (fleet.Trace, error) {
	if o.wait > 0 {
		t, complete, err := awaitTrace(ctx, reader, id, "", o.wait)
		if err == nil && !complete && len(t.Spans) > 0 {
			o.f.Notef("note: after %s the trace may not be complete", o.wait)
		}
		if err != nil || len(t.Spans) > 0 {
			return t, err
		}
		return t, o.noTrace(id)
	}
	if len(id) == fullID || len(id) == fullID/2 { // a short ID may be whole
		t, err := reader.Trace(ctx, id)
		if err == nil || !errors.Is(err, fleet.ErrNotFound) {
			return t, err
		}
		if len(id) == fullID {
			return t, o.noTrace(id)
		}
	}
	return o.findByBeginning(ctx, reader, id)
}

func (o *traceOptions) noTrace(id string) error {
	return &fleet.Error{
		Kind: fleet.Usage, What: "there is no trace " + id,
		Hint: "spans arrive seconds after the call: --wait 10s; gctl traces lists what is there",
	}
}

// searched is how many of the newest traces are looked through for the beginning of
// an ID: sources return them whole.
const searched = 300

func (o *traceOptions) findByBeginning(ctx context.Context, reader fleet.TraceReader, id string) (fleet.Trace, error) {
	list, err := reader.SearchTraces(ctx, fleet.TraceQuery{Start: o.f.Now().Add(-o.since), Limit: searched})
	if err != nil {
		return fleet.Trace{}, err
	}
	var found []string
	for i := range list.Traces {
		if strings.HasPrefix(list.Traces[i].ID, id) {
			found = append(found, list.Traces[i].ID)
		}
	}
	switch len(found) {
	case 1:
		return reader.Trace(ctx, found[0])
	case 0:
		of := "no trace of the last " + shortly(o.since)
		if list.More {
			of = fmt.Sprintf("none of the newest %d traces", len(list.Traces))
		}
		return fleet.Trace{}, &fleet.Error{
			Kind: fleet.Usage, What: of + " begins with " + id,
			Hint: "the whole ID finds older ones, --since 24h looks further back; gctl traces lists what is there",
		}
	default:
		slices.Sort(found)
		return fleet.Trace{}, &fleet.Error{
			Kind: fleet.Usage, What: fmt.Sprintf("%d traces begin with %s", len(found), id), Hint: "which one? " + some(found, 5),
		}
	}
}

// shortly writes a duration as people say it: 1h instead of 1h0m0s.
func shortly(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// noteOdd says what of a trace cannot be relied upon.
func noteOdd(f *Factory, l *waterfall.Layout) {
	for _, odd := range []struct {
		n    int
		what string
	}{
		{l.Missing, "without a parent in the trace, shown as root"},
		{l.Cycles, "below itself, shown as root"},
		{l.Skewed, "that began before the one above: clocks differ"},
		{l.Duplicates, "that came more than once"},
		{l.Truncated, "left out: the trace has too many"},
	} {
		if odd.n > 0 {
			f.Notef("note: %s %s", plural(odd.n, "span"), odd.what)
		}
	}
}

// printTrace prints a trace in the printer's format.
func printTrace(p *output.Printer, l *waterfall.Layout, full bool) error {
	if p.Structured() || p.Format() == output.Name {
		doc := waterfall.NewDoc(l)
		return spanTable.Print(p, doc.Spans, doc)
	}
	d := newDrawing(p, l, full)
	return d.print()
}
