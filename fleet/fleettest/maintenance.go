package fleettest

import (
	"strings"
	"testing"

	"github.com/gctl-dev/gctl/fleet"
)

// MaintenanceWorld is a catalog that can take instances out of traffic, with one
// instance that is passing.
type MaintenanceWorld struct {
	Catalog  fleet.Catalog // a fleet.Maintainer too
	Instance fleet.Instance
}

// Maintainer runs the suite of fleet.Maintainer.
func Maintainer(t *testing.T, open func(t *testing.T) MaintenanceWorld) {
	w := open(t)
	m, ok := w.Catalog.(fleet.Maintainer)
	if !ok {
		t.Fatalf("%T cannot take instances out of traffic", w.Catalog)
	}
	for _, on := range []bool{true, true, false, false} { // doing it again changes nothing
		asked, err := m.SetMaintenance(t.Context(), w.Instance, on, "a look inside")
		if err != nil || asked.Source == "" || asked.Query == "" || asked.At.IsZero() {
			t.Fatalf("SetMaintenance = %+v, %v", asked, err)
		}
		got, reason, err := m.Maintenance(t.Context(), w.Instance)
		if err != nil || got != on || on && reason != "a look inside" {
			t.Errorf("Maintenance = %v, %q, %v, want %v", got, reason, err, on)
		}
		list, err := w.Catalog.Instances(t.Context(), w.Instance.Service)
		if err != nil || (list.Instances[0].Catalog == fleet.Maintenance) != on {
			t.Errorf("Instances = %+v, %v", list.Instances, err)
		}
	}
	nobody := w.Instance
	nobody.ID = "nobody"
	asked, err := m.SetMaintenance(t.Context(), nobody, true, "x")
	if asked.Source != "" {
		t.Errorf("nothing can have been changed: %+v", asked)
	}
	if err == nil || !strings.Contains(err.Error(), "nobody") {
		t.Errorf("an instance that is not there: %v", err)
	}
	if _, _, err := m.Maintenance(t.Context(), nobody); err == nil {
		t.Error("an instance that is not there is said to be in traffic")
	}
}
