package method_test

import (
	"testing"

	_ "github.com/gctl-dev/gctl/api/gctl/control/v1"
	"github.com/gctl-dev/gctl/svc/kit/internal/method"
)

func TestLevels(t *testing.T) {
	for name, want := range map[string][2]bool{
		"/gctl.control.v1.ControlService/ListBreakers": {true, true},
		"/gctl.control.v1.ControlService/SetLimit":     {false, false},
	} {
		found, ok := method.Find(name)
		if !ok {
			t.Fatalf("%s was not found", name)
		}
		if got := [2]bool{method.ReadOnly(found), method.Idempotent(found)}; got != want {
			t.Errorf("%s: read only, idempotent = %v, want %v", name, got, want)
		}
	}
}

func TestUnknownMethods(t *testing.T) {
	for _, name := range []string{"", "/", "nonsense", "/gctl.control.v1.ControlService/No", "/gctl.control.v1.ControlService", "/a/b/c"} {
		if found, ok := method.Find(name); ok {
			t.Errorf("%q is %v", name, found.FullName())
		}
	}
}
