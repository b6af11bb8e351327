package tui

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"time"

	"google.golang.org/protobuf/reflect/protoregistry"

	controlv1 "github.com/gctl-dev/gctl/api/gctl/control/v1"
	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/ops/why"
	"github.com/gctl-dev/gctl/reflection"
	"github.com/gctl-dev/gctl/rpc"
	"github.com/gctl-dev/gctl/tui/screen"
)

// chaos makes anything of bytes: what they say first, and then what a generator
// says that they seed, so that a few bytes are enough for a whole fleet.
type chaos struct {
	data []byte
	rng  *rand.Rand
}

func newChaos(data []byte) *chaos {
	h := fnv.New64a()
	_, _ = h.Write(data)
	return &chaos{data, rand.New(rand.NewPCG(h.Sum64(), 1))}
}

// n is a number below most.
func (c *chaos) n(most int) int {
	if len(c.data) == 0 {
		return c.rng.IntN(most)
	}
	b := int(c.data[0])
	c.data = c.data[1:]
	return b % most
}

// nasty are texts that would break a screen that believed them.
var nasty = []string{ //nolint:gochecknoglobals // it never changes
	"", " ", "\x1b]0;title\a", "\x1b[2J\x1b[1;1H", "\x1b[6;6Hx\x1b[31m", "\x9b31m", "\u009b2J", "a\nb\tc\rd\ve\ff", "\x00\x7f\x08",
	"\x1bP1$r\x1b\\", "\x1b]52;c;aGk=\a", "\u202eevil\u2066", "\u200f\u061c", "e\u0301\u0301\u0301", "Z\u0351\u036b\u0343algo", "\u0301", "한국어 서비스", "\u1112\u1161\u11ab",
	"👨‍👩‍👧‍👦", "❤\ufe0f", "1\ufe0f\u20e3", "🇩🇪🇩", "\ufeff\u00ad\u200b\u2060", "नमस्ते", "กำลัง", "ﷺ", "\xff\xfe\xc3", "\xed\xa0\x80", "漢", "a漢字bc漢",
	"%s%d%!", "../../etc", "'; rm -rf /", "a/b/c", "=1+1", "/", ":", "-", "--flag", "NaN", "user.v1.UserService/", "/GetUser", "a b c",
}

// text is a name, the same now and then.
func (c *chaos) text() string {
	switch c.n(8) {
	case 0:
		return "user"
	case 1:
		return []string{"edge", "user-1", "a", "user.v1.UserService/GetUser", "10.0.0.1:9090", "v1.2.3"}[c.n(6)]
	case 2:
		return strings.Repeat(nasty[c.n(len(nasty))], 1+c.n(40))
	case 3:
		return nasty[c.n(len(nasty))] + nasty[c.n(len(nasty))]
	case 4:
		b := make([]byte, c.n(30))
		for i := range b {
			b[i] = byte(c.n(256))
		}
		return string(b)
	default:
		return nasty[c.n(len(nasty))]
	}
}

// known are values that the screens tell apart.
var known = map[string][]string{ //nolint:gochecknoglobals // it never changes
	"HealthState":  {string(fleet.Serving), string(fleet.NotServing), string(fleet.Unreachable), string(fleet.TimedOut)},
	"BreakerState": {string(fleet.BreakerClosed), string(fleet.BreakerOpen), string(fleet.BreakerHalfOpen), string(fleet.BreakerThrottling), string(fleet.BreakerUnknown)},
	"Override":     {string(fleet.NotForced), string(fleet.ForcedOpen), string(fleet.ForcedClosed)},
	"Status":       {string(fleet.Passing), string(fleet.Critical), string(fleet.Maintenance)},
	"Side":         {string(fleet.ServerSide), string(fleet.ClientSide)},
	"EventKind":    {string(fleet.HealthChanged), string(fleet.BreakerChanged), string(fleet.VersionChanged), string(fleet.InstanceCame)},
	"SourceStatus": {string(fleet.SourceFresh), string(fleet.SourceStale), string(fleet.SourceFailing)},
	"SpanKind":     {string(fleet.SpanServer), string(fleet.SpanClient)},
}

func (c *chaos) number() float64 {
	list := []float64{0, math.NaN(), math.Inf(1), math.Inf(-1), -1, -0.5, 1e300, -1e300, 5e-324, math.MaxFloat64, 1, .5, .01, 1234.5, 1e9, math.Copysign(0, -1)}
	return list[c.n(len(list))]
}

