package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/output"
	"github.com/gctl-dev/gctl/internal/term"
	"github.com/gctl-dev/gctl/ops/action"
)

// readLine reads one line from a terminal until ctx ends. A read that goes on then
// ends with the process.
func readLine(ctx context.Context, in io.Reader) (string, error) {
	type answer struct {
		line string
		err  error
	}
	read := make(chan answer, 1)
	go func() {
		var b strings.Builder
		one := make([]byte, 1)
		for {
			n, err := in.Read(one)
			if n == 1 && one[0] == '\n' || err != nil {
				read <- answer{strings.TrimSpace(b.String()), err}
				return
			}
			b.Write(one[:n])
		}
	}()
	select {
	case a := <-read:
		return a.line, a.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// mostShown is how many instances a preview names.
const mostShown = 20

// preview shows on stderr what will be.
func (c *change) preview() {
	c.f.Notef("%s%s", c.what, c.without())
	width := 0
	for i := range c.steps[:min(len(c.steps), mostShown)] {
		width = max(width, len(c.steps[i].Instance.ID))
	}
	for i := range c.steps {
		if i == mostShown {
			c.f.Notef("  and %d more", len(c.steps)-mostShown)
			break
		}
		c.f.Notef("  %-*s  %s", width, c.steps[i].Instance.ID, c.now(&c.steps[i]))
	}
	for _, note := range c.notes {
		c.f.Notef("%s", note)
	}
	if c.lasts() {
		c.f.Notef("it does not end by itself: %s must release it", who(c.f))
	}
	if c.temporary && !c.release {
		c.f.Notef("for %s, until %s; reason: %s", shortSpan(c.ttl), c.f.Now().Add(c.ttl).Format("15:04:05"), c.why(c.f))
		return
	}
	c.f.Notef("reason: %s", c.why(c.f))
}

// without says how many of the changes cannot be made: they are no part of what
// will be.
func (c *change) without() string {
	failed := 0
	for i := range c.steps {
		if c.steps[i].Err != nil {
			failed++
		}
	}
	if failed == 0 || len(c.steps) == 1 {
		return ""
	}
	return fmt.Sprintf(", of which %d cannot be changed", failed)
}

// lasts tells that the catalog is asked for something that does not end by itself.
func (c *change) lasts() bool {
	for i := range c.steps {
		if s := &c.steps[i]; s.Err == nil && s.Way == action.ByCatalog && !s.Wish.Release {
			return true
		}
	}
	return false
}

// now says in one line what is in force in an instance and what will be.
func (c *change) now(s *action.Step) string {
	name := ""
	if _, after, ok := strings.Cut(s.Wish.Resource, "/"); ok {
		name = after + ": "
	}
	switch {
	case s.Err != nil:
		return name + "cannot be changed: " + s.Err.Error()
	case s.Nothing:
		return name + "nothing to release"
	case s.Before != nil:
		return fmt.Sprintf("%s%s (%s) -> %s", name, s.Before.Value, madeBy(s.Before, c.authors), s.Value)
	default:
		return name + s.Value
	}
}

// madeBy says whose a change is, why, and until when.
func madeBy(c *fleet.Change, authors action.Authors) string {
	var parts []string
	if by := authors.Signed(c); by != "" {
		parts = append(parts, "by "+by)
	}
	if c.Reason != "" {
		parts = append(parts, c.Reason)
	}
	if !c.Expires.IsZero() {
		parts = append(parts, "until "+c.Expires.Local().Format("15:04:05"))
	}
	return strings.Join(parts, ", ")
}

// shortSpan is a duration without units that are 0.
func shortSpan(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// resultRow is what became of one instance, as JSON.
type resultRow struct {
	Action   string         `json:"action"` // empty for a dry run
	Service  string         `json:"service"`
	Instance string         `json:"instance"`
	Resource string         `json:"resource"`
	Value    string         `json:"value"`
	Result   action.Outcome `json:"result"`
	Expires  *time.Time     `json:"expires"`
	Reason   string         `json:"reason"`
	Error    string         `json:"error"`
}

var resultTable = output.Rows[resultRow]{
	Columns: []output.Column[resultRow]{
		{Name: "INSTANCE", Cell: func(r resultRow) output.Cell { return output.Text(r.Instance) }},
		{Name: "WHAT", Cell: func(r resultRow) output.Cell { return output.Text(r.Resource) }},
		{Name: "VALUE", Cell: func(r resultRow) output.Cell { return output.Text(r.Value) }},
		{Name: "RESULT", Cell: func(r resultRow) output.Cell { return outcomeCell(r.Result) }},
		{Name: "ENDS", Cell: func(r resultRow) output.Cell { return timeCell(r.Expires) }},
		{Name: "REASON", Wide: true, Cell: func(r resultRow) output.Cell { return output.Text(r.Reason) }},
		{Name: "ERROR", Cell: func(r resultRow) output.Cell { return output.Text(r.Error) }},
	},
	Key: func(r resultRow) string { return r.Instance },
}

func timeCell(t *time.Time) output.Cell {
	if t == nil {
		return output.Cell{}
	}
	return output.Time(*t)
}

// timeOrNil gives JSON null for a time that is not known.
func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Millisecond)
	return &t
}

func outcomeCell(o action.Outcome) output.Cell {
	c := output.Text(string(o))
	switch o {
	case action.Done:
		c.Style = output.Good
	case action.Unverified:
		c.Style = output.Caution
	case action.Failed:
		c.Style = output.Bad
	default:
		c.Style = output.Faint
	}
	return c
}

// dryResults are those of steps that were only checked.
func dryResults(steps []action.Step) []action.Result {
	results := make([]action.Result, len(steps))
	for i := range steps {
		r := action.Result{Step: steps[i], Outcome: action.Checked, Err: steps[i].Err}
		switch {
		case steps[i].Err != nil:
			r.Outcome = action.Failed
		case steps[i].Nothing:
			r.Outcome = action.Unchanged
		}
		results[i] = r
	}
	return results
}

// tell prints the results, and fails if one did.
func (c *change) tell(id string, results []action.Result) error {
	p, err := c.f.Printer()
	if err != nil {
		return err
	}
	rows := make([]resultRow, len(results))
	bad, made := 0, 0
	var first error
	for i := range results {
		r := &results[i]
		rows[i] = newResultRow(id, r)
		if r.Outcome == action.Done || r.Outcome == action.Unverified {
			made++
		}
		if r.Err != nil {
			bad++
			if first == nil {
				first = r.Err
			}
		}
	}
	if err := resultTable.Print(p, rows, nil); err != nil {
		return err
	}
	if made > 0 && !c.release {
		c.f.Notef("action %s; gctl undo %s reverts it", id, id)
	}
	if made > 0 && c.lasts() {
		c.f.Notef("it does not end by itself: %s must release it, by gctl release %s", who(c.f), term.Quote(results[0].Instance.ID))
	}
	return verdict(first, bad, len(results))
}

func newResultRow(id string, r *action.Result) resultRow {
	row := resultRow{
		Action: id, Service: r.Instance.Service, Instance: r.Instance.ID, Resource: r.Wish.Resource, Value: r.Value,
		Result: r.Outcome, Expires: timeOrNil(r.Change.Expires), Reason: r.Wish.Reason,
	}
	if r.Outcome == action.Unchanged || r.Outcome == action.Checked || r.Outcome == action.Failed {
		row.Action = ""
	}
	if r.Err != nil {
		row.Error = r.Err.Error()
	}
	return row
}

// verdict is the first error, and of how many instances it was one.
func verdict(first error, bad, all int) error {
	if first == nil || all == 1 {
		return first
	}
	e := &fleet.Error{What: fmt.Sprintf("%d of %d changes failed", bad, all), Err: errors.New("the first: " + first.Error())}
	var told *fleet.Error
	if errors.As(first, &told) {
		e.Hint = told.Hint
	}
	return e
}
