package widget

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Filter is what a user typed to see only some rows: words and comparisons, all of
// which must hold. A word is found anywhere in a row, whatever its case; where no
// row has it, rows come near that have its letters in that order. A ! in front
// inverts. A comparison is a column, one of > < >= <= = != and a value: "err>1",
// "p99>=200ms", "rps<1k", "health=down".
type Filter struct {
	Text  string
	terms []condition
}

type condition struct {
	not    bool
	word   string // folded
	column string // of a comparison
	op     string
	number float64
	isNum  bool
}

// ParseFilter reads a filter. columns are the names that comparisons may use; what
// looks like a comparison with another name is a word.
func ParseFilter(text string, columns []string) Filter {
	f := Filter{Text: strings.TrimSpace(text)}
	for word := range strings.FieldsSeq(f.Text) {
		t := condition{}
		if rest, not := strings.CutPrefix(word, "!"); not {
			t.not, word = true, rest
		}
		if word == "" || t.compare(fold(word), columns) {
			if t.op != "" {
				f.terms = append(f.terms, t)
			}
			continue
		}
		t.word = fold(word)
		f.terms = append(f.terms, t)
	}
	return f
}

// compare reads a comparison; it tells whether the word is one. One without a value
// is still being typed: it says nothing.
func (t *condition) compare(word string, columns []string) bool {
	i := strings.IndexAny(word, "<>=!")
	if i <= 0 {
		return false
	}
	name := strings.TrimSuffix(word[:i], "%")
	known := false
	for _, c := range columns {
		known = known || c == name
	}
	if !known {
		return false
	}
	op := word[i : i+1]
	rest := word[i+1:]
	if strings.HasPrefix(rest, "=") {
		op, rest = op+"=", rest[1:]
	}
	if op == "!" || rest == "" {
		return true
	}
	t.column, t.op, t.word = name, op, rest
	t.number, t.isNum = number(rest)
	return true
}

// number reads a value as a table shows it: 1.2k, 8.4%, 200ms (as seconds).
func number(s string) (float64, bool) {
	if d, err := time.ParseDuration(s); err == nil {
		if v, err := strconv.ParseFloat(s, 64); err == nil { // "0"
			return v, true
		}
		return d.Seconds(), true
	}
	s = strings.TrimSuffix(s, "%")
	factor := 1.0
	for suffix, f := range map[string]float64{"k": 1e3, "m": 1e6} {
		if rest, ok := strings.CutSuffix(s, suffix); ok {
			s, factor = rest, f
		}
	}
	v, err := strconv.ParseFloat(s, 64)
	return v * factor, err == nil
}

// Empty tells whether every row passes.
func (f *Filter) Empty() bool { return len(f.terms) == 0 }

// narrows tells whether every row that f shows is one that the filter before has
// shown, so that only those need be looked at.
func (f *Filter) narrows(before *Filter) bool {
	if !strings.HasPrefix(f.Text, before.Text) || len(before.terms) > len(f.terms) {
		return false
	}
	for i := range before.terms {
		was, is := &before.terms[i], &f.terms[i]
		switch {
		case was.op != is.op || was.not != is.not:
			return false
		case (was.op != "" || was.not) && *was != *is:
			return false
		}
	}
	return true
}

// row is what a filter asks of a row.
type row interface {
	text() string                      // folded
	number(column string) float64      // NaN where it is not known
	word(column string) (string, bool) // folded; false where the column is a number
}

// holds tells whether a row passes; fuzzy where letters in order are enough.
func (f *Filter) holds(r row, fuzzy bool) bool {
	for i := range f.terms {
		if f.terms[i].holds(r, fuzzy) == f.terms[i].not {
			return false
		}
	}
	return true
}

func (t *condition) holds(r row, fuzzy bool) bool {
	if t.op == "" {
		text := r.text()
		return strings.Contains(text, t.word) || fuzzy && !t.not && subsequence(text, t.word)
	}
	if word, ok := r.word(t.column); ok {
		switch t.op {
		case "=":
			return strings.Contains(word, t.word)
		case "!=":
			return !strings.Contains(word, t.word)
		}
		return false
	}
	v := r.number(t.column)
	if math.IsNaN(v) || !t.isNum {
		return false // what is not known is neither more nor less
	}
	switch t.op {
	case ">":
		return v > t.number
	case "<":
		return v < t.number
	case ">=":
		return v >= t.number
	case "<=":
		return v <= t.number
	case "=":
		return v == t.number
	default:
		return v != t.number
	}
}

// subsequence tells whether text has the letters of word in their order.
func subsequence(text, word string) bool {
	for _, r := range word {
		i := strings.IndexRune(text, r)
		if i < 0 {
			return false
		}
		text = text[i+len(string(r)):]
	}
	return true
}

func fold(s string) string {
	for i := range len(s) {
		if c := s[i]; c >= 0x80 || c >= 'A' && c <= 'Z' {
			return strings.Map(unicode.ToLower, s)
		}
	}
	return s
}
