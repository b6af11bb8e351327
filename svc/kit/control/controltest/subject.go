package controltest

import (
	"context"
	"fmt"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	controlv1 "github.com/gctl-dev/gctl/api/gctl/control/v1"
)

// subject is a kind of resource that can be set to two values, maybe the same
// ones, and released. All keep the same rules.
type subject struct {
	resource string
	set      func(ctx context.Context, c *client, value int, m *controlv1.Mutation) (*controlv1.Change, error)
	release  func(ctx context.Context, c *client, m *controlv1.Mutation) (*controlv1.Change, error)
	// real is what the instance does, in any words. It differs between what is
	// configured and each value.
	real func(ctx context.Context, c *client) string
	// read returns the etag as it is read without a change; nil where a resource
	// is only listed while it is changed.
	read func(ctx context.Context, c *client) (string, error)
	// passing is a resource that exists only while it is set.
	passing bool
}

// changer is a response to a change.
type changer interface{ GetChange() *controlv1.Change }

func changeOf[R changer](response R, err error) (*controlv1.Change, error) {
	return response.GetChange(), err
}

// subjects returns what the fixture lets be changed.
func subjects(f Fixture) []subject {
	var all []subject
	if f.Breakers != nil {
		all = append(all, breakerSubject(f.Breakers.Name))
	}
	if f.Limits != nil && f.Limits.Rate != "" {
		all = append(all, limitSubject(f.Limits.Rate, &controlv1.LimitSettings{Rate: 1.5, Burst: 3}, &controlv1.LimitSettings{Rate: 7, Burst: 7, Shadow: true}))
	}
	if f.Limits != nil && f.Limits.Concurrency != "" {
		all = append(all, limitSubject(f.Limits.Concurrency,
			&controlv1.LimitSettings{MinConcurrency: 3, MaxConcurrency: 5}, &controlv1.LimitSettings{MinConcurrency: 7, MaxConcurrency: 7}))
	}
	if f.Level != nil {
		all = append(all, levelSubject())
	}
	if f.Faults != nil {
		all = append(all, faultSubject(f.Faults.Method))
	}
	if f.Serving != nil {
		all = append(all, servingSubject())
	}
	return all
}

func breakerSubject(name string) subject {
	set := func(ctx context.Context, c *client, o controlv1.BreakerOverride, m *controlv1.Mutation) (*controlv1.Change, error) {
		return changeOf(c.SetBreakerOverride(ctx, &controlv1.SetBreakerOverrideRequest{Name: name, Override: o, Mutation: m}))
	}
	return subject{
		resource: "breaker/" + name,
		set: func(ctx context.Context, c *client, value int, m *controlv1.Mutation) (*controlv1.Change, error) {
			return set(ctx, c, controlv1.BreakerOverride_BREAKER_OVERRIDE_FORCED_OPEN+controlv1.BreakerOverride(value), m)
		},
		release: func(ctx context.Context, c *client, m *controlv1.Mutation) (*controlv1.Change, error) {
			return set(ctx, c, controlv1.BreakerOverride_BREAKER_OVERRIDE_NONE, m)
		},
		real: func(_ context.Context, c *client) string { return c.Breakers.Override().String() },
		read: func(ctx context.Context, c *client) (string, error) {
			response, err := c.ListBreakers(ctx, &controlv1.ListBreakersRequest{})
			for _, b := range response.GetBreakers() {
				if b.GetName() == name {
					return b.GetEtag(), err
				}
			}
			return "", err
		},
	}
}

func limitSubject(name string, settings ...*controlv1.LimitSettings) subject {
	set := func(ctx context.Context, c *client, s *controlv1.LimitSettings, m *controlv1.Mutation) (*controlv1.Change, error) {
		return changeOf(c.SetLimit(ctx, &controlv1.SetLimitRequest{Name: name, Settings: s, Mutation: m}))
	}
	return subject{
		resource: "limit/" + name,
		set: func(ctx context.Context, c *client, value int, m *controlv1.Mutation) (*controlv1.Change, error) {
			return set(ctx, c, settings[value], m)
		},
		release: func(ctx context.Context, c *client, m *controlv1.Mutation) (*controlv1.Change, error) {
			return set(ctx, c, nil, m)
		},
		real: func(_ context.Context, c *client) string {
			s := c.Limits.Settings(name)
			return fmt.Sprint(s.GetRate(), s.GetBurst(), s.GetMinConcurrency(), s.GetMaxConcurrency(), s.GetShadow())
		},
		read: func(ctx context.Context, c *client) (string, error) {
			response, err := c.ListLimits(ctx, &controlv1.ListLimitsRequest{})
			for _, l := range response.GetLimits() {
				if l.GetName() == name {
					return l.GetEtag(), err
				}
			}
			return "", err
		},
	}
}

