package rules_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/gctl-dev/gctl/internal/testkit"
	"github.com/gctl-dev/gctl/svc/kit/internal/rules"
)

func TestTheCauseOfRulesThatCannotBeEvaluatedIsKept(t *testing.T) {
	_, _, err := rules.Broken(testkit.Uncheckable(t))
	if !errors.Is(err, rules.ErrRules) || !strings.Contains(err.Error(), testkit.BrokenRule) {
		t.Errorf("Broken = %v, want ErrRules and why", err)
	}
}
