package action

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// State is what is left of a change that was made from here.
type State string

// The states.
const (
	InForce     State = "in_force"
	Expired     State = "expired"  // it ended by its ttl
	Released    State = "released" // from here, before its end
	Gone        State = "gone"     // it ended before its end, not from here: the process was restarted, or somebody released it
	Replaced    State = "replaced" // somebody has changed the resource since
	NotMade     State = "failed"
	Over        State = "done"    // what cannot be in force: a release, a drain
	StateHidden State = "unknown" // the instance could not be asked
)

// Entry is one change of one instance, made from here.
type Entry struct {
	Action, Command, By string
	At                  time.Time
	Instance            fleet.Instance
	Way                 Way
	Resource, Value     string
	Reason              string
	Release             bool
	Undoes              string    // the action that it reverted
	Expires             time.Time // zero: it does not end by itself, or it is not known when

	State  State
	Detail string       // who replaced it, why it failed or is unknown
	Now    fleet.Change // what is in force in its place, where State is InForce or Replaced

	etag   string
	ttl    time.Duration
	due    time.Time // when it ends at the earliest by the clock of this machine; zero: not by itself
	known  bool      // there is a result
	failed string
}

// List returns what was changed from here by way of the context, newest first, and
// asks each instance what is still in force. others are the contexts by way of
// which more was changed.
func (o *Operator) List(ctx context.Context) (entries []Entry, others []string, err error) {
	records, elsewhere, err := o.records()
	if err != nil {
		return nil, nil, err
	}
	for name := range elsewhere {
		if name != o.Context {
			others = append(others, name)
		}
	}
	slices.Sort(others)
	entries = entriesOf(records)
	authors, err := o.Authors()
	if err != nil {
		return nil, nil, err
	}
	o.judge(ctx, entries, authors)
	slices.SortStableFunc(entries, func(a, b Entry) int {
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.Action, b.Action), cmp.Compare(a.Instance.ID, b.Instance.ID), cmp.Compare(a.Resource, b.Resource))
	})
	return entries, others, ctx.Err()
}

// entriesOf joins intentions with their results. Instances of one action have its
// first time, so that they stay together.
func entriesOf(records []record) []Entry {
	var entries []Entry
	index, began := map[string]int{}, map[string]time.Time{}
	for i := range records {
		r := &records[i]
		key := r.Action + "\x00" + r.Instance.ID + "\x00" + r.Resource
		at, ok := index[key]
		if !ok {
			at = len(entries)
			index[key] = at
			if began[r.Action].IsZero() {
				began[r.Action] = r.At
			}
			entries = append(entries, newEntry(r, began[r.Action]))
		}
		if r.Phase == ended {
			entries[at].result(r)
		}
	}
	return entries
}

func newEntry(r *record, at time.Time) Entry {
	ttl, _ := time.ParseDuration(r.TTL) // none is 0
	e := Entry{
		Action: r.Action, Command: r.Command, By: r.By, At: at, Instance: r.Instance.fleet(), Way: r.Way,
		Resource: r.Resource, Value: r.Value, Reason: r.Reason, Release: r.Release, Undoes: r.Undoes, ttl: ttl,
	}
	if ttl > 0 {
		e.due = r.At.Add(ttl)
		e.Expires = e.due // until the instance has said it better
	}
	return e
}

func (e *Entry) result(r *record) {
	e.known, e.etag = true, r.ETag
	if r.Expires != nil {
		e.Expires = *r.Expires
	}
	if r.Outcome == Failed {
		e.failed = r.Error
	}
}

