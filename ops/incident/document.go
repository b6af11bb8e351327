package incident

import (
	"slices"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/ops/action"
	"github.com/gctl-dev/gctl/ops/why"
)

// document is an incident as JSON. A time that is not known is null.
type document struct {
	Format    string         `json:"format"`
	Version   int            `json:"version"`
	Title     string         `json:"title"`
	Context   string         `json:"context"`
	Author    string         `json:"author"`
	Exported  *time.Time     `json:"exported"`
	From      *time.Time     `json:"from"`
	To        *time.Time     `json:"to"`
	Cursor    *time.Time     `json:"cursor"`
	Report    *why.Report    `json:"report"`
	Events    []eventDoc     `json:"events"` // sorted by time, as notes and actions are
	Notes     []noteDoc      `json:"notes"`
	Actions   []actionDoc    `json:"actions"`
	ActionErr string         `json:"actions_error"` // why it is not known what was done; empty if it is
	Traces    []string       `json:"traces"`
	Evidence  []why.Evidence `json:"evidence"`
	Snapshots snapshotsDoc   `json:"snapshots"`
	Recording *recordingDoc  `json:"recording"`
}

type eventDoc struct {
	At       time.Time       `json:"at"`
	Event    fleet.EventKind `json:"event"`
	Service  string          `json:"service"`
	Instance string          `json:"instance"`
	Subject  string          `json:"subject"`
	From     string          `json:"from"`
	To       string          `json:"to"`
	Exact    bool            `json:"exact"`
	Source   string          `json:"source"`
	Query    string          `json:"query"`
}

type noteDoc struct {
	At     time.Time `json:"at"`
	Author string    `json:"author"`
	Text   string    `json:"text"`
}

type actionDoc struct {
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
	Undoes   string       `json:"undoes"`
}

type snapshotsDoc struct {
	Start  *snapshotDoc `json:"start"`
	Cursor *snapshotDoc `json:"cursor"`
	End    *snapshotDoc `json:"end"`
}

// all are those that are known, in their order.
func (s *snapshotsDoc) all() []*snapshotDoc {
	return slices.DeleteFunc([]*snapshotDoc{s.Start, s.Cursor, s.End}, func(s *snapshotDoc) bool { return s == nil })
}

type recordingDoc struct {
	File    string   `json:"file"`    // empty: nothing was recorded in that time, or Error
	Error   string   `json:"error"`   // why it could not be read
	Missing []string `json:"missing"` // what could not be read
}

const (
	formatName    = "gctl-incident"
	formatVersion = 1
)

func newDocument(in *Incident) *document {
	d := &document{
		Format: formatName, Version: formatVersion, Title: in.Title, Context: in.Context, Author: in.Author,
		Exported: known(in.Exported), From: known(in.From), To: known(in.To), Cursor: known(in.Cursor),
		Report: in.Report, Traces: append([]string{}, in.Traces...), Evidence: append([]why.Evidence{}, in.Evidence...),
		Events: each(in.Events, newEvent), Actions: each(in.Actions, newAction), ActionErr: errorText(in.ActionsErr),
		Notes:     each(in.Notes, func(n *Note) noteDoc { return noteDoc{n.At.UTC(), n.Author, n.Text} }),
		Snapshots: snapshotsDoc{newSnapshot(in.Start), newSnapshot(in.AtCursor), newSnapshot(in.End)},
	}
	if in.RecordingErr != nil {
		d.Recording = &recordingDoc{Error: errorText(in.RecordingErr), Missing: []string{}}
	}
	slices.SortStableFunc(d.Events, func(a, b eventDoc) int { return a.At.Compare(b.At) })
	slices.SortStableFunc(d.Actions, func(a, b actionDoc) int { return a.At.Compare(b.At) })
	slices.SortStableFunc(d.Notes, func(a, b noteDoc) int { return a.At.Compare(b.At) })
	return d
}

func newEvent(e *fleet.Event) eventDoc {
	return eventDoc{
		At: e.At.UTC(), Event: e.Kind, Service: e.Service, Instance: e.Instance, Subject: e.Subject,
		From: e.From, To: e.To, Exact: e.Exact, Source: e.Provenance.Source, Query: e.Provenance.Query,
	}
}

func newAction(e *action.Entry) actionDoc {
	return actionDoc{
		ID: e.Action, At: e.At.UTC(), By: e.By, Action: e.Command, Service: e.Instance.Service, Instance: e.Instance.ID,
		Resource: e.Resource, Value: e.Value, Reason: e.Reason, State: e.State, Expires: known(e.Expires), Detail: e.Detail, Undoes: e.Undoes,
	}
}

// each converts a list; none becomes an empty one.
func each[A, B any](list []A, convert func(*A) B) []B {
	out := make([]B, 0, len(list))
	for i := range list {
		out = append(out, convert(&list[i]))
	}
	return out
}

func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
