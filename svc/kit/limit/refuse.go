package limit

import (
	"fmt"
	"math/rand/v2"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Domain is the domain of the ErrorInfo in what this package refuses.
const Domain = "gctl.kit"

// The reasons in the ErrorInfo.
const (
	ReasonRateLimited      = "RATE_LIMITED"       // the caller has used up its rate
	ReasonOverloaded       = "OVERLOADED"         // too many calls are in flight
	ReasonDeadlineTooShort = "DEADLINE_TOO_SHORT" // nobody would wait for the answer
)

// minRetry is the shortest time after which a refused call is told to come back.
const minRetry = time.Millisecond

// rateRefused is the error of a caller that has used up its rate. A wait of 0
// stands for never, and is not told.
func rateRefused(name, methods, caller string, wait time.Duration) error {
	subject := methods
	if methods == everything {
		subject = "all methods"
	}
	details := []protoadapt.MessageV1{
		info(ReasonRateLimited, map[string]string{"limit": name, "caller": caller}),
		violation(caller, fmt.Sprintf("The rate of %s for %s is used up.", caller, subject)),
	}
	text := fmt.Sprintf("rate limit %s is used up for %s", name, caller)
	if wait > 0 {
		wait = max(wait, minRetry)
		text += fmt.Sprintf("; the next call may come in %v", wait.Round(minRetry))
		details = append(details, retryIn(wait))
	}
	return refuse(codes.ResourceExhausted, text, details...)
}

// overloaded is the error of a call for which there is no place. Those that are
// refused together are told to come back at different times.
func overloaded(name string, r *refusal) error {
	wait := r.retry + rand.N(r.retry) //nolint:gosec // it need not be hard to guess
	return refuse(codes.ResourceExhausted,
		fmt.Sprintf("overloaded: %d calls are in flight, more would only slow each other down", r.inFlight),
		info(ReasonOverloaded, map[string]string{"limit": name}),
		violation("concurrency", fmt.Sprintf("%d calls are in flight, no more are let in.", r.inFlight)),
		retryIn(wait),
	)
}

func info(reason string, metadata map[string]string) *errdetails.ErrorInfo {
	return &errdetails.ErrorInfo{Reason: reason, Domain: Domain, Metadata: metadata}
}

func violation(subject, description string) *errdetails.QuotaFailure {
	return &errdetails.QuotaFailure{Violations: []*errdetails.QuotaFailure_Violation{{Subject: subject, Description: description}}}
}

func retryIn(wait time.Duration) *errdetails.RetryInfo {
	return &errdetails.RetryInfo{RetryDelay: durationpb.New(wait)}
}

// refuse returns an error with details. They are known to be well-formed.
func refuse(code codes.Code, text string, details ...protoadapt.MessageV1) error {
	s := status.New(code, text)
	if detailed, err := s.WithDetails(details...); err == nil {
		s = detailed
	}
	return s.Err()
}
