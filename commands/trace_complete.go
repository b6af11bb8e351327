package commands

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/term"
)

// proposed is how many of the newest traces a shell is told of.
const proposed = 50

// complete proposes the newest traces, with what they are of. What cannot be asked in
// the time that a shell waits proposes nothing.
func (o *traceOptions) complete(cmd *cobra.Command, given []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
	const directive = cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	if len(given) > 1 || applyEnv(o.f, cmd) != nil {
		return nil, directive
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), completionTime)
	defer cancel()
	list := make(chan fleet.TraceList, 1)
	go func() { // also what does not heed its context is not waited for
		reader, err := o.f.Traces(ctx)
		if err != nil {
			close(list)
			return
		}
		found, _ := reader.SearchTraces(ctx, fleet.TraceQuery{Start: o.f.Now().Add(-o.since), Limit: proposed}) // none, if it fails
		list <- found
	}()
	var out []cobra.Completion
	select {
	case found := <-list:
		for i := range found.Traces {
			t := &found.Traces[i]
			if strings.HasPrefix(t.ID, strings.ToLower(toComplete)) && !slices.Contains(given, t.ID) && term.CleanLine(t.ID) == t.ID {
				out = append(out, cobra.CompletionWithDesc(t.ID, term.CleanLine(t.Root)+", "+t.Duration.Round(10*time.Microsecond).String()))
			}
		}
	case <-ctx.Done():
	}
	return out, directive
}
