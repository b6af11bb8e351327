package breaker

import (
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

// The ErrorInfo of a rejected call. Its metadata name the breaker, the target
// and, where there is one, the override.
const (
	Reason = "BREAKER_OPEN"
	Domain = "gctl.kit"
)

// ReasonStopping is the reason in the ErrorInfo, of any domain, of a stream that
// an instance ends because it stops.
const ReasonStopping = "STOPPING"

// Rejected tells whether a call was rejected by a breaker, here or further on,
// so that repeating it at once is of no use.
func Rejected(err error) bool {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok && info.GetReason() == Reason && info.GetDomain() == Domain {
			return true
		}
	}
	return false
}

// Waits that are told where no time of a probe is known.
const (
	minRetryDelay = time.Millisecond
	halfOpenDelay = time.Second // until the probes of a half-open breaker are likely to have ended
)

// rejection returns the error of a call that the breaker does not let through
// by its state, or by the override that forced it open.
func (c *circuit) rejection(state State, override Override) error {
	c.rejected.Add(1)
	info := &errdetails.ErrorInfo{
		Reason: Reason, Domain: Domain,
		Metadata: map[string]string{"breaker": c.name, "target": c.target},
	}
	if override == ForcedOpen {
		info.Metadata["override"] = override.String()
		return withDetails(status.New(codes.Unavailable, "the breaker "+c.name+" is forced open"), info, nil)
	}
	delay := min(halfOpenDelay, c.set.options.OpenFor)
	if state == Open {
		delay = max(minRetryDelay, time.Until(c.show().NextProbe))
	}
	s := status.New(codes.Unavailable, "the breaker "+c.name+" is "+state.String())
	return withDetails(s, info, &errdetails.RetryInfo{RetryDelay: durationpb.New(delay)})
}

func withDetails(s *status.Status, info *errdetails.ErrorInfo, retry *errdetails.RetryInfo) error {
	detailed, err := s.WithDetails(info)
	if err == nil && retry != nil {
		detailed, err = detailed.WithDetails(retry)
	}
	if err != nil {
		return s.Err()
	}
	return detailed.Err()
}
