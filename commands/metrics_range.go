package commands

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/output"
)

// pointRow are the values of one moment as JSON.
type pointRow struct {
	Time       time.Time `json:"time"`
	Rate       *float64  `json:"rate"`
	ErrorRatio *float64  `json:"error_ratio"`
	P50        *float64  `json:"p50_ms"`
	P95        *float64  `json:"p95_ms"`
	P99        *float64  `json:"p99_ms"`
}

// Trends are drawn over twelve windows.
const (
	trendPoints  = 12
	trendWindows = 12
)

// trends draws how the rate of each row came to be what it is. That is a bonus:
// where it cannot be had the numbers stand alone.
func (o *metricsOptions) trends(ctx context.Context, source MetricsSource, q fleet.REDQuery, rows []redRow) {
	window := q.Window
	if window <= 0 {
		window = 5 * time.Minute
	}
	step := max(time.Second, (trendWindows * window / trendPoints).Round(time.Second))
	end := o.f.Now().Truncate(time.Millisecond)
	q.CallsOnly = true
	series, err := source.Reader.REDRange(ctx, q, end.Add(-(trendPoints-1)*step), end, step)
	if err != nil {
		o.f.Verbosef("no trend: %v", err)
		return
	}
	for i := range rows {
		for j := range series {
			if sameRow(&rows[i], &series[j].RED) {
				rows[i].trend = output.Sparkline(values(series[j].RateOverTime))
			}
		}
	}
}

func sameRow(row *redRow, r *fleet.RED) bool {
	return row.Service == r.Service && row.Method == r.Method && row.Instance == r.Instance && row.Caller == r.Caller
}

func values(points []fleet.Point) []float64 {
	out := make([]float64, len(points))
	for i, p := range points {
		out[i] = p.Value
	}
	return out
}

// printRange prints the values of --since.
func (o *metricsOptions) printRange(ctx context.Context, p *output.Printer, source MetricsSource, q fleet.REDQuery) error {
	step := o.step
	if step <= 0 {
		step = max(time.Second, (o.since / 60).Round(time.Second))
	}
	end := o.f.Now().Truncate(time.Millisecond)
	series, err := source.Reader.REDRange(ctx, q, end.Add(-o.since.Truncate(step)), end, step)
	if errors.Is(err, fleet.ErrNoHistory) && source.Why != nil {
		return source.Why
	}
	if err != nil {
		return err
	}
	rows := make([]redRow, 0, len(series))
	for i := range series {
		row := newREDRow(&series[i].RED, o.f.Now())
		row.trend = output.Sparkline(thin(values(series[i].RateOverTime), o.f.trendWidth()))
		for j := range series[i].RateOverTime {
			row.Points = append(row.Points, pointRow{
				Time: series[i].RateOverTime[j].At.UTC(), Rate: known(series[i].RateOverTime[j].Value),
				ErrorRatio: known(series[i].ErrorsOverTime[j].Value), P50: known(series[i].P50OverTime[j].Value * 1000),
				P95: known(series[i].P95OverTime[j].Value * 1000), P99: known(series[i].LatencyOverTime[j].Value * 1000),
			})
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		o.f.Notef("note: there are no values in the last %s", span(o.since))
	}
	if p.Format() == output.CSV {
		return printPoints(p, rows)
	}
	return o.layout(rows, false).Print(p, rows, nil)
}

// trendWidth is how many values a drawing has: few on a narrow terminal.
func (f *Factory) trendWidth() int {
	if f.Streams.Width > 0 && f.Streams.Width < 120 {
		return 16
	}
	return 40
}

// thin takes as many of the values as fit.
func thin(all []float64, most int) []float64 {
	if len(all) <= most {
		return all
	}
	out := make([]float64, most)
	for i := range out {
		out[i] = all[(i+1)*len(all)/most-1]
	}
	return out
}

// printPoints prints a line for each value of each row; what is unknown is empty.
func printPoints(p *output.Printer, rows []redRow) error {
	var records [][]string
	number := func(v *float64) string {
		if v == nil {
			return ""
		}
		return strconv.FormatFloat(*v, 'g', -1, 64)
	}
	for i := range rows {
		r := &rows[i]
		for _, point := range r.Points {
			records = append(records, []string{
				point.Time.Format(time.RFC3339), r.Service, r.Caller, r.Instance, r.Method,
				number(point.Rate), number(point.ErrorRatio), number(point.P50), number(point.P95), number(point.P99),
			})
		}
	}
	return p.CSV([]string{"time", "service", "caller", "instance", "method", "rate", "error_ratio", "p50_ms", "p95_ms", "p99_ms"}, records)
}
