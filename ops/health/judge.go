package health

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gctl-dev/gctl/fleet"
)

// Rule is what makes a service healthy. The zero Rule wants every instance that
// is not in maintenance to serve, and at least one of them.
type Rule struct {
	Least         Least
	Unimplemented bool // an instance without a health service, or without this name, counts as serving
	Agree         bool // an instance counts only if the catalog agrees
}

// Least is how many instances of a service must serve: a number, or a share of
// those that are not in maintenance. The zero value wants all of them.
type Least struct {
	set    bool
	number int
	share  float64 // percent, if number is 0
}

// ParseLeast reads "2" or "80%".
func ParseLeast(text string) (Least, error) {
	percent, isShare := strings.CutSuffix(text, "%")
	if isShare {
		share, err := strconv.ParseFloat(strings.TrimSpace(percent), 64)
		if err != nil || !(share >= 0 && share <= 100) { // NaN too
			return Least{}, fmt.Errorf("%q is no share from 0%% to 100%%", text)
		}
		return Least{set: true, share: share}, nil
	}
	number, err := strconv.Atoi(text)
	if err != nil || number < 0 {
		return Least{}, fmt.Errorf("%q is neither a number of instances such as 2 nor a share such as 80%%", text)
	}
	return Least{set: true, number: number}, nil
}

// of returns how many of the counted instances must serve.
func (l Least) of(counted int) int {
	switch {
	case !l.set:
		return max(1, counted)
	case l.share > 0:
		return max(1, int(math.Ceil(l.share*float64(counted)/100-1e-9)))
	default:
		return l.number
	}
}

// Good tells whether an answer counts as serving.
func (r Rule) Good(h *fleet.Health) bool {
	if r.Agree && !h.Agrees() {
		return false
	}
	return h.State == fleet.Serving || r.Unimplemented && h.State == fleet.Unimplemented
}

// Verdict is what a rule says of a service.
type Verdict struct {
	Service     string
	Healthy     bool
	Serving     int // instances of which each answer is good
	Counted     int // instances that are not in maintenance
	Maintenance int
	Wanted      int // how many had to serve
}

// String says it in words: "2 of 3 instances serve".
func (v Verdict) String() string {
	if v.Counted == 0 {
		if v.Maintenance == 1 {
			return "its only instance is in maintenance"
		}
		if v.Maintenance > 0 {
			return fmt.Sprintf("all of its %d instances are in maintenance", v.Maintenance)
		}
		return "it has no instances"
	}
	text := fmt.Sprintf("%d of %d instances serve", v.Serving, v.Counted)
	if v.Wanted != max(1, v.Counted) {
		text += fmt.Sprintf(", wanted are %d", v.Wanted)
	}
	if v.Maintenance > 0 {
		text += fmt.Sprintf(" (%d more in maintenance)", v.Maintenance)
	}
	return text
}

// Judge judges a service by the answers of its instances, those of one instance
// side by side.
func (r Rule) Judge(service string, answers []fleet.Health) Verdict {
	v := Verdict{Service: service}
	for len(answers) > 0 {
		first := &answers[0].Instance
		n := slices.IndexFunc(answers, func(h fleet.Health) bool { return h.Instance.ID != first.ID || h.Instance.Addr != first.Addr })
		if n < 0 {
			n = len(answers)
		}
		one := answers[:n]
		answers = answers[n:]
		if first.Catalog == fleet.Maintenance {
			v.Maintenance++
			continue
		}
		v.Counted++
		if !slices.ContainsFunc(one, func(h fleet.Health) bool { return !r.Good(&h) }) {
			v.Serving++
		}
	}
	v.Wanted = r.Least.of(v.Counted)
	v.Healthy = v.Serving >= v.Wanted
	return v
}

// Worst sorts answers: what is bad first, then what disagrees with the catalog,
// then maintenance, then what is good.
func (r Rule) Worst(answers []fleet.Health) {
	slices.SortStableFunc(answers, func(a, b fleet.Health) int {
		return cmp.Or(
			cmp.Compare(r.rank(&a), r.rank(&b)),
			cmp.Compare(a.Instance.Service, b.Instance.Service),
			cmp.Compare(a.Instance.ID, b.Instance.ID),
			cmp.Compare(a.Name, b.Name),
		)
	})
}

func (r Rule) rank(h *fleet.Health) int {
	switch {
	case h.Instance.Catalog == fleet.Maintenance:
		return 6
	case h.State == fleet.Unreachable:
		return 0
	case h.State == fleet.TimedOut:
		return 1
	case h.State == fleet.NotServing:
		return 2
	case !h.Agrees():
		return 5
	case r.Good(h):
		return 7
	case h.State == fleet.UnknownHealth:
		return 3
	default:
		return 4
	}
}
