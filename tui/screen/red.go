package screen

import (
	"fmt"
	"math"
	"slices"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/widget"
)

// REDEvidence is where rate, errors and p99 of something come from.
func REDEvidence(what string, r *fleet.RED, command string) Evidence {
	return Evidence{
		What:       "rate, errors, p99 of " + what,
		Value:      fmt.Sprintf("%s/s, %s%%, %s over %s", widget.Rate(r.Rate), widget.Percent(r.ErrorRatio), widget.Seconds(r.P99, r.Bound), widget.Duration(r.Window)),
		Provenance: r.Provenance, Notes: slices.Concat(r.Notes, r.Unknown), Commands: []string{command},
	}
}

// REDData is a RED with the keys of gctl metrics -o json.
func REDData(r *fleet.RED) map[string]any {
	return map[string]any{
		"service": r.Service, "method": r.Method, "instance": r.Instance, "caller": r.Caller, "side": r.Side,
		"rate": known(r.Rate), "error_ratio": known(r.ErrorRatio), "codes": r.Codes,
		"p50_ms": known(r.P50 * 1000), "p95_ms": known(r.P95 * 1000), "p99_ms": known(r.P99 * 1000),
		"window": r.Window.String(), "dialect": r.Dialect, "unknown": r.Unknown, "notes": r.Notes,
		"source": r.Provenance.Source, "query": r.Provenance.Query,
	}
}

// known is a number as JSON has it: null where it is not known or beyond all bounds.
func known(v float64) any {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return v
}
