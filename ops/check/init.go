package check

import (
	"fmt"
	"strconv"
	"strings"
)

// First is what a first file of checks is made of.
type First struct {
	Service  string
	Method   string // one that only reads, empty for none
	Metrics  bool   // there is a source of metrics
	Breakers bool   // its callers have breakers towards it
}

// Text writes the file. It says what is true of a healthy service, for the user
// to sharpen.
func (f First) Text() string {
	service := strconv.Quote(f.Service)
	var b strings.Builder
	b.WriteString("# gctl check -f FILE; what can be written here: gctl check --schema\nchecks:\n")
	fmt.Fprintf(&b, "  - name: %q\n    health: {service: %s}\n    expect: {min_serving: 80%%}\n", f.Service+" serves", service)
	if f.Method != "" {
		fmt.Fprintf(&b, "  - name: %q\n    call: {method: %s, service: %s, data: {}}\n    expect: {code: OK, under: 500ms}\n", f.Service+" answers", f.Method, service)
	}
	if f.Metrics {
		fmt.Fprintf(&b, "  - name: %q\n    metrics: {service: %s, window: 5m}\n    expect: {error_ratio: \"< 1%%\", p99: \"< 500ms\"}\n", f.Service+" errors and latency", service)
	}
	if f.Breakers {
		fmt.Fprintf(&b, "  - name: %q\n    breakers: {target: %s}\n    expect: {state: closed, flapping: false}\n", "callers of "+f.Service+" trust it", service)
	}
	return b.String()
}
