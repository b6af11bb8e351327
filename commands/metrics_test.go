package commands

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/config"
)

// oneService is a catalog of user-1 only.
type oneService struct{}

func (oneService) Services(context.Context) (fleet.ServiceList, error) {
	return fleet.ServiceList{Services: []fleet.Service{{Name: "user"}}}, nil
}

func (oneService) Instances(_ context.Context, service string) (fleet.InstanceList, error) {
	return fleet.InstanceList{Service: service, Instances: []fleet.Instance{{ID: "user-1", Service: "user", Addr: "10.0.0.1:1"}}}, nil
}

func (oneService) Watch(ctx context.Context, _ string, _ func(fleet.Update)) error { return ctx.Err() }

// told answers with one row and keeps the questions.
type told struct {
	list  fleet.REDList
	asked []fleet.REDQuery
}

func (r *told) RED(_ context.Context, q fleet.REDQuery) (fleet.REDList, error) {
	r.asked = append(r.asked, q)
	list := r.list
	if q.CallsOnly { // the window of the objective
		list.REDs = []fleet.RED{{Service: "user", ErrorRatio: .0005}}
	}
	return list, nil
}

func (*told) REDRange(_ context.Context, _ fleet.REDQuery, start, end time.Time, step time.Duration) ([]fleet.REDSeries, error) {
	s := fleet.REDSeries{RED: fleet.RED{Service: "user"}}
	for at := start; !at.After(end); at = at.Add(step) {
		s.RateOverTime = append(s.RateOverTime, fleet.Point{At: at, Value: float64(len(s.RateOverTime))})
		s.ErrorsOverTime = append(s.ErrorsOverTime, fleet.Point{At: at, Value: math.NaN()})
		s.P50OverTime = append(s.P50OverTime, fleet.Point{At: at, Value: .002})
		s.P95OverTime = append(s.P95OverTime, fleet.Point{At: at, Value: .2})
		s.LatencyOverTime = append(s.LatencyOverTime, fleet.Point{At: at, Value: math.Inf(1)})
	}
	return []fleet.REDSeries{s}, nil
}

func withMetrics(r *told, history bool, args ...string) result {
	f, run := testFactory(nil)
	f.Context = func() (config.Context, error) {
		return config.Context{Name: "p", SLO: map[string]config.SLO{"user": {Objective: "99.8%"}}}, nil
	}
	f.Catalog = func() (fleet.Catalog, error) { return oneService{}, nil }
	f.Metrics = func(context.Context, string) (MetricsSource, error) {
		return MetricsSource{Reader: r, History: history}, nil
	}
	return run(context.Background(), append([]string{"metrics"}, args...)...)
}

var sampleRED = fleet.RED{
	Service: "user", Side: fleet.ServerSide, Rate: 123.4, ErrorRatio: .004, Codes: map[string]float64{"OK": 122, "UNAVAILABLE": 1.4},
	P50: .0123, P95: 1.5, P99: math.Inf(1), Bound: 10, Window: 5 * time.Minute, Dialect: "kratos",
	Notes: []string{"corrected"}, Unknown: []string{"p99: above the largest bucket, 10s"},
	Provenance: fleet.Provenance{Source: "prometheus http://p", Query: "sum", At: time.Date(2026, 2, 28, 23, 59, 58, 0, time.UTC)},
}

func TestMetricsOfARow(t *testing.T) {
	r := &told{list: fleet.REDList{REDs: []fleet.RED{sampleRED}}}
	got := withMetrics(r, true, "user", "-o", "wide")
	want := "SERVICE   RATE  ERRORS     P50    P95     P99  BUDGET   BURN  TREND         WINDOW  CODES                    DIALECT  SOURCE\n" +
		"user     123/s   0.40%  12.3ms  1.50s  >10.0s   75.0%  2.00x  ▁▂▂▃▄▄▅▅▆▇▇█  5m      OK=122,UNAVAILABLE=1.40  kratos   prometheus http://p\n"
	if got.out != want || !strings.Contains(got.err, "note: corrected") || got.code != 0 {
		t.Errorf("%d\n%s\nwant\n%s\n%s", got.code, got.out, want, got.err)
	}
	if q := r.asked[len(r.asked)-1]; q.Window != 30*24*time.Hour || !q.CallsOnly || q.Identity == nil {
		t.Errorf("%+v", q)
	}
}

