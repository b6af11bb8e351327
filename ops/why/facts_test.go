package why_test

import (
	"fmt"
	"math"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/ops/why"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const (
	getUser  = "user.v1.UserService/GetUser"
	listUser = "user.v1.UserService/ListUsers"
)

// factsOf is a world in which nothing is wrong: an edge calls four instances of
// user, of which everything is known.
func factsOf(change ...func(*why.Facts)) *why.Facts {
	user := &why.ServiceFact{Name: "user", Relation: why.Asked, Listed: true}
	for i := range 4 {
		id := fmt.Sprintf("user-%d", i+1)
		user.Instances = append(user.Instances, why.InstanceFact{
			ID: id, Addr: "10.0.0.1:9090", Version: "v1", Catalog: fleet.Passing, Health: fleet.Serving, HealthTook: 0.001, HealthTries: 1,
			Started: noon.Add(-48 * time.Hour), Schema: "aaaaaaaa",
		})
		user.Served = append(user.Served, calls(getUser, id, 50, 0.005), calls(listUser, id, 20, 0.012))
		user.Before = append(user.Before, calls(getUser, id, 50, 0.005), calls(listUser, id, 20, 0.012))
		user.Over = append(user.Over, over(id, 0.03, 0))
		user.Sent = append(user.Sent, why.CallFact{Caller: "edge", Instance: id, Rate: 70, Errors: 0, Window: 120, Codes: map[string]why.Num{"OK": 70}, P50: 0.006, P95: 0.02, P99: 0.03})
	}
	user.Over = append(user.Over, over("", 0.03, 0))
	edge := &why.ServiceFact{Name: "edge", Relation: why.Caller, Listed: true, Instances: []why.InstanceFact{{ID: "edge-1", Addr: "10.0.0.9:9090", Version: "v1"}}}
	edge.Breakers = []why.BreakerFact{{Caller: "edge-1", Name: "user/read", Target: "user", State: fleet.BreakerClosed, Override: fleet.NotForced}}
	f := &why.Facts{
		Service: "user", At: noon, Services: []*why.ServiceFact{user, edge}, Calls: []why.EdgeFact{{Caller: "edge", Callee: "user"}},
		Sources: []why.SourceFact{{Name: "metrics", State: why.Answered}, {Name: "health", State: why.Answered}, {Name: "catalog", State: why.Answered}},
	}
	for i := range 12 {
		f.Traces = append(f.Traces, traceOf(i, why.Earlier, 0.002, 0.003), traceOf(i+100, why.Recent, 0.002, 0.003))
	}
	for _, c := range change {
		c(f)
	}
	return f
}

func calls(method, instance string, rate, median float64) why.CallFact {
	return why.CallFact{
		Method: method, Instance: instance, Rate: why.Num(rate), Errors: 0, Codes: map[string]why.Num{"OK": why.Num(rate)},
		P50: why.Num(median), P95: why.Num(3 * median), P99: why.Num(5 * median), Window: 120, Source: "prometheus", Query: "rate(...)",
	}
}

// fail makes a share of the calls fail.
func fail(c *why.CallFact, share float64, code string) {
	c.Errors = why.Num(share)
	c.Codes = map[string]why.Num{"OK": why.Num(float64(c.Rate) * (1 - share)), code: why.Num(float64(c.Rate) * share)}
}

// over is a series of two hours that is p99 and errors in its last half hour, and
// usual before.
func over(instance string, p99, errors float64) why.RangeFact {
	r := why.RangeFact{Instance: instance, Start: noon.Add(-2 * time.Hour), Step: 60}
	for i := range 121 {
		jitter := 1 + 0.05*math.Sin(float64(i))
		r.Rate = append(r.Rate, why.Num(70*jitter))
		if i < 91 {
			r.P99, r.Errors = append(r.P99, why.Num(0.03*jitter)), append(r.Errors, 0)
		} else {
			r.P99, r.Errors = append(r.P99, why.Num(p99*jitter)), append(r.Errors, why.Num(errors))
		}
	}
	return r
}

func traceOf(n int, sample why.Sample, own, db float64) why.TraceFact {
	instance := fmt.Sprintf("user-%d", n%4+1)
	took := why.Num(own + db)
	return why.TraceFact{
		ID: fmt.Sprintf("%032d", n), Root: "edge GetUser", Start: noon.Add(-time.Duration(n) * time.Second), Took: took, Sample: sample, Source: "jaeger",
		Spans: []why.SpanFact{
			{Service: "edge", Instance: "edge-1", Name: "GetUser", Kind: fleet.SpanServer, Took: took, Self: 0.0001},
			{Service: "user", Instance: instance, Name: "GetUser", Kind: fleet.SpanServer, Took: took, Self: why.Num(own), Depth: 1},
			{Service: "user", Instance: instance, Name: "query", Kind: fleet.SpanClient, Peer: "postgresql", Took: why.Num(db), Self: why.Num(db), Depth: 2},
		},
	}
}

// user is the service that the facts are about.
func user(f *why.Facts) *why.ServiceFact { return f.Services[0] }

// each changes all calls that an instance serves; all instances where id is "".
func each(s *why.ServiceFact, id string, change func(*why.CallFact)) {
	for i := range s.Served {
		if id == "" || s.Served[i].Instance == id {
			change(&s.Served[i])
		}
	}
}

// series replaces the series of an instance.
func series(s *why.ServiceFact, r why.RangeFact) {
	for i := range s.Over {
		if s.Over[i].Instance == r.Instance {
			s.Over[i] = r
		}
	}
}
