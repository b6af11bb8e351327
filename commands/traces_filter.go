package commands

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gctl-dev/gctl/fleet"
)

// traceFilter are the flags that say which traces are meant.
type traceFilter struct {
	service    string
	operation  string
	attributes []string
	least      time.Duration
	most       time.Duration
	errors     bool
	since      time.Duration
	from, to   string
}

func (t *traceFilter) register(flags *pflag.FlagSet) {
	flags.StringVar(&t.operation, "operation", "", "with a span called `name`")
	flags.StringArrayVar(&t.attributes, "attr", nil, "with this attribute of the span, its process or an event, `name=value`; repeat it for several")
	flags.Var((*seconds)(&t.least), "min-duration", "with a span that took at least this `duration`")
	flags.Var((*seconds)(&t.most), "max-duration", "with a span that took at most this `duration`")
	flags.BoolVar(&t.errors, "errors", false, "with a span that failed")
	t.since = time.Hour
	flags.Var((*seconds)(&t.since), "since", "begun at most this `duration` ago")
	flags.StringVar(&t.from, "from", "", "begun at this `time` or later, instead of --since: RFC 3339, or 15:04 of today")
	flags.StringVar(&t.to, "to", "", "begun at this `time` or earlier")
}

// query returns what the flags say.
func (t *traceFilter) query(now time.Time) (fleet.TraceQuery, error) {
	q := fleet.TraceQuery{
		Service: t.service, Operation: t.operation, MinDuration: t.least, MaxDuration: t.most, ErrorsOnly: t.errors,
		Start: now.Add(-t.since),
	}
	usage := func(format string, args ...any) (fleet.TraceQuery, error) {
		return q, &fleet.Error{Kind: fleet.Usage, What: fmt.Sprintf(format, args...)}
	}
	for _, pair := range t.attributes {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return usage("--attr %q is not name=value", pair)
		}
		if q.Tags == nil {
			q.Tags = map[string]string{}
		}
		q.Tags[name] = value
	}
	var err error
	if t.from != "" {
		if q.Start, err = moment(t.from, now); err != nil {
			return usage("--from %v", err)
		}
	}
	if t.to != "" {
		if q.End, err = moment(t.to, now); err != nil {
			return usage("--to %v", err)
		}
	}
	switch {
	case t.since <= 0:
		return usage("--since %s is no time ago", t.since)
	case t.least < 0 || t.most < 0:
		return usage("--min-duration and --max-duration cannot be negative")
	case t.most > 0 && t.least > t.most:
		return usage("--min-duration %s is longer than --max-duration %s", t.least, t.most)
	case !q.End.IsZero() && q.End.Before(q.Start):
		return usage("the time ends before it begins: %s to %s", q.Start.Format(time.RFC3339), q.End.Format(time.RFC3339))
	}
	return q, nil
}

// moment reads a point in time: RFC 3339, or a time of the present day here.
func moment(text string, now time.Time) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02"} {
		if at, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return at, nil
		}
	}
	for _, layout := range []string{"15:04:05", "15:04"} {
		if at, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return time.Date(now.Year(), now.Month(), now.Day(), at.Hour(), at.Minute(), at.Second(), 0, now.Location()), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time such as 2006-01-02T15:04:05Z or 15:04", text)
}

// completeOperations proposes the operations of the service in front.
func completeOperations(f *Factory) completer {
	return func(cmd *cobra.Command, given []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
		const none = cobra.ShellCompDirectiveNoFileComp
		if len(given) == 0 || applyEnv(f, cmd) != nil {
			return nil, none
		}
		names, err := newTraceNames(f)
		if err != nil {
			return nil, none
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), completionTime)
		defer cancel()
		reader, err := f.Traces(ctx)
		if err != nil {
			return nil, none
		}
		operations, err := reader.TraceOperations(ctx, names.there(given[0]))
		if err != nil {
			return nil, none
		}
		return startingWith(toComplete, operations), none
	}
}
