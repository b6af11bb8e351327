package incident

import (
	"maps"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/ops/why"
)

// snapshotDoc is the fleet at one moment, in the words of the commands.
type snapshotDoc struct {
	At           time.Time       `json:"at"`
	Services     []serviceDoc    `json:"services"`
	Instances    []instanceDoc   `json:"instances"`
	Health       []healthDoc     `json:"health"`
	Breakers     []breakerDoc    `json:"breakers"`
	Metrics      []metricsDoc    `json:"metrics"`
	Dependencies []dependencyDoc `json:"dependencies"`
	Sources      []sourceDoc     `json:"sources"`
}

type serviceDoc struct {
	Name        string   `json:"name"`
	Instances   int      `json:"instances"`
	Passing     int      `json:"passing"`
	Warning     int      `json:"warning"`
	Critical    int      `json:"critical"`
	Maintenance int      `json:"maintenance"`
	Tags        []string `json:"tags"`
	BudgetLeft  why.Num  `json:"budget_left"` // share of the error budget
	BurnRate    why.Num  `json:"burn_rate"`
}

type instanceDoc struct {
	Service string            `json:"service"`
	ID      string            `json:"id"`
	Address string            `json:"address"`
	Catalog fleet.Status      `json:"catalog"`
	Version string            `json:"version"`
	Zone    string            `json:"zone"`
	Tags    []string          `json:"tags"`
	Meta    map[string]string `json:"meta"`
	Source  string            `json:"source"`
	Query   string            `json:"query"`
}

type healthDoc struct {
	Service   string            `json:"service"`
	ID        string            `json:"id"`
	Address   string            `json:"address"`
	Name      string            `json:"name"` // empty: of the server as a whole
	GRPC      fleet.HealthState `json:"grpc"`
	LatencyMS why.Num           `json:"latency_ms"`
	Error     string            `json:"error"`
}

type breakerDoc struct {
	Service   string             `json:"service"` // of the caller
	Caller    string             `json:"caller"`
	Name      string             `json:"name"`
	Target    string             `json:"target"`
	State     fleet.BreakerState `json:"state"`
	Override  fleet.Override     `json:"override"`
	Flapping  bool               `json:"flapping"`
	Since     *time.Time         `json:"since"`
	Trips     int64              `json:"trips"`
	LastError string             `json:"last_error"`
	Source    string             `json:"source"`
	Query     string             `json:"query"`
}

type metricsDoc struct {
	Service    string             `json:"service"`
	Method     string             `json:"method"`
	Instance   string             `json:"instance"`
	Caller     string             `json:"caller"`
	Side       fleet.Side         `json:"side"`
	Rate       why.Num            `json:"rate"`
	ErrorRatio why.Num            `json:"error_ratio"`
	Codes      map[string]why.Num `json:"codes"`
	P50        why.Num            `json:"p50_ms"`
	P95        why.Num            `json:"p95_ms"`
	P99        why.Num            `json:"p99_ms"`
	Window     string             `json:"window"`
	Source     string             `json:"source"`
	Query      string             `json:"query"`
}

type dependencyDoc struct {
	Caller     string  `json:"caller"`
	Callee     string  `json:"callee"`
	Method     string  `json:"method"`
	Rate       why.Num `json:"rate"`
	ErrorRatio why.Num `json:"error_ratio"`
	P99        why.Num `json:"p99_ms"`
	Source     string  `json:"source"`
	Query      string  `json:"query"`
}

type sourceDoc struct {
	Name   string             `json:"name"`
	Status fleet.SourceStatus `json:"status"`
	Since  *time.Time         `json:"since"`
	Error  string             `json:"error"`
}

