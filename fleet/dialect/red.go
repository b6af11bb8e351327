package dialect

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// red says what a tally means.
func (t *tally) red(q *fleet.REDQuery, key Key) fleet.RED {
	r := fleet.RED{
		Service: key.Service, Method: key.Method, Instance: key.Instance, Caller: key.Caller, Side: q.Side, Window: q.Window,
		Rate: math.NaN(), ErrorRatio: math.NaN(), P50: math.NaN(), P95: math.NaN(), P99: math.NaN(),
		Codes: map[string]float64{}, Dialect: strings.Join(slices.Sorted(maps.Keys(t.dialects)), " + "),
		Notes: slices.Sorted(maps.Keys(t.notes)),
	}
	t.calls(&r)
	t.durations(&r, q.CallsOnly)
	if slices.Contains(q.By, fleet.ByInstance) && key.Instance == "" {
		r.Unknown = append(r.Unknown, "instance: the series do not say which it was")
	}
	if slices.Contains(q.By, fleet.ByCaller) && key.Caller == "" {
		r.Unknown = append(r.Unknown, "caller: "+unknownCaller(q.Side))
	}
	if t.endless > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%d histograms without a usable +Inf bucket are left out", t.endless))
	}
	if t.odd > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%d values that are no counts (NaN, infinite or negative) are left out", t.odd))
	}
	return r
}

func unknownCaller(side fleet.Side) string {
	if side == fleet.ServerSide {
		return "the server's metrics do not name it; those of the client's side do"
	}
	return "the process that counted could not be joined with the catalog"
}

// What a RED says is unknown where no series was read. A source that knows why
// says that instead.
const (
	NoCounter   = "rate, error_ratio: there is a histogram, but no counter of calls"
	NoHistogram = "p50, p95, p99: there is no histogram of durations"
)

func (t *tally) calls(r *fleet.RED) {
	if !t.counted {
		r.Unknown = append(r.Unknown, NoCounter)
		return
	}
	var rate, failed float64
	_, unnamed := t.codes[""]
	for _, code := range slices.Sorted(maps.Keys(t.codes)) {
		rate += t.codes[code]
		if fleet.IsFailure(code) {
			failed += t.codes[code]
		}
		if code != "" && t.codes[code] > 0 {
			r.Codes[code] = t.codes[code]
		}
	}
	if len(t.codes) == 0 { // nothing that could be counted
		r.Unknown = append(r.Unknown, "rate, error_ratio: the counters have no usable values")
		return
	}
	r.Rate = rate
	switch {
	case rate == 0:
		r.Unknown = append(r.Unknown, "error_ratio: there were no calls in the window")
	case unnamed && t.codes[""] > 0:
		r.Unknown = append(r.Unknown, "error_ratio: not all calls have a status code")
	default:
		r.ErrorRatio = failed / rate
	}
}

func (t *tally) durations(r *fleet.RED, not bool) {
	r.P50, r.P95, r.P99 = Quantile(.5, t.intervals), Quantile(.95, t.intervals), Quantile(.99, t.intervals)
	r.Bound = Highest(t.intervals)
	switch {
	case not:
	case !t.measured:
		r.Unknown = append(r.Unknown, NoHistogram)
	case math.IsInf(r.P50, 1) && r.Bound == 0:
		r.P50, r.P95, r.P99 = math.NaN(), math.NaN(), math.NaN()
		r.Unknown = append(r.Unknown, "p50, p95, p99: the histogram has no buckets; native ones are not in a text exposition")
	case math.IsNaN(r.P50) && t.endless > 0:
		r.Unknown = append(r.Unknown, "p50, p95, p99: the histogram has no usable +Inf bucket, so how many calls took longer is not known")
	case math.IsNaN(r.P50):
		r.Unknown = append(r.Unknown, "p50, p95, p99: no durations were recorded in the window")
	default:
		var above []string
		for _, p := range []struct {
			name  string
			value float64
		}{{"p50", r.P50}, {"p95", r.P95}, {"p99", r.P99}} {
			if math.IsInf(p.value, 1) {
				above = append(above, p.name)
			}
		}
		if len(above) > 0 {
			r.Unknown = append(r.Unknown, strings.Join(above, ", ")+": above the largest bucket, "+seconds(r.Bound))
		}
	}
}

func seconds(s float64) string {
	return time.Duration(s * float64(time.Second)).Round(time.Microsecond).String()
}
