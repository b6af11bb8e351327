package fleettest

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

//go:embed testdata/*.prom
var expositions embed.FS

// Exposition returns one of the recorded expositions of testdata.
func Exposition(name string) string {
	text, err := expositions.ReadFile("testdata/" + name + ".prom")
	if err != nil {
		panic(err)
	}
	return string(text)
}

// Page is the /metrics of one instance: its counters grow each second by what is
// written in its text.
type Page struct {
	Instance fleet.Instance
	Text     string

	mu    sync.Mutex
	began time.Time
	fail  int
}

// Restart makes the process begin anew: its counters are 0.
func (p *Page) Restart() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.began = time.Now()
}

// Fail makes the page answer with a status; 0 mends it.
func (p *Page) Fail(status int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fail = status
}

// ServeHTTP writes the exposition.
func (p *Page) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	if p.began.IsZero() {
		p.began = time.Now().Add(-time.Minute)
	}
	age, fail := time.Since(p.began).Seconds(), p.fail
	p.mu.Unlock()
	if fail != 0 {
		w.WriteHeader(fail)
		return
	}
	w.Header().Set("Content-Type", "text/plain; version=1.0.0; escaping=allow-utf-8")
	for line := range strings.Lines(p.Text) {
		at := strings.LastIndexByte(strings.TrimSpace(line), ' ')
		var value float64
		if _, err := fmt.Sscan(line[max(at, 0):], &value); err != nil || strings.HasPrefix(line, "#") {
			fmt.Fprint(w, line)
			continue
		}
		fmt.Fprintf(w, "%s %g\n", line[:at], value*age)
	}
}

// MetricsWorld is a reader under test, and whom it can read.
type MetricsWorld struct {
	Reader  fleet.MetricsReader
	Window  time.Duration // that the reader is asked for
	History bool          // it has a past
}

// MetricsReader runs the suite. open serves the pages, under the addresses that it
// writes into the instances' meta, and returns a reader of them.
func MetricsReader(t *testing.T, open func(t *testing.T, pages []*Page) MetricsWorld) {
	s := &metricsSuite{}
	for _, c := range dialects {
		s.page(c.file, Exposition(c.file))
	}
	s.page("both", Exposition("grpc-go")+Exposition("go-grpc-middleware"))
	s.page("mixed", Exposition("grpc-go"))
	s.page("mixed", Exposition("go-grpc-middleware")).Instance.ID = "mixed-2"
	s.page("silent", "# TYPE go_goroutines gauge\ngo_goroutines 8\n")
	s.page("hostile", hostile)
	s.page("restarted", Exposition("go-grpc-middleware"))
	s.page("away", Exposition("grpc-go")).Fail(http.StatusInternalServerError)
	s.page("user", "").Instance.Meta[fleet.MetaGRPCServices] = "user.v1.UserService"
	s.world = open(t, s.pages)

	for _, c := range dialects {
		t.Run("dialect "+c.file, func(t *testing.T) { s.dialect(t, c) })
	}
	t.Run("what is counted in two dialects is counted once", s.once)
	t.Run("instances that speak different dialects add up", s.mixed)
	t.Run("callers and whom they call", s.callers)
	t.Run("by instance", s.byInstance)
	t.Run("what says nothing is missing, not 0", s.silence)
	t.Run("values that are none are left out, labels are taken as they are", s.hostile)
	t.Run("a restart takes nothing away", s.restart)
	t.Run("one that is away costs itself only", s.away)
	t.Run("the past", s.past)
	t.Run("an ended context ends everything", s.cancel)
}

const hostile = "grpc_server_handled_total{grpc_service=\"evil\\n\u001b[31m\",grpc_method=\"M\u202e\",grpc_code=\"OK\"} 5\n" +
	"grpc_server_handled_total{grpc_service=\"a\",grpc_method=\"Nan\",grpc_code=\"OK\"} NaN\n" +
	"grpc_server_handled_total{grpc_service=\"a\",grpc_method=\"Inf\",grpc_code=\"OK\"} +Inf\n" +
	"grpc_server_handled_total{grpc_service=\"a\",grpc_method=\"Odd\",grpc_code=\"Nobody\"} 1\n"

