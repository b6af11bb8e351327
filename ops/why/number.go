package why

import (
	"encoding/json"
	"math"
	"strconv"
)

// Num is a number that may be unknown: NaN, in JSON null. An infinite one, which
// a quantile above the largest bucket is, is "+Inf" there.
//
//nolint:recvcheck // JSON is read by pointer and written as values
type Num float64

// unknown is the number of which nothing is known.
func unknown() Num { return Num(math.NaN()) }

// Known tells whether n is a number, an infinite one included.
func (n Num) Known() bool { return !math.IsNaN(float64(n)) }

// Or returns n, or other where it is not known.
func (n Num) Or(other float64) float64 {
	if !n.Known() {
		return other
	}
	return float64(n)
}

// MarshalJSON implements json.Marshaler.
func (n Num) MarshalJSON() ([]byte, error) {
	switch f := float64(n); {
	case math.IsNaN(f):
		return []byte("null"), nil
	case math.IsInf(f, 1):
		return []byte(`"+Inf"`), nil
	case math.IsInf(f, -1):
		return []byte(`"-Inf"`), nil
	default:
		return strconv.AppendFloat(nil, f, 'g', 6, 64), nil
	}
}

// UnmarshalJSON implements json.Unmarshaler.
func (n *Num) UnmarshalJSON(raw []byte) error {
	switch string(raw) {
	case "null":
		*n = unknown()
		return nil
	case `"+Inf"`:
		*n = Num(math.Inf(1))
		return nil
	case `"-Inf"`:
		*n = Num(math.Inf(-1))
		return nil
	default:
		return json.Unmarshal(raw, (*float64)(n))
	}
}

// sane returns n as something that can be computed with: what no rate, ratio or
// duration can be is not known.
func sane(f float64) Num {
	if f < 0 || math.IsInf(f, -1) {
		return unknown()
	}
	return Num(f)
}
