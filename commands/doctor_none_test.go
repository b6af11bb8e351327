package commands

import (
	"context"
	"errors"
	"testing"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/config"
)

// A backend that nobody knows is absent; one that was found in the catalog and
// fails is a fault with its reason.
func TestABackendThatWasFoundAndFailsIsAFault(t *testing.T) {
	x := &examination{context: config.Context{Name: "prod"}}
	for want, err := range map[string]error{
		stateAbsent: NewNoBackend(&fleet.Error{What: "no prometheus is known"}),
		stateFault:  errors.New("401 Unauthorized"),
	} {
		row, _ := x.backend(t.Context(), "prometheus", &config.Backend{}, func(context.Context) (string, []fleet.Joined, error) { return "", nil, err })
		if row.State != want {
			t.Errorf("%v: %+v", err, row)
		}
	}
}
