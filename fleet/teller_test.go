package fleet_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/gctl-dev/gctl/fleet"
)

func TestTellerTellsOnlyWhatIsNew(t *testing.T) {
	var told []string
	teller := fleet.Teller{Notify: func(u fleet.Update) { told = append(told, fmt.Sprint(len(u.List.Instances), u.Err)) }}
	one := fleet.InstanceList{Instances: []fleet.Instance{{ID: "a", Meta: map[string]string{"k": "v"}}}}
	changed := fleet.InstanceList{Instances: []fleet.Instance{{ID: "a", Meta: map[string]string{"k": "w"}}}}
	teller.Tell(fleet.InstanceList{}, nil) // the empty list is an answer
	teller.Tell(fleet.InstanceList{}, nil)
	teller.Tell(one, nil)
	teller.Tell(changed, nil)
	teller.Tell(fleet.InstanceList{}, errors.New("x"))
	teller.Tell(fleet.InstanceList{}, errors.New("x"))
	teller.Tell(fleet.InstanceList{}, errors.New("y"))
	teller.Tell(changed, nil) // unchanged, but the failure is over
	if want := []string{"0 <nil>", "1 <nil>", "1 <nil>", "1 x", "1 y", "1 <nil>"}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}
