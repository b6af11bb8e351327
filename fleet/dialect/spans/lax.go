package spans

import (
	"encoding/json"
	"strconv"
	"strings"
)

// word is a JSON string, or any other scalar as text: writers of JSON disagree
// about numbers and enums. It never fails, so that one odd field does not cost an
// answer.
type word string

// UnmarshalJSON reads a scalar.
func (w *word) UnmarshalJSON(raw []byte) error {
	*w = word(wordOf(raw))
	return nil
}

// countOf is the number that a word is, 0 where it is none.
func countOf(w word) uint64 {
	n, err := strconv.ParseUint(string(w), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func wordOf(raw []byte) string {
	var s string
	text := strings.TrimSpace(string(raw))
	switch {
	case text == "null" || text == "":
		return ""
	case text[0] == '"' && json.Unmarshal(raw, &s) == nil:
		return s
	default:
		return text
	}
}

// count is a number, or a string with one, as protobuf's JSON writes 64 bits.
type count uint64

// UnmarshalJSON reads a number; what is none is 0.
func (c *count) UnmarshalJSON(raw []byte) error {
	text := wordOf(raw)
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		f, floatErr := strconv.ParseFloat(text, 64)
		if floatErr != nil || !(f >= 0 && f < maxNanos) { // NaN is neither
			f = 0
		}
		n = uint64(f)
	}
	*c = count(n)
	return nil
}