func (c *chaos) time() time.Time {
	switch c.n(10) {
	case 0:
		return time.Time{}
	case 1:
		return clock.Add(time.Hour * 24 * 365 * 200)
	case 2:
		return time.Date(9999, 12, 31, 23, 59, 59, 999, time.UTC)
	case 3:
		return time.Date(-5000, 1, 1, 0, 0, 0, 0, time.UTC)
	case 4:
		return time.Unix(0, 0).In(time.FixedZone(c.text(), 14*3600))
	case 5:
		return time.Unix(math.MaxInt64/2, 0)
	case 6:
		return clock
	default:
		return clock.Add(time.Duration(c.n(7200)-3600) * time.Second)
	}
}

func (c *chaos) duration() time.Duration {
	return []time.Duration{0, 1, -1, time.Millisecond, time.Second, time.Hour, math.MaxInt64, math.MinInt64, -time.Minute}[c.n(9)]
}

// fill fills what v points to.
func (c *chaos) fill(v any) { c.value(reflect.ValueOf(v).Elem(), 0) }

func (c *chaos) value(v reflect.Value, depth int) {
	switch v.Addr().Interface().(type) {
	case *time.Time:
		v.Set(reflect.ValueOf(c.time()))
		return
	case *time.Duration:
		v.SetInt(int64(c.duration()))
		return
	case *error:
		if c.n(2) == 0 {
			v.Set(reflect.ValueOf(errors.New(c.text())))
		}
		return
	}
	switch v.Kind() { //nolint:exhaustive // the rest stays zero
	case reflect.String:
		if list := known[v.Type().Name()]; len(list) > 0 && (c.n(4) > 0 || v.Type().Name() == "SourceStatus") {
			v.SetString(list[c.n(len(list))])
			return
		}
		v.SetString(c.text())
	case reflect.Bool:
		v.SetBool(c.n(2) == 0)
	case reflect.Float64:
		v.SetFloat(c.number())
	case reflect.Int, reflect.Int64, reflect.Int32:
		v.SetInt([]int64{0, 1, -1, 7, math.MaxInt32, math.MinInt32}[c.n(6)])
	case reflect.Pointer:
		if c.n(3) > 0 && depth < 5 {
			v.Set(reflect.New(v.Type().Elem()))
			c.value(v.Elem(), depth+1)
		}
	case reflect.Slice:
		if depth < 5 {
			v.Set(reflect.MakeSlice(v.Type(), c.n(4), 4))
			for i := range v.Len() {
				c.value(v.Index(i), depth+1)
			}
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range c.n(3) {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			c.value(key, depth+1)
			c.value(value, depth+1)
			v.SetMapIndex(key, value)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				c.value(v.Field(i), depth+1)
			}
		}
	}
}

// some is a few of anything.
func some[T any](c *chaos, most int) []T {
	list := make([]T, c.n(most+1))
	for i := range list {
		c.fill(&list[i])
	}
	return list
}

// fleet is any fleet: nothing, one or many services, whose facts join or do not.
func (c *chaos) fleet() *fleet.Delta {
	if c.n(12) == 0 {
		return nil
	}
	d := &fleet.Delta{At: clock, Whole: true}
	if c.n(12) == 0 {
		d = crowd(1500)
	}
	names := make([]string, 1+c.n(9))
	for i := range names {
		names[i] = c.text()
	}
	name := func() string { return names[c.n(len(names))] }
	for range c.n(20) {
		in := fleet.InstanceFact{}
		c.fill(&in)
		in.Service = name()
		if c.n(3) == 0 {
			in.ID = "user-1" // of several services
		}
		d.Instances = append(d.Instances, in)
		h := fleet.Health{}
		c.fill(&h)
		h.Instance = in.Instance
		d.Health = append(d.Health, h)
	}
	d.Breakers, d.REDs, d.Dependencies = some[fleet.Breaker](c, 12), some[fleet.RED](c, 20), some[fleet.Dependency](c, 12)
	for i := range d.Breakers {
		d.Breakers[i].Caller.Service, d.Breakers[i].Target = name(), name()
	}
	for i := range d.REDs {
		d.REDs[i].Service = name()
		if c.n(2) == 0 {
			d.REDs[i].Method, d.REDs[i].Instance, d.REDs[i].Caller, d.REDs[i].Side = "", "", "", fleet.ServerSide
		}
	}
	for i := range d.Dependencies {
		d.Dependencies[i].Caller, d.Dependencies[i].Callee = name(), name() // in a circle, too
	}
	d.SLOs, d.Events = some[fleet.SLO](c, 4), some[fleet.Event](c, 20)
	for i := range d.Events {
		d.Events[i].Service = name()
	}
	for _, feed := range []string{fleet.CatalogFeed, fleet.HealthFeed, fleet.BreakerFeed, fleet.MetricsFeed, c.text()} {
		s := fleet.SourceState{}
		c.fill(&s)
		s.Name = feed
		if feed == fleet.CatalogFeed && c.n(3) > 0 {
			s.Status = fleet.SourceFresh
		}
		d.Sources = append(d.Sources, s)
	}
	return d
}

