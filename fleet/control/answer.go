package control

import (
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	controlv1 "github.com/gctl-dev/gctl/api/gctl/control/v1"
	"github.com/gctl-dev/gctl/fleet"
)

// timeOf is the zero time where the API says nothing.
func timeOf(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}

func changeFrom(c *controlv1.Change) fleet.Change {
	return fleet.Change{
		Resource: c.GetResource(), Value: c.GetValue(), Reason: c.GetReason(), Actor: c.GetActor(),
		At: timeOf(c.GetSetTime()), Expires: timeOf(c.GetExpireTime()), ETag: c.GetEtag(),
	}
}

func (c *controller) breakers(list []*controlv1.Breaker, method string) []fleet.Breaker {
	out := make([]fleet.Breaker, 0, len(list))
	provenance := c.provenance(method)
	for _, b := range list {
		one := breakerFrom(b)
		one.Caller, one.Provenance = c.instance, provenance
		out = append(out, one)
	}
	slices.SortFunc(out, func(a, b fleet.Breaker) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func breakerFrom(b *controlv1.Breaker) fleet.Breaker {
	state := stateFrom(b.GetState())
	one := fleet.Breaker{
		Name: b.GetName(), Target: b.GetTarget(), State: state, Override: overrideFrom(b.GetOverride()),
		Flapping: b.GetFlapping(), Since: timeOf(b.GetSince()), Trips: b.GetTrips(), LastError: b.GetLastError(),
		NextProbe: timeOf(b.GetNextProbe()), ETag: b.GetEtag(),
		Counts: fleet.BreakerCounts{
			Requests: b.GetCounts().GetRequests(), Successes: b.GetCounts().GetSuccesses(),
			Failures: b.GetCounts().GetFailures(), ConsecutiveFailures: b.GetCounts().GetConsecutiveFailures(),
		},
	}
	if state == fleet.BreakerUnknown {
		one.Raw = b.GetState().String()
	}
	return one
}

func stateFrom(s controlv1.BreakerState) fleet.BreakerState {
	switch s {
	case controlv1.BreakerState_BREAKER_STATE_CLOSED:
		return fleet.BreakerClosed
	case controlv1.BreakerState_BREAKER_STATE_OPEN:
		return fleet.BreakerOpen
	case controlv1.BreakerState_BREAKER_STATE_HALF_OPEN:
		return fleet.BreakerHalfOpen
	default:
		return fleet.BreakerUnknown
	}
}

func overrideFrom(o controlv1.BreakerOverride) fleet.Override {
	switch o {
	case controlv1.BreakerOverride_BREAKER_OVERRIDE_FORCED_OPEN:
		return fleet.ForcedOpen
	case controlv1.BreakerOverride_BREAKER_OVERRIDE_FORCED_CLOSED:
		return fleet.ForcedClosed
	default:
		return fleet.NotForced
	}
}

func (c *controller) limit(l *controlv1.Limit) fleet.Limit {
	s := l.GetSettings()
	kind := fleet.UnknownLimit
	switch l.GetKind() {
	case controlv1.LimitKind_LIMIT_KIND_RATE:
		kind = fleet.RateLimit
	case controlv1.LimitKind_LIMIT_KIND_CONCURRENCY:
		kind = fleet.ConcurrencyLimit
	}
	return fleet.Limit{
		Instance: c.instance, Name: l.GetName(), Kind: kind, Methods: l.GetMethods(),
		Settings: fleet.LimitSettings{
			Rate: s.GetRate(), Burst: s.GetBurst(), Shadow: s.GetShadow(),
			MinConcurrency: s.GetMinConcurrency(), MaxConcurrency: s.GetMaxConcurrency(),
		},
		Current: l.GetCurrent(), InFlight: l.GetInFlight(), Admitted: l.GetAdmitted(), Rejected: l.GetRejected(),
		ETag: l.GetEtag(), Provenance: c.provenance("ListLimits"),
	}
}

func levelFrom(l controlv1.LogLevel) fleet.LogLevel {
	switch l {
	case controlv1.LogLevel_LOG_LEVEL_DEBUG:
		return fleet.Debug
	case controlv1.LogLevel_LOG_LEVEL_INFO:
		return fleet.Info
	case controlv1.LogLevel_LOG_LEVEL_WARN:
		return fleet.Warn
	case controlv1.LogLevel_LOG_LEVEL_ERROR:
		return fleet.ErrorLevel
	default:
		return fleet.ConfiguredLevel
	}
}

func stepFrom(s controlv1.DrainStep) fleet.DrainStep {
	switch s {
	case controlv1.DrainStep_DRAIN_STEP_NOT_SERVING:
		return fleet.DrainNotServing
	case controlv1.DrainStep_DRAIN_STEP_DEREGISTERED:
		return fleet.DrainDeregistered
	case controlv1.DrainStep_DRAIN_STEP_PROPAGATED:
		return fleet.DrainPropagated
	case controlv1.DrainStep_DRAIN_STEP_STOPPING:
		return fleet.DrainStopping
	case controlv1.DrainStep_DRAIN_STEP_STOPPED:
		return fleet.DrainStopped
	default:
		return ""
	}
}
