package control

import (
	"context"
	"strings"

	"google.golang.org/protobuf/types/known/durationpb"

	controlv1 "github.com/gctl-dev/gctl/api/gctl/control/v1"
	"github.com/gctl-dev/gctl/fleet"
)

// request returns the RPC that makes a wish come true.
func (c *controller) request(w fleet.Wish) (func(context.Context) (changed, error), error) {
	kind, name, named := strings.Cut(w.Resource, "/")
	if named {
		kind += "/"
	}
	m := mutation(w.Mutation)
	switch kind {
	case fleet.ResourceBreaker:
		r := &controlv1.SetBreakerOverrideRequest{Name: name, Override: overrideTo(w), Mutation: m}
		return func(ctx context.Context) (changed, error) { return c.SetBreakerOverride(ctx, r) }, nil
	case fleet.ResourceLimit:
		r := &controlv1.SetLimitRequest{Name: name, Settings: settingsTo(w), Mutation: m}
		return func(ctx context.Context) (changed, error) { return c.SetLimit(ctx, r) }, nil
	case fleet.ResourceFault:
		r := &controlv1.SetFaultRequest{Name: name, Fault: faultTo(w), Mutation: m}
		return func(ctx context.Context) (changed, error) { return c.SetFault(ctx, r) }, nil
	case fleet.ResourceLevel:
		r := &controlv1.SetLogLevelRequest{Level: levelTo(w), Mutation: m}
		return func(ctx context.Context) (changed, error) { return c.SetLogLevel(ctx, r) }, nil
	case fleet.ResourceServing:
		r := &controlv1.SetServingRequest{Serving: w.Release, Mutation: m}
		return func(ctx context.Context) (changed, error) { return c.SetServing(ctx, r) }, nil
	default:
		return nil, &fleet.Error{Kind: fleet.Usage, What: "nothing called " + w.Resource + " can be changed so", Instance: c.instance.ID}
	}
}

func overrideTo(w fleet.Wish) controlv1.BreakerOverride {
	switch {
	case w.Release || w.Override == fleet.NotForced:
		return controlv1.BreakerOverride_BREAKER_OVERRIDE_NONE
	case w.Override == fleet.ForcedOpen:
		return controlv1.BreakerOverride_BREAKER_OVERRIDE_FORCED_OPEN
	case w.Override == fleet.ForcedClosed:
		return controlv1.BreakerOverride_BREAKER_OVERRIDE_FORCED_CLOSED
	default:
		return controlv1.BreakerOverride_BREAKER_OVERRIDE_UNSPECIFIED
	}
}

func settingsTo(w fleet.Wish) *controlv1.LimitSettings {
	if w.Release {
		return nil
	}
	return &controlv1.LimitSettings{
		Rate: w.Limit.Rate, Burst: w.Limit.Burst, Shadow: w.Limit.Shadow,
		MinConcurrency: w.Limit.MinConcurrency, MaxConcurrency: w.Limit.MaxConcurrency,
	}
}

func faultTo(w fleet.Wish) *controlv1.Fault {
	if w.Release {
		return nil
	}
	f := &controlv1.Fault{Method: w.Fault.Method, Percentage: w.Fault.Percentage, Code: int32(w.Fault.Code)}
	if w.Fault.Latency != 0 {
		f.Latency = durationpb.New(w.Fault.Latency)
	}
	return f
}

func levelTo(w fleet.Wish) controlv1.LogLevel {
	if w.Release {
		return controlv1.LogLevel_LOG_LEVEL_UNSPECIFIED
	}
	switch w.Level {
	case fleet.Debug:
		return controlv1.LogLevel_LOG_LEVEL_DEBUG
	case fleet.Info:
		return controlv1.LogLevel_LOG_LEVEL_INFO
	case fleet.Warn:
		return controlv1.LogLevel_LOG_LEVEL_WARN
	case fleet.ErrorLevel:
		return controlv1.LogLevel_LOG_LEVEL_ERROR
	default:
		return controlv1.LogLevel_LOG_LEVEL_UNSPECIFIED
	}
}
