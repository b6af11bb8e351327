package check

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// unit is what the number of a comparison counts.
type unit int

const (
	plainNumber unit = iota
	ratio            // 0.01 or 1%
	seconds          // 300ms
	perSecond        // 1/s, 60/m
)

// Comparison is an expectation such as "< 1%".
type Comparison struct {
	Op    string // <, <=, >, >=, ==
	Value float64
	unit  unit
}

// operators, longer ones first.
var operators = [...]string{"<=", ">=", "==", "<", ">", "="}

func parseComparison(text string, u unit) (*Comparison, error) {
	rest := strings.TrimSpace(text)
	c := &Comparison{unit: u}
	for _, op := range operators {
		if after, ok := strings.CutPrefix(rest, op); ok {
			c.Op, rest = op, strings.TrimSpace(after)
			break
		}
	}
	if c.Op == "=" {
		c.Op = "=="
	}
	value, err := parseQuantity(rest, u)
	if c.Op == "" || err != nil {
		return nil, fmt.Errorf("%q is no comparison such as %q", text, "< "+example(u))
	}
	c.Value = value
	return c, nil
}

func example(u unit) string {
	return [...]string{plainNumber: "2", ratio: "1%", seconds: "300ms", perSecond: "1/s"}[u]
}

func parseQuantity(text string, u unit) (float64, error) {
	scale := 1.0
	switch u {
	case seconds:
		d, err := time.ParseDuration(text)
		return d.Seconds(), err
	case ratio:
		if number, ok := strings.CutSuffix(text, "%"); ok {
			text, scale = strings.TrimSpace(number), 0.01
		}
	case perSecond:
		for suffix, s := range map[string]float64{"/s": 1, "/m": 1.0 / 60, "/h": 1.0 / 3600} {
			if number, ok := strings.CutSuffix(text, suffix); ok {
				text, scale = strings.TrimSpace(number), s
			}
		}
	}
	f, err := strconv.ParseFloat(text, 64)
	if err == nil && (math.IsNaN(f) || math.IsInf(f, 0)) {
		err = strconv.ErrRange
	}
	return f * scale, err
}

// Holds compares got with what is expected. NaN is nothing that could be
// compared: the caller asks before.
func (c *Comparison) Holds(got float64) bool {
	switch c.Op {
	case "<":
		return got < c.Value
	case "<=":
		return got <= c.Value
	case ">":
		return got > c.Value
	case ">=":
		return got >= c.Value
	default:
		return got == c.Value
	}
}

// String returns the comparison as people write it.
func (c *Comparison) String() string { return c.Op + " " + c.format(c.Value) }

func (c *Comparison) format(v float64) string {
	switch c.unit {
	case ratio:
		return number(v*100) + "%"
	case seconds:
		return time.Duration(v * float64(time.Second)).Round(time.Microsecond).String()
	case perSecond:
		return number(v) + "/s"
	default:
		return number(v)
	}
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }
