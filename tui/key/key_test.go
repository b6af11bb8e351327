package key_test

import (
	"testing"

	"github.com/gctl-dev/gctl/tui/key"
)

func TestEachKeyMeansOneThing(t *testing.T) {
	means := map[string]key.Action{}
	for _, b := range key.Defaults() {
		for _, k := range b.Keys {
			if other, twice := means[k]; twice {
				t.Errorf("%s means both %s and %s", k, other, b.Action)
			}
			means[k] = b.Action
		}
		if b.Help == "" {
			t.Errorf("%s has no help", b.Action)
		}
	}
}