// single reads the etag of a resource that exists once.
func single(resource string) func(context.Context, *client) (string, error) {
	return func(ctx context.Context, c *client) (string, error) {
		response, err := c.ListChanges(ctx, &controlv1.ListChangesRequest{})
		return response.GetEtags()[resource], err
	}
}

func levelSubject() subject {
	set := func(ctx context.Context, c *client, l controlv1.LogLevel, m *controlv1.Mutation) (*controlv1.Change, error) {
		return changeOf(c.SetLogLevel(ctx, &controlv1.SetLogLevelRequest{Level: l, Mutation: m}))
	}
	return subject{
		resource: "log_level",
		set: func(ctx context.Context, c *client, value int, m *controlv1.Mutation) (*controlv1.Change, error) {
			return set(ctx, c, []controlv1.LogLevel{controlv1.LogLevel_LOG_LEVEL_DEBUG, controlv1.LogLevel_LOG_LEVEL_ERROR}[value], m)
		},
		release: func(ctx context.Context, c *client, m *controlv1.Mutation) (*controlv1.Change, error) {
			return set(ctx, c, controlv1.LogLevel_LOG_LEVEL_UNSPECIFIED, m)
		},
		real: func(_ context.Context, c *client) string { return c.Level().String() },
		read: single("log_level"),
	}
}

func faultSubject(method string) subject {
	const name = "conformance"
	set := func(ctx context.Context, c *client, f *controlv1.Fault, m *controlv1.Mutation) (*controlv1.Change, error) {
		return changeOf(c.SetFault(ctx, &controlv1.SetFaultRequest{Name: name, Fault: f, Mutation: m}))
	}
	return subject{
		resource: "fault/" + name, passing: true,
		set: func(ctx context.Context, c *client, value int, m *controlv1.Mutation) (*controlv1.Change, error) {
			code := []codes.Code{codes.Unavailable, codes.DataLoss}[value]
			return set(ctx, c, &controlv1.Fault{Method: method, Percentage: 100, Code: int32(code), Latency: durationpb.New(0)}, m)
		},
		release: func(ctx context.Context, c *client, m *controlv1.Mutation) (*controlv1.Change, error) {
			return set(ctx, c, nil, m)
		},
		real: func(ctx context.Context, c *client) string { return status.Code(c.Faults.Call(ctx)).String() },
	}
}

func servingSubject() subject {
	set := func(ctx context.Context, c *client, serving bool, m *controlv1.Mutation) (*controlv1.Change, error) {
		return changeOf(c.SetServing(ctx, &controlv1.SetServingRequest{Serving: serving, Mutation: m}))
	}
	return subject{
		resource: "serving",
		set: func(ctx context.Context, c *client, _ int, m *controlv1.Mutation) (*controlv1.Change, error) {
			return set(ctx, c, false, m)
		},
		release: func(ctx context.Context, c *client, m *controlv1.Mutation) (*controlv1.Change, error) {
			return set(ctx, c, true, m)
		},
		real: func(_ context.Context, c *client) string { return fmt.Sprint(c.Serving()) },
		read: single("serving"),
	}
}

// test is a rule that every kind of resource keeps.
type test struct {
	name string
	run  func(*testing.T, *client, subject)
}

// quick are the tests that do not wait for the end of a change.
func quick() []test {
	return []test{
		{"a change takes effect and is listed", testChange},
		{"a change is refused on another state", testEtag},
		{"of changes on one state exactly one wins", testRace},
		{"validate_only changes nothing", testValidateOnly},
		{"a request that breaks rules lists them", testBadMutation},
		{"releasing what is not changed changes nothing", testReleaseNothing},
		{"a value that comes back does not bring back its etag", testEtagReturns},
	}
}

// waiting are those that do.
func waiting(f Fixture) []test {
	all := []test{
		{"a change reverts at its end without its caller", testRevert},
		{"the second change replaces the first", testReplace},
	}
	if f.Log != nil {
		all = append(all, test{"each change is logged with who, why and how long", testLog})
	}
	return all
}
