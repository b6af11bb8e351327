package output

import (
	"math"
	"strings"
)

// Sparkline draws values in one line, a block each: the lowest block is 0 or the
// least value below it, a dot is a value that is not known.
func Sparkline(values []float64) string {
	blocks := []rune("▁▂▃▄▅▆▇█")
	low, high := 0.0, 0.0
	for _, v := range values {
		if finite(v) {
			low, high = min(low, v), max(high, v)
		}
	}
	var b strings.Builder
	for _, v := range values {
		switch {
		case !finite(v):
			b.WriteRune('·')
		case high == low:
			b.WriteRune(blocks[0])
		default:
			b.WriteRune(blocks[int((v-low)/(high-low)*float64(len(blocks)-1)+.5)])
		}
	}
	return b.String()
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