// env answers anything. It is asked by commands, one beside the other, so each
// answer has chaos of its own.
func (c *chaos) env() screen.Env {
	if c.n(6) == 0 {
		return screen.Env{} // as in a replay
	}
	seed := []byte{byte(c.n(256)), byte(c.n(256))}
	own := func(more ...string) *chaos { return newChaos(append([]byte(strings.Join(more, "|")), seed...)) }
	fails := func(c *chaos) error {
		if c.n(5) == 0 {
			return &fleet.Error{What: c.text(), Err: errors.New(c.text()), Hint: c.text()}
		}
		return nil
	}
	return screen.Env{
		Metrics: func(context.Context) (fleet.MetricsReader, error) { return liar{own}, fails(own("metrics")) },
		Traces:  func(context.Context) (fleet.TraceReader, error) { return liar{own}, fails(own("traces")) },
		Methods: func(_ context.Context, service string) ([]reflection.MethodName, error) {
			c := own("methods", service)
			return some[reflection.MethodName](c, 12), fails(c)
		},
		Method: func(_ context.Context, name, service string) (*screen.Method, error) {
			c := own("method", name, service)
			methods := controlv1.File_api_gctl_control_v1_control_proto.Services().Get(0).Methods()
			return &screen.Method{
				Service: service, Desc: methods.Get(c.n(methods.Len())), Types: protoregistry.GlobalTypes, Lacks: some[string](c, 2), Instances: some[fleet.Instance](c, 3),
				Call: func(context.Context, string, *rpc.Invocation) (*rpc.Result, error) {
					return nil, errors.New(c.text())
				},
				Grpcurl: nil,
			}, fails(c)
		},
		Command: func(_ context.Context, args ...string) (string, int) {
			c := own(args...)
			return strings.Join(some[string](c, 9), "\n"), c.n(3)
		},
		Events: func(_ context.Context, service string, _, _ time.Time) (fleet.EventList, error) {
			c := own("events", service)
			var list fleet.EventList
			c.fill(&list)
			return list, fails(c)
		},
		Why: func(_ context.Context, service string, _ time.Time) (*why.Report, error) {
			c := own("why", service)
			r := &why.Report{}
			c.fill(r)
			return r, fails(c)
		},
	}
}

// liar reads metrics and traces that are nonsense.
type liar struct{ own func(...string) *chaos }

func (l liar) RED(context.Context, fleet.REDQuery) (fleet.REDList, error) {
	var list fleet.REDList
	l.own("red").fill(&list)
	return list, nil
}

func (l liar) REDRange(_ context.Context, q fleet.REDQuery, _, _ time.Time, _ time.Duration) ([]fleet.REDSeries, error) {
	return some[fleet.REDSeries](l.own("range", fmt.Sprint(len(q.Instances))), 6), nil
}

func (l liar) TraceServices(context.Context) ([]string, error) {
	return some[string](l.own("services"), 20), nil
}

func (l liar) TraceOperations(_ context.Context, service string) ([]string, error) {
	return some[string](l.own("operations", service), 20), nil
}

func (l liar) SearchTraces(_ context.Context, q fleet.TraceQuery) (fleet.TraceList, error) {
	c := l.own("search", q.Service, q.Operation)
	return fleet.TraceList{Traces: some[fleet.TraceSummary](c, 30), More: c.n(2) == 0}, nil
}

func (l liar) Trace(_ context.Context, id string) (fleet.Trace, error) {
	c := l.own("trace", id)
	tr := fleet.Trace{ID: id, Spans: some[fleet.Span](c, 40)}
	for i := range tr.Spans { // some hang together, in a circle too
		tr.Spans[i].ID, tr.Spans[i].Parent = fmt.Sprint(c.n(30)), fmt.Sprint(c.n(30))
	}
	return tr, nil
}