func newSnapshot(snap *fleet.Snapshot) *snapshotDoc {
	if snap == nil {
		return nil
	}
	d := &snapshotDoc{
		At: snap.At().UTC(), Services: []serviceDoc{}, Instances: []instanceDoc{}, Health: []healthDoc{},
		Breakers: []breakerDoc{}, Metrics: []metricsDoc{}, Dependencies: []dependencyDoc{},
		Sources: each(snap.Sources(), func(s *fleet.SourceState) sourceDoc {
			return sourceDoc{s.Name, s.Status, known(s.Since), errorText(s.Err)}
		}),
	}
	for _, s := range snap.Services() {
		d.add(s)
	}
	return d
}

func (d *snapshotDoc) add(s *fleet.ServiceFacts) {
	row := serviceDoc{
		Name: s.Name, Instances: s.Counts.Instances, Passing: s.Passing, Warning: s.Warning, Critical: s.Critical,
		Maintenance: s.Maintenance, Tags: append([]string{}, s.Tags...), BudgetLeft: unknown(), BurnRate: unknown(),
	}
	if s.SLO != nil {
		row.BudgetLeft, row.BurnRate = why.Num(s.SLO.BudgetLeft), why.Num(s.SLO.BurnRate)
	}
	d.Services = append(d.Services, row)
	for _, in := range s.Instances {
		d.Instances = append(d.Instances, newInstance(in))
	}
	for _, h := range s.Health {
		d.Health = append(d.Health, newHealth(h))
	}
	for _, b := range s.Breakers {
		d.Breakers = append(d.Breakers, newBreaker(b))
	}
	for _, r := range s.REDs {
		d.Metrics = append(d.Metrics, newMetrics(r))
	}
	for _, p := range s.Dependencies {
		d.Dependencies = append(d.Dependencies, dependencyDoc{
			Caller: p.Caller, Callee: p.Callee, Method: p.Method, Rate: why.Num(p.RED.Rate), ErrorRatio: why.Num(p.RED.ErrorRatio),
			P99: ms(p.RED.P99), Source: p.Provenance.Source, Query: p.Provenance.Query,
		})
	}
}

func newInstance(in *fleet.InstanceFact) instanceDoc {
	meta := map[string]string{}
	maps.Copy(meta, in.Meta)
	return instanceDoc{
		Service: in.Service, ID: in.ID, Address: in.Addr, Catalog: in.Catalog, Version: in.Version, Zone: in.Zone,
		Tags: append([]string{}, in.Tags...), Meta: meta, Source: in.Provenance.Source, Query: in.Provenance.Query,
	}
}

func newHealth(h *fleet.Health) healthDoc {
	row := healthDoc{
		Service: h.Instance.Service, ID: h.Instance.ID, Address: h.Instance.Addr, Name: h.Name, GRPC: h.State,
		LatencyMS: unknown(), Error: errorText(h.Err),
	}
	if h.Latency > 0 {
		row.LatencyMS = why.Num(float64(h.Latency.Microseconds()) / 1000)
	}
	return row
}

func newBreaker(b *fleet.Breaker) breakerDoc {
	return breakerDoc{
		Service: b.Caller.Service, Caller: b.Caller.ID, Name: b.Name, Target: b.Target, State: b.State, Override: b.Override,
		Flapping: b.Flapping, Since: known(b.Since), Trips: b.Trips, LastError: b.LastError,
		Source: b.Provenance.Source, Query: b.Provenance.Query,
	}
}

func newMetrics(r *fleet.RED) metricsDoc {
	codes := map[string]why.Num{}
	for code, rate := range r.Codes {
		codes[code] = why.Num(rate)
	}
	return metricsDoc{
		Service: r.Service, Method: r.Method, Instance: r.Instance, Caller: r.Caller, Side: r.Side,
		Rate: why.Num(r.Rate), ErrorRatio: why.Num(r.ErrorRatio), Codes: codes, P50: ms(r.P50), P95: ms(r.P95), P99: ms(r.P99),
		Window: r.Window.String(), Source: r.Provenance.Source, Query: r.Provenance.Query,
	}
}
