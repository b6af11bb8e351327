package fleet

import (
	"cmp"
	"slices"
	"strings"
)

// Nearest returns at most limit of the candidates that look most like name,
// the closest first, ignoring case. Candidates that share too little with name
// are left out: a hint that names the wrong thing is worse than none.
func Nearest(name string, candidates []string, limit int) []string {
	type scored struct {
		name     string
		distance int
		longer   int // how much the lengths differ
	}
	lower := strings.ToLower(name)
	var near []scored
	for _, c := range candidates {
		lc := strings.ToLower(c)
		d := editDistance(lower, lc)
		if strings.Contains(lc, lower) || strings.Contains(lower, lc) {
			d = min(d, 1)
		}
		if d <= max(2, len(lower)/3) {
			near = append(near, scored{c, d, max(len(c)-len(name), len(name)-len(c))})
		}
	}
	slices.SortStableFunc(near, func(a, b scored) int {
		return cmp.Or(
			cmp.Compare(a.distance, b.distance),
			cmp.Compare(a.longer, b.longer),
			cmp.Compare(a.name, b.name),
		)
	})
	names := make([]string, 0, limit)
	for _, n := range near {
		if len(names) == limit {
			break
		}
		names = append(names, n.name)
	}
	return names
}

// editDistance is the Levenshtein distance in bytes.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