func TestMetricsAsJSON(t *testing.T) {
	r := &told{list: fleet.REDList{REDs: []fleet.RED{sampleRED}}}
	got := withMetrics(r, true, "user", "-o", "jsonl")
	want := `{"service":"user","method":"","instance":"","caller":"","side":"server","rate":123.4,"error_ratio":0.004,"p50_ms":12.3,"p95_ms":1500,"p99_ms":null,` +
		`"codes":{"OK":122,"UNAVAILABLE":1.4},"window":"5m","slo":{"objective":0.998,"window":"30d","budget_left":0.75,"burn_rate":2},` +
		`"dialect":"kratos","source":"prometheus http://p","query":"sum","age_ms":2000,"unknown":["p99: above the largest bucket, 10s"],"notes":["corrected"]}` + "\n"
	if rounded := strings.NewReplacer("0.7500000000000002", "0.75", "1.9999999999999982", "2").Replace(got.out); rounded != want {
		t.Errorf("%s\nwant\n%s", got.out, want)
	}
}

func TestMetricsThatNobodyKnows(t *testing.T) {
	why := errors.New("nobody \x1b[31mscrapes it")
	r := &told{list: fleet.REDList{Missing: []fleet.Missing{{Instance: fleet.Instance{Service: "user"}, What: "metrics", Err: why}}}}
	got := withMetrics(r, false, "user")
	if got.out != "SERVICE  RATE  ERRORS  P50  P95  P99\nuser        -       -    -    -    -\n" || got.code != 0 ||
		!strings.Contains(got.err, "note: user: nobody") || strings.Contains(got.err, "\x1b") {
		t.Errorf("%+v", got)
	}
	got = withMetrics(r, false, "-o", "json")
	if got.out != "[]\n" || !strings.Contains(got.err, "note: nothing is known of user (-v says why)") {
		t.Errorf("%+v", got)
	}
}

func TestWithoutAPastABudgetIsUnknown(t *testing.T) {
	r := &told{list: fleet.REDList{REDs: []fleet.RED{sampleRED}}}
	got := withMetrics(r, false, "user", "-o", "json", "--jq", ".[0].slo.budget_left, .[0].unknown[-1]")
	if got.out != "null\nbudget_left: the error ratio of the last 720h0m0s is unknown\n" {
		t.Errorf("%+v", got)
	}
}

func TestMetricsOverTime(t *testing.T) {
	got := withMetrics(&told{}, true, "user", "--since", "4s", "--step", "2s", "-o", "csv")
	want := "time,service,caller,instance,method,rate,error_ratio,p50_ms,p95_ms,p99_ms\n" +
		"2026-02-28T23:59:56Z,user,,,,0,,2,200,\n2026-02-28T23:59:58Z,user,,,,1,,2,200,\n2026-03-01T00:00:00Z,user,,,,2,,2,200,\n"
	if got.out != want {
		t.Errorf("%s", got.out)
	}
}

// past is told without one.
type pastless struct{ told }

func (*pastless) REDRange(context.Context, fleet.REDQuery, time.Time, time.Time, time.Duration) ([]fleet.REDSeries, error) {
	return nil, fleet.ErrNoHistory
}

func TestValuesOverTimeNeedAPast(t *testing.T) {
	f, run := testFactory(nil)
	f.Context = func() (config.Context, error) { return config.Context{}, nil }
	f.Catalog = func() (fleet.Catalog, error) { return oneService{}, nil }
	f.Metrics = func(context.Context, string) (MetricsSource, error) {
		return MetricsSource{Reader: &pastless{}, Why: errors.New("no prometheus is known")}, nil
	}
	if got := run(t.Context(), "metrics", "user", "--since", "1h"); got.code != 1 || got.err != "error: no prometheus is known\n" {
		t.Errorf("%+v", got)
	}
	if got := withMetrics(&told{}, true, "user", "--since", "0"); got.code != 2 || !strings.Contains(got.err, "--since 0") {
		t.Errorf("%+v", got)
	}
}