// dialects are the recordings; all have the same ten calls.
var dialects = []struct {
	file, name, note string
	methods, client  bool
}{
	{"grpc-go", "grpc-go OpenTelemetry", "", true, true},
	{"grpc-go-utf8", "grpc-go OpenTelemetry", "", true, true},
	{"go-grpc-middleware", "go-grpc-middleware", "", true, true},
	{"otel-rpc", "OpenTelemetry RPC", "", true, true},
	{"otel-rpc-0.65.0", "OpenTelemetry RPC", "otelgrpc 0.65.0", true, true},
	{"otel-rpc-old", "OpenTelemetry RPC, old", "", true, true},
	{"go-zero", "go-zero", "", true, true},
	{"kratos", "kratos", "", true, true},
	{"istio", "Istio", "", false, false},
	{"linkerd", "Linkerd", "", false, false},
}

type metricsSuite struct {
	world MetricsWorld
	pages []*Page
}

func (s *metricsSuite) page(service, text string) *Page {
	p := &Page{Text: text, Instance: fleet.Instance{
		ID: service + "-1", Service: service, Addr: fmt.Sprintf("10.0.0.%d:9090", len(s.pages)+1), Meta: map[string]string{}, Catalog: fleet.Passing,
	}}
	s.pages = append(s.pages, p)
	return p
}

func (s *metricsSuite) query(service string, by ...fleet.Dimension) fleet.REDQuery {
	q := fleet.REDQuery{Service: service, By: by, Side: fleet.ServerSide, Window: s.world.Window}
	for _, p := range s.pages {
		q.Instances = append(q.Instances, p.Instance)
	}
	q.Identity = fleet.NewIdentity(fleet.IdentityOptions{Instances: q.Instances})
	return q
}

