package commands

import (
	"slices"
	"testing"

	"github.com/gctl-dev/gctl/reflection"
)

func TestSilenceIsNotedWhereItIsUnexpected(t *testing.T) {
	unmarked := []reflection.Surveyed{{Service: "consul"}, {Service: "user"}}
	if got := unexpected(unmarked, []string{"consul"}); !slices.Equal(got, []string{"consul"}) {
		t.Errorf("where nobody is said to speak gRPC: %v", got)
	}
	marked := []reflection.Surveyed{{Service: "consul"}, {Service: "user", GRPC: true}, {Service: "order", GRPC: true}}
	if got := unexpected(marked, []string{"consul", "order"}); !slices.Equal(got, []string{"order"}) {
		t.Errorf("where the catalog says who speaks gRPC: %v", got)
	}
}
