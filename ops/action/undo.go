package action

import (
	"fmt"
	"slices"

	"github.com/gctl-dev/gctl/fleet"
)

// Undo returns the steps that revert an action: of its changes those that are in
// force and still its own. With an empty id it is the newest action of which
// something is. The entries are those of List; about returns the ones of the
// action.
func Undo(entries []Entry, id, reason string) (action string, about []Entry, steps []Step, err error) {
	action = id
	if id == "" {
		i := slices.IndexFunc(entries, func(e Entry) bool { return e.State == InForce })
		if i < 0 {
			return "", nil, nil, nil
		}
		action = entries[i].Action
	}
	var ids []string
	for i := range entries {
		e := &entries[i]
		if !slices.Contains(ids, e.Action) {
			ids = append(ids, e.Action)
		}
		if e.Action != action {
			continue
		}
		about = append(about, *e)
		if e.State == InForce {
			steps = append(steps, e.undo(reason))
		}
	}
	if len(about) == 0 {
		hint := `"gctl actions" lists them`
		if near := fleet.Nearest(id, ids, 1); len(near) > 0 {
			hint = "did you mean " + near[0] + "? " + hint
		}
		return "", nil, nil, &fleet.Error{Kind: fleet.Usage, What: fmt.Sprintf("no action %q was taken from here", id), Hint: hint}
	}
	return action, about, steps, onlyOnce(about)
}

// onlyOnce refuses what cannot be undone at all.
func onlyOnce(about []Entry) error {
	first := &about[0]
	switch {
	case first.Resource == fleet.ResourceDrain:
		return &fleet.Error{Kind: fleet.Usage, What: "a drain cannot be undone", Instance: first.Instance.ID, Hint: "start the instance again"}
	case first.Release:
		return &fleet.Error{
			Kind: fleet.Usage, What: fmt.Sprintf("%s has released something, which cannot be brought back", first.Action),
			Hint: "change it again: gctl " + first.Command + " names what was released",
		}
	default:
		return nil
	}
}

func (e *Entry) undo(reason string) Step {
	return Step{
		Instance: e.Instance,
		Wish: fleet.Wish{
			Resource: e.Resource, Release: true,
			Mutation: fleet.Mutation{Reason: reason, ETag: e.etag},
		},
	}
}
