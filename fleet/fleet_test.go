package fleet_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/gctl-dev/gctl/fleet"
)

func TestNearestPutsTheClosestFirstAndDropsStrangers(t *testing.T) {
	got := fleet.Nearest("GetUsr", []string{"DeleteUser", "GetUsers", "GetUser", "Watch"}, 2)
	if want := []string{"GetUser", "GetUsers"}; !slices.Equal(got, want) {
		t.Errorf("Nearest = %v, want %v", got, want)
	}
	got = fleet.Nearest("GetUsers", []string{"BatchGetUsersRequest", "GetUser"}, 1)
	if want := []string{"GetUser"}; !slices.Equal(got, want) {
		t.Errorf("Nearest = %v, want %v: it is of about the same length", got, want)
	}
	if got := fleet.Nearest("zzz", []string{"GetUser"}, 3); len(got) != 0 {
		t.Errorf("Nearest of a stranger = %v, want none", got)
	}
	if got := fleet.Nearest("checkout", []string{"CHECKOUT"}, 1); len(got) != 1 {
		t.Errorf("Nearest must ignore case, got %v", got)
	}
}

func TestErrorSaysWhatWhereAndWhy(t *testing.T) {
	err := &fleet.Error{Kind: fleet.Usage, What: "call failed", Instance: "user-1", Err: io.ErrUnexpectedEOF}
	if got, want := err.Error(), "call failed (instance user-1): unexpected EOF"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
	wrapped := fmt.Errorf("outer: %w", err)
	if fleet.KindOf(wrapped) != fleet.Usage || !errors.Is(wrapped, io.ErrUnexpectedEOF) {
		t.Error("kind and cause must survive wrapping")
	}
	if fleet.KindOf(io.EOF) != fleet.Failed {
		t.Error("an unknown error is a failure")
	}
}

func TestCountsAddsUp(t *testing.T) {
	var c fleet.Counts
	for _, s := range []fleet.Status{fleet.Passing, fleet.Warning, fleet.Critical, fleet.Maintenance, "odd"} {
		c.Add(s)
	}
	if want := (fleet.Counts{Instances: 5, Passing: 1, Warning: 1, Critical: 2, Maintenance: 1}); c != want {
		t.Errorf("Counts = %+v, want %+v", c, want)
	}
}
