package commands

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gctl-dev/gctl/fleet"
)

// readerFunc is a fleet.BreakerReader.
type readerFunc func(callers []fleet.Instance) (fleet.BreakerList, error)

func (r readerFunc) Breakers(_ context.Context, callers []fleet.Instance, _ string) (fleet.BreakerList, error) {
	return r(callers)
}

// lacking answers for all but those that err has an error for.
func lacking(errs map[string]error) readerFunc {
	return func(callers []fleet.Instance) (fleet.BreakerList, error) {
		var list fleet.BreakerList
		for _, in := range callers {
			if err := errs[in.ID]; err != nil {
				list.Missing = append(list.Missing, fleet.Missing{Instance: in, What: "breakers", Err: err})
			} else {
				list.Breakers = append(list.Breakers, fleet.Breaker{Caller: in, Name: "b"})
			}
		}
		return list, nil
	}
}

func TestBreakersThatNobodyAnsweredForAreMissing(t *testing.T) {
	refused, overloaded, down := errors.New("refused"), errors.New("overloaded"), errors.New("up is 0")
	none := fmt.Errorf("odd: %w", fleet.ErrNoControl)
	failing := readerFunc(func([]fleet.Instance) (fleet.BreakerList, error) { return fleet.BreakerList{}, overloaded })
	callers := []fleet.Instance{ // whole and dead say where their control API is
		{Service: "s", ID: "whole", Meta: map[string]string{fleet.MetaAdmin: "x"}},
		{Service: "s", ID: "dead", Meta: map[string]string{fleet.MetaAdmin: "x"}},
		{Service: "s", ID: "bare", Meta: map[string]string{fleet.MetaAdmin: "x"}},
		{Service: "s", ID: "other"},
	}
	control := lacking(map[string]error{"dead": refused, "bare": none})
	for _, c := range []struct {
		name           string
		readers        []fleet.BreakerReader
		found, missing string
	}{
		{"both answer", []fleet.BreakerReader{control, lacking(nil)}, "whole dead bare other", ""},
		{"the metrics fail", []fleet.BreakerReader{control, failing}, "whole", "bare: overloaded, dead: refused, other: overloaded"},
		{"the metrics lack some", []fleet.BreakerReader{control, lacking(map[string]error{"dead": down, "other": down})}, "whole bare", "dead: refused, other: up is 0"},
		{"all fail", []fleet.BreakerReader{failing, failing}, "", "bare: overloaded, dead: overloaded, other: overloaded, whole: overloaded"},
	} {
		f, _ := testFactory(nil)
		f.BreakerReaders = func() ([]fleet.BreakerReader, error) { return c.readers, nil }
		able, rest := SplitByAdmin(callers)
		list, err := ReadBreakers(t.Context(), f, able, rest, "")
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		var found, missing []string
		for _, b := range list.Breakers {
			found = append(found, b.Caller.ID)
		}
		for _, m := range list.Missing {
			missing = append(missing, m.Instance.ID+": "+m.Err.Error())
		}
		if strings.Join(found, " ") != c.found || strings.Join(missing, ", ") != c.missing {
			t.Errorf("%s: %v, missing %v", c.name, found, missing)
		}
	}
}