// What an instance says that could not be read is not known; it is not left out.
func TestInstancesThatCannotBeReadHaveRows(t *testing.T) {
	second := sampleRED
	second.Instance, second.Notes = "user-2", nil
	dead := fleet.Missing{Instance: fleet.Instance{ID: "user-1", Service: "user"}, What: "metrics", Err: errors.New("connection refused")}
	r := &told{list: fleet.REDList{REDs: []fleet.RED{second}, Missing: []fleet.Missing{dead}}}
	got := withMetrics(r, false, "user", "--by", "instance", "-o", "json", "--jq", `.[] | .instance, .rate, (.unknown | join(" "))`)
	if got.out != "user-1\nnull\nconnection refused\nuser-2\n123.4\np99: above the largest bucket, 10s\n" {
		t.Errorf("%+v", got)
	}
	if got := withMetrics(r, false, "user", "--by", "instance"); !strings.Contains(got.out, "user     user-1        -       -") {
		t.Errorf("%s", got.out)
	}
	if got := withMetrics(r, false, "user"); strings.Contains(got.out, "user-1") || strings.Count(got.out, "\n") != 2 {
		t.Errorf("%s", got.out)
	}
}

func TestASplitThatTheMetricsDoNotHaveIsSaid(t *testing.T) {
	r := &told{list: fleet.REDList{REDs: []fleet.RED{sampleRED}}}
	got := withMetrics(r, false, "user", "--by", "instance,method", "-o", "json", "--jq", ".[0].notes[-1]")
	if want := "these metrics are not split by instance, method"; !strings.Contains(got.out, want) || !strings.Contains(got.err, "note: "+want) {
		t.Errorf("%+v", got)
	}
}

func TestMetricsFitIntoANarrowTerminal(t *testing.T) {
	for _, width := range []int{60, 80} {
		f, run := testFactory(nil)
		f.Streams.OutTTY, f.Streams.Width = true, width
		f.Context = func() (config.Context, error) { return config.Context{}, nil }
		f.Catalog = func() (fleet.Catalog, error) { return oneService{}, nil }
		r := sampleRED
		r.Method = "user.v1.UserService/ListTheUsersOfAnOrganisation"
		f.Metrics = func(context.Context, string) (MetricsSource, error) {
			return MetricsSource{Reader: &told{list: fleet.REDList{REDs: []fleet.RED{r}}}, History: true}, nil
		}
		got := run(t.Context(), "metrics", "user", "--by", "method")
		if width == 60 && !strings.Contains(got.out, "…") || !strings.Contains(got.out, ">10.0s") {
			t.Errorf("%+v", got)
		}
		for line := range strings.Lines(got.out) {
			if n := ansi.StringWidth(strings.TrimSuffix(line, "\n")); n > width {
				t.Errorf("%d columns at %d: %s", n, width, line)
			}
		}
	}
}

func TestMethodsOnATerminalAreAsShortAsCallTakesThem(t *testing.T) {
	f, _ := testFactory(nil)
	f.Streams.OutTTY = true
	o := &metricsOptions{f: f}
	rows := []redRow{{Method: "user.v1.UserService/GetUser"}, {Method: "user.v1.UserService/Check"}, {Method: "grpc.health.v1.Health/Check"}, {Method: "a.v1.S/M"}, {Method: "a.v2.S/M"}, {Method: "other"}, {}}
	name := o.methodNames(rows)
	for i, want := range []string{"GetUser", "UserService/Check", "Health/Check", "a.v1.S/M", "a.v2.S/M", "other", ""} {
		if got := name(rows[i]); got != want {
			t.Errorf("%s: %s, want %s", rows[i].Method, got, want)
		}
	}
	f.Streams.OutTTY = false
	if got := o.methodNames(rows)(rows[0]); got != rows[0].Method {
		t.Error(got)
	}
}

func TestNumbersForPeople(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 123.4: "123", 12.34: "12.3", 1.234: "1.23", .0123: "0.01", .00123: "0.0012", -150: "-150"} {
		if got := significant(v); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
	for d, want := range map[time.Duration]string{
		5 * time.Minute: "5m", time.Hour: "1h", 90 * time.Second: "1m30s", 1510 * time.Millisecond: "1.51s", 720 * time.Hour: "30d", 0: "",
	} {
		if got := span(d); got != want {
			t.Errorf("%s: %s", d, got)
		}
	}
}
