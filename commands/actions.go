package commands

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/output"
	"github.com/gctl-dev/gctl/internal/term"
	"github.com/gctl-dev/gctl/ops/action"
)

type actionsOptions struct {
	f       *Factory
	inForce bool
	all     bool
}

func newActions(f *Factory) *cobra.Command {
	o := &actionsOptions{f: f}
	cmd := &cobra.Command{
		Use:   "actions",
		Short: "List what was changed from here, and what is still in force",
		Long: `List the changes that were made by gctl from this account by way of the context,
the newest first. Each instance is asked what is still in force:

  in_force  it holds
  expired   it has ended by its ttl
  released  it was released from here before its end
  gone      it ended before its end: the process was restarted, or somebody
            released it
  replaced  somebody has changed the same thing since
  failed    it was not made
  done      a release, or a drain
  unknown   the instance could not be asked

BY (wide) is what this account called itself, user@host: a claim, which other
commands show as "journal". ACTOR (wide) is whom the instance saw: verified where it
is the identity of a certificate, otherwise only the address it was asked from.

What is over is listed for a day; --all lists it for as long as it is kept.

Exit codes: 0 done; 1 what was done could not be read.`,
		Example: `  gctl actions
  gctl actions --in-force -o json --jq '.[].id'
  gctl undo k7x2m9`,
		Args: args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	cmd.Flags().BoolVar(&o.all, "all", false, "also what was over a day ago")
	cmd.Flags().BoolVar(&o.inForce, "in-force", false, "only what is still in force, or may be")
	return cmd
}

// actionRow is a change of one instance, as JSON.
type actionRow struct {
	ID       string       `json:"id"`
	At       time.Time    `json:"at"`
	By       string       `json:"by"`
	Action   string       `json:"action"`
	Service  string       `json:"service"`
	Instance string       `json:"instance"`
	Resource string       `json:"resource"`
	Value    string       `json:"value"`
	Reason   string       `json:"reason"`
	State    action.State `json:"state"`
	Expires  *time.Time   `json:"expires"`
	Detail   string       `json:"detail"`
	Actor    string       `json:"actor"` // whom the instance saw make it; empty where it is not in force
}

var actionTable = output.Rows[actionRow]{
	Columns: []output.Column[actionRow]{
		{Name: "ID", Cell: func(r actionRow) output.Cell { return output.Text(r.ID) }},
		{Name: "AT", Cell: func(r actionRow) output.Cell { return output.Time(r.At) }},
		{Name: "INSTANCE", Cell: func(r actionRow) output.Cell { return output.Text(r.Instance) }},
		{Name: "WHAT", Cell: func(r actionRow) output.Cell { return output.Text(r.Resource) }},
		{Name: "VALUE", Cell: func(r actionRow) output.Cell { return output.Text(r.Value) }},
		{Name: "STATE", Cell: func(r actionRow) output.Cell { return actionState(r.State) }},
		{Name: "ENDS", Cell: func(r actionRow) output.Cell { return timeCell(r.Expires) }},
		{Name: "REASON", Wide: true, Cell: func(r actionRow) output.Cell { return output.Text(r.Reason) }},
		{Name: "BY", Wide: true, Cell: func(r actionRow) output.Cell { return output.Text(r.By) }},
		{Name: "ACTOR", Wide: true, Cell: func(r actionRow) output.Cell { return output.Text(r.Actor) }},
		{Name: "DETAIL", Wide: true, Cell: func(r actionRow) output.Cell { return output.Text(r.Detail) }},
	},
	Key: func(r actionRow) string { return r.ID },
}

func actionState(s action.State) output.Cell {
	c := output.Text(string(s))
	switch s {
	case action.InForce:
		c.Style = output.Caution
	case action.NotMade, action.Replaced:
		c.Style = output.Bad
	default:
		c.Style = output.Faint
	}
	return c
}

func newActionRow(e *action.Entry) actionRow {
	row := actionRow{
		ID: e.Action, At: e.At.UTC().Truncate(time.Millisecond), By: e.By, Action: e.Command, Service: e.Instance.Service,
		Instance: e.Instance.ID, Resource: e.Resource, Value: e.Value, Reason: e.Reason, State: e.State,
		Expires: timeOrNil(e.Expires), Detail: e.Detail,
	}
	if e.State == action.InForce {
		row.Actor = e.Now.Actor
	}
	return row
}

// Authors are those of the changes that were made from here; none where that cannot
// be read, for they only stand beside what the instances say.
func Authors(f *Factory) action.Authors {
	journal, err := f.Actions()
	if err != nil {
		return nil
	}
	authors, err := (&action.Operator{Journal: journal}).Authors()
	if err != nil {
		f.Verbosef("note: read what was done: %v", err)
	}
	return authors
}

// listActions reads what was done, and says whatever else there is.
func listActions(ctx context.Context, f *Factory) (*action.Operator, []action.Entry, error) {
	operator, err := newOperator(f)
	if err != nil {
		return nil, nil, err
	}
	entries, others, err := operator.List(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil, nil, context.Cause(ctx)
		}
		return nil, nil, &fleet.Error{What: "read what was done", Err: err}
	}
	for i, name := range others {
		if name == "" {
			others[i] = "the default one"
		}
	}
	if len(others) > 0 {
		f.Verbosef("note: more was changed by way of other contexts: %s", strings.Join(others, ", "))
	}
	return operator, entries, nil
}

func (o *actionsOptions) run(ctx context.Context) error {
	p, err := o.f.Printer()
	if err != nil {
		return err
	}
	_, entries, err := listActions(ctx, o.f)
	if err != nil {
		return err
	}
	rows := []actionRow{}
	told := map[string]bool{}
	for i := range entries {
		e := &entries[i]
		over := e.State != action.InForce && e.State != action.StateHidden
		if over && (o.inForce || !o.all && o.f.Now().Sub(e.At) > fleet.MaxTTL) {
			continue
		}
		rows = append(rows, newActionRow(e))
		if e.State == action.StateHidden && !told[e.Instance.ID+e.Detail] {
			told[e.Instance.ID+e.Detail] = true
			o.f.Notef("note: %s: %s", e.Instance.ID, e.Detail)
		}
		if e.State == action.InForce && e.Way == action.ByCatalog {
			o.f.Notef("note: %s does not come back by itself: gctl release %s", e.Instance.ID, term.Quote(e.Instance.ID))
		}
	}
	return actionTable.Print(p, rows, nil)
}