// judge finds out what is left of each entry.
func (o *Operator) judge(ctx context.Context, entries []Entry, authors Authors) {
	now := o.Now()
	asked := map[string][]int{} // by instance: who is to be asked
	for i := range entries {
		e := &entries[i]
		switch {
		case e.failed != "":
			e.State, e.Detail = NotMade, e.failed
		case e.Release || e.Resource == fleet.ResourceDrain:
			e.State = Over
		case !e.due.IsZero() && now.After(e.due.Add(late)):
			e.State = Expired
		default:
			key := e.Instance.ID + "\x00" + e.Instance.Addr
			asked[key] = append(asked[key], i)
		}
	}
	groups := make([][]int, 0, len(asked))
	for _, group := range asked {
		groups = append(groups, group)
	}
	parallel(len(groups), func(g int) { o.ask(ctx, entries, groups[g], authors) })
	markReleased(entries)
}

// late is how long after the intention a change may have been made. Only times of
// this machine are compared with each other: the clocks of instances may be wrong.
const late = 15 * time.Second

// ask asks one instance about the entries of a group.
func (o *Operator) ask(ctx context.Context, entries []Entry, group []int, authors Authors) {
	var list *fleet.ChangeList
	var failed error
	for _, i := range group {
		e := &entries[i]
		if e.Way == ByCatalog {
			o.askCatalog(ctx, e)
			continue
		}
		if list == nil && failed == nil {
			var got fleet.ChangeList
			got, failed = o.changes(ctx, e.Instance)
			list = &got
		}
		if failed != nil {
			e.State, e.Detail = StateHidden, failed.Error()
			continue
		}
		e.compare(list, o.Now(), authors)
	}
}

func (o *Operator) changes(ctx context.Context, in fleet.Instance) (fleet.ChangeList, error) {
	c, err := o.Plane.Controller(ctx, in)
	if err != nil {
		return fleet.ChangeList{}, err
	}
	defer func() { _ = c.Close() }()
	return c.Changes(ctx)
}

// compare says what a list of what is in force means for an entry.
func (e *Entry) compare(list *fleet.ChangeList, at time.Time, authors Authors) {
	now, ok := list.Find(e.Resource)
	e.Now = now
	switch {
	case !ok && !e.due.IsZero() && at.After(e.due):
		e.State = Expired
	case !ok && !e.known:
		e.State, e.Detail = NotMade, "gctl ended before it was made, or somebody released it"
	case !ok:
		e.State = Gone
	case e.mine(now):
		e.State, e.Expires = InForce, now.Expires
		e.etag = now.ETag
	default:
		e.State, e.Detail = Replaced, fmt.Sprintf("%s by %s: %s", now.Value, authors.Signed(&now), now.Reason)
	}
}

// mine tells whether a change is the one that the entry made. Where gctl did not
// see the result, the words and the times must do.
func (e *Entry) mine(now fleet.Change) bool {
	if e.etag != "" {
		return now.ETag == e.etag
	}
	return now.Reason == e.Reason && now.Value == e.Value && now.Expires.Sub(now.At) == e.ttl
}

func (o *Operator) askCatalog(ctx context.Context, e *Entry) {
	maintainer, ok := o.Catalog.(fleet.Maintainer)
	if !ok {
		e.State, e.Detail = StateHidden, "this catalog has no maintenance"
		return
	}
	on, reason, err := maintainer.Maintenance(ctx, e.Instance)
	switch {
	case err != nil:
		e.State, e.Detail = StateHidden, err.Error()
	case !on:
		e.State = Gone
	case reason != e.Reason:
		e.State, e.Detail = Replaced, "maintenance: "+reason
	default:
		e.State = InForce
	}
}

// markReleased tells what is gone because it was released from here; entries are
// oldest first.
func markReleased(entries []Entry) {
	for i := range entries {
		e := &entries[i]
		if e.State != Gone && e.State != Expired && (e.State != NotMade || e.known) {
			continue
		}
		for j := i + 1; j < len(entries); j++ {
			later := &entries[j]
			if later.Instance.ID == e.Instance.ID && later.Resource == e.Resource && later.Release && later.State == Over &&
				(e.due.IsZero() || later.At.Before(e.due)) {
				e.State, e.Detail = Released, "by "+later.Action
				break
			}
		}
	}
}
