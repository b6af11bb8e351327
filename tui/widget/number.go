package widget

import (
	"cmp"
	"math"
	"strconv"
	"time"

	"github.com/gctl-dev/gctl/tui/theme"
)

// Rate is calls a second as a screen has them: "1.2k", "640", "0.02".
func Rate(v float64) string { return Amount(v) }

// Amount is a number in at most five cells; "?" where it is not known.
func Amount(v float64) string {
	switch a := math.Abs(v); {
	case math.IsNaN(v):
		return "?"
	case math.IsInf(v, 0) || a >= 1e15:
		return ">P"
	case a >= 999.5e9:
		return short(v/1e12) + "T"
	case a >= 999.5e6:
		return short(v/1e9) + "G"
	case a >= 999.5e3:
		return short(v/1e6) + "M"
	case a >= 999.5:
		return short(v/1e3) + "k"
	case a >= 9.95 || a == 0:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 0.995:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case a < 0.005:
		return "<.01"
	default:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
}

func short(v float64) string {
	if math.Abs(v) < 9.95 {
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 0, 64)
}

// Percent is a ratio in percent, without the sign: "8.41", "0.02", "100".
func Percent(ratio float64) string {
	v := ratio * 100
	switch {
	case math.IsNaN(v):
		return "?"
	case v == 0:
		return "0"
	case v > 0 && v < 0.005:
		return "<.01"
	case v < 9.995:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case v < 99.95:
		return strconv.FormatFloat(v, 'f', 1, 64)
	default:
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
}

// Seconds is a duration of so many seconds: "41ms", "2.9s", "1.5m"; bound is what a
// value of +Inf lies above (fleet.RED.Bound).
func Seconds(v, bound float64) string {
	switch {
	case math.IsNaN(v):
		return "?"
	case math.IsInf(v, 1) && bound > 0:
		return ">" + Seconds(bound, 0)
	case math.IsInf(v, 0):
		return ">?"
	}
	return Duration(time.Duration(v * float64(time.Second)))
}

// Duration is a duration in at most five cells.
func Duration(d time.Duration) string {
	v := float64(d)
	a := math.Abs(v)
	unit := func(u time.Duration, name string) string {
		x := v / float64(u)
		if math.Abs(x) < 9.95 && x != math.Trunc(x) {
			return strconv.FormatFloat(x, 'f', 1, 64) + name
		}
		return strconv.FormatFloat(x, 'f', 0, 64) + name
	}
	switch {
	case d == 0:
		return "0"
	case a < float64(999500*time.Nanosecond):
		return unit(time.Microsecond, "µs")
	case a < float64(999500*time.Microsecond):
		return unit(time.Millisecond, "ms")
	case a < float64(99500*time.Millisecond):
		return unit(time.Second, "s")
	case a < float64(99*time.Minute+30*time.Second):
		return unit(time.Minute, "m")
	case a < float64(47*time.Hour+30*time.Minute):
		return unit(time.Hour, "h")
	default:
		return unit(24*time.Hour, "d")
	}
}

// Age is how long ago something was, in whole units: "8s", "3m", "2h".
func Age(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d < 2*time.Minute:
		return strconv.Itoa(int(d/time.Second)) + "s"
	case d < 2*time.Hour:
		return strconv.Itoa(int(d/time.Minute)) + "m"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d/time.Hour)) + "h"
	default:
		return strconv.Itoa(int(d/(24*time.Hour))) + "d"
	}
}

// Spark draws the last w values, a block each. The lowest block is 0; what is not
// known has a sign of its own.
func Spark(l *Line, s theme.Style, g *theme.Glyphs, values []float32, w int) {
	if len(values) > w {
		values = values[len(values)-w:]
	}
	high := float32(0)
	for _, v := range values {
		if v > high && !math.IsInf(float64(v), 0) {
			high = v
		}
	}
	var b [64]byte
	text := b[:0]
	for range min(w-len(values), 16) {
		text = append(text, ' ')
	}
	for _, v := range values {
		switch {
		case v != v:
			text = append(text, g.Missing...)
		case high == 0 || v <= 0:
			text = append(text, g.Spark[0]...)
		default:
			n := min(len(g.Spark)-1, int(v/high*float32(len(g.Spark)-1)+.5))
			text = append(text, g.Spark[n]...)
		}
	}
	l.raw(s, string(text), min(w-len(values), 16)+len(values))
}

// Descending compares two values so that the larger is first and what is not known
// last.
func Descending(a, b float64) int {
	switch an, bn := math.IsNaN(a), math.IsNaN(b); {
	case an && bn:
		return 0
	case an:
		return 1
	case bn:
		return -1
	}
	return cmp.Compare(b, a)
}