// ask asks until the answer is what is wanted: some sources need a while.
func (s *metricsSuite) ask(t *testing.T, q fleet.REDQuery, good func(fleet.REDList) error) fleet.REDList {
	t.Helper()
	deadline := time.Now().Add(2 * patience)
	for {
		list, err := s.world.Reader.RED(t.Context(), q)
		if err == nil {
			if err = good(list); err == nil {
				return list
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("%v\n%s", err, tell(list))
		}
		pause(t.Context())
	}
}

func tell(list fleet.REDList) string {
	var b strings.Builder
	for _, r := range list.REDs {
		fmt.Fprintf(&b, "%+v\n", r)
	}
	for _, m := range list.Missing {
		fmt.Fprintf(&b, "missing %s %s %s: %v\n", m.What, m.Instance.Service, m.Instance.ID, m.Err)
	}
	return b.String()
}

// near allows for scrapes that come a little early or late.
func near(got, want float64) bool { return math.Abs(got-want) <= 0.15*math.Abs(want)+1e-9 }

func between(v, low, high float64) bool { return v >= low && v <= high }

// tenCalls tells how a row differs from the ten calls.
func tenCalls(r *fleet.RED) error {
	switch {
	case !near(r.Rate, 10), !near(r.Codes["OK"], 6), !near(r.Codes["NOT_FOUND"], 2) || math.IsNaN(r.ErrorRatio):
		return fmt.Errorf("rate %v, codes %v", r.Rate, r.Codes)
	case math.Abs(r.ErrorRatio-0.2) > 0.02:
		return fmt.Errorf("error ratio %v", r.ErrorRatio)
	case r.Provenance.Source == "" || r.Provenance.Query == "" || time.Since(r.Provenance.At).Abs() > time.Minute:
		return fmt.Errorf("provenance %+v", r.Provenance)
	}
	return nil
}

func one(list fleet.REDList) (*fleet.RED, error) {
	if len(list.REDs) != 1 {
		return nil, fmt.Errorf("%d rows", len(list.REDs))
	}
	return &list.REDs[0], nil
}

func (s *metricsSuite) dialect(t *testing.T, c struct {
	file, name, note string
	methods, client  bool
},
) {
	list := s.ask(t, s.query(c.file), func(l fleet.REDList) error {
		r, err := one(l)
		if err != nil {
			return err
		}
		return tenCalls(r)
	})
	r := &list.REDs[0]
	if r.Dialect != c.name || !strings.Contains(strings.Join(r.Notes, ";"), c.note) || r.Service != c.file {
		t.Errorf("%s", tell(list))
	}
	if !between(r.P50, 0.010, 0.030) || !between(r.P99, 0.1, 0.5) || r.P95 > r.P99 {
		t.Errorf("p50 %v, p95 %v, p99 %v", r.P50, r.P95, r.P99)
	}
	if !c.methods {
		return
	}
	s.ask(t, s.query(c.file, fleet.ByMethod), func(l fleet.REDList) error {
		if len(l.REDs) != 2 {
			return fmt.Errorf("%d rows", len(l.REDs))
		}
		get, list := &l.REDs[0], &l.REDs[1]
		if get.Method != "user.v1.UserService/GetUser" || list.Method != "user.v1.UserService/ListUsers" || !near(get.Rate, 8) || !near(list.Rate, 2) ||
			get.ErrorRatio != 0 || list.ErrorRatio != 1 {
			return errors.New("not the two methods")
		}
		return nil
	})
}

func (s *metricsSuite) once(t *testing.T) {
	s.ask(t, s.query("both"), func(l fleet.REDList) error {
		r, err := one(l)
		if err != nil {
			return err
		}
		return tenCalls(r)
	})
}

func (s *metricsSuite) mixed(t *testing.T) {
	list := s.ask(t, s.query("mixed"), func(l fleet.REDList) error {
		r, err := one(l)
		if err == nil && (!near(r.Rate, 20) || math.Abs(r.ErrorRatio-.2) > .02) {
			err = fmt.Errorf("rate %v, error ratio %v", r.Rate, r.ErrorRatio)
		}
		return err
	})
	if r := &list.REDs[0]; r.Dialect != "go-grpc-middleware + grpc-go OpenTelemetry" || !between(r.P50, .01, .03) || !between(r.P99, .1, .5) {
		t.Errorf("%s", tell(list))
	}
}

func (s *metricsSuite) callers(t *testing.T) {
	q := s.query("user", fleet.ByCaller)
	q.Side = fleet.ClientSide
	list := s.ask(t, q, func(l fleet.REDList) error {
		for _, c := range dialects {
			if !c.client {
				continue
			}
			if err := calls(l, c.file); err != nil {
				return fmt.Errorf("%s: %w", c.file, err)
			}
		}
		return nil
	})
	edges := fleet.Dependencies(list.REDs)
	if len(edges) != len(list.REDs) || edges[0].Callee != "user" || edges[0].Caller == "" {
		t.Errorf("edges: %+v", edges)
	}
}

func calls(l fleet.REDList, caller string) error {
	for i := range l.REDs {
		if r := &l.REDs[i]; r.Caller == caller && r.Service == "user" {
			return tenCalls(r)
		}
	}
	return errors.New("no such caller")
}

func (s *metricsSuite) byInstance(t *testing.T) {
	list := s.ask(t, s.query("grpc-go", fleet.ByInstance), func(l fleet.REDList) error {
		_, err := one(l)
		return err
	})
	if r := list.REDs[0]; r.Instance != "grpc-go-1" {
		t.Errorf("%+v", r)
	}
}

func (s *metricsSuite) silence(t *testing.T) {
	for _, service := range []string{"silent", "user"} {
		list := s.ask(t, s.query(service), func(l fleet.REDList) error {
			if len(l.REDs) != 0 || len(l.Missing) == 0 {
				return errors.New("want no row, and why")
			}
			return nil
		})
		if m := list.Missing[0]; m.Instance.Service != service || m.Err == nil || m.What != "metrics" {
			t.Errorf("%s", tell(list))
		}
	}
}

func (s *metricsSuite) hostile(t *testing.T) {
	list := s.ask(t, s.query("hostile", fleet.ByMethod), func(l fleet.REDList) error {
		if len(l.REDs) < 3 {
			return errors.New("methods are missing")
		}
		return nil
	})
	for _, r := range list.REDs {
		switch r.Method {
		case "evil\n\x1b[31m/M\u202e":
			if !near(r.Rate, 5) {
				t.Errorf("%+v", r)
			}
		case "a/Odd":
			if r.ErrorRatio != 1 { // what nobody knows is UNKNOWN
				t.Errorf("%+v", r)
			}
		default:
			if r.Rate != 0 && !math.IsNaN(r.Rate) || len(r.Unknown) == 0 {
				t.Errorf("%+v", r)
			}
		}
		if math.IsInf(r.Rate, 0) || r.ErrorRatio < 0 || !math.IsNaN(r.P99) {
			t.Errorf("%+v", r)
		}
	}
}

func (s *metricsSuite) restart(t *testing.T) {
	page := s.pages[len(s.pages)-3]
	ended := make(chan struct{})
	restarts, stop := context.WithCancel(t.Context())
	go func() {
		defer close(ended)
		for restarts.Err() == nil { // one falls between any two scrapes that are far enough apart
			page.Restart()
			select {
			case <-restarts.Done():
			case <-time.After(700 * time.Millisecond):
			}
		}
	}()
	defer func() { stop(); <-ended }()
	s.ask(t, s.query("restarted"), func(l fleet.REDList) error {
		r, err := one(l)
		if err != nil {
			return err
		}
		if r.Rate < 0 || !between(r.Rate, 1, 12) { // what was counted before the restart is lost, never subtracted
			return fmt.Errorf("rate %v", r.Rate)
		}
		return nil
	})
}

func (s *metricsSuite) away(t *testing.T) {
	q := s.query("", fleet.ByInstance)
	list := s.ask(t, q, func(l fleet.REDList) error {
		for _, m := range l.Missing {
			if m.Instance.Service == "away" {
				return nil
			}
		}
		return errors.New("nobody misses it")
	})
	found := 0
	for i := range list.REDs {
		if list.REDs[i].Service == "away" {
			t.Errorf("%+v", list.REDs[i])
		}
		found++
	}
	if found < len(dialects) {
		t.Errorf("%d rows", found)
	}
}

func (s *metricsSuite) past(t *testing.T) {
	if !s.world.History {
		end := time.Now()
		if _, err := s.world.Reader.REDRange(t.Context(), s.query("grpc-go"), end.Add(-9*time.Second), end, time.Second); !errors.Is(err, fleet.ErrNoHistory) {
			t.Errorf("%v", err)
		}
		return
	}
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for limit := time.Now().Add(30 * time.Second); ; { // until its window is filled
		err := s.tenSeconds(t)
		if err == nil {
			return
		}
		if time.Now().After(limit) {
			t.Fatal(err)
		}
		<-tick.C
	}
}

// tenSeconds tells how the last ten seconds differ from ten calls in each.
func (s *metricsSuite) tenSeconds(t *testing.T) error {
	end := time.Now().Truncate(time.Millisecond)
	series, err := s.world.Reader.REDRange(t.Context(), s.query("grpc-go"), end.Add(-9*time.Second), end, time.Second)
	if err != nil || len(series) != 1 || len(series[0].RateOverTime) != 10 {
		return fmt.Errorf("%+v, %w", series, err)
	}
	last := series[0].RateOverTime[9]
	if !last.At.Equal(end) || !near(last.Value, 10) || math.Abs(series[0].ErrorsOverTime[9].Value-0.2) > 0.02 || !between(series[0].LatencyOverTime[9].Value, .1, .5) {
		return fmt.Errorf("%+v", series[0])
	}
	return nil
}

func (s *metricsSuite) cancel(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("interrupt"))
	if list, err := s.world.Reader.RED(ctx, s.query("grpc-go")); err == nil {
		t.Errorf("%s", tell(list))
	}
}
