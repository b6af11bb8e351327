// Package retry repeats calls that did no harm and may do better, under one
// budget for all calls to a target, so that retries never become the load that
// keeps a target down.
//
//	retrier := retry.New("user", retry.Options{})
//	grpc.WithChainUnaryInterceptor(retrier.UnaryClientInterceptor(), ...),
//	grpc.WithChainStreamInterceptor(retrier.StreamClientInterceptor(), ...),
//
// It stands outside of the breaker, which judges each attempt.
//
// A call is repeated where all of this holds:
//
//   - its schema says NO_SIDE_EFFECTS or IDEMPOTENT, or Options.Methods names its
//     method, or it carries the idempotency key that Options.Keys names;
//   - it ended UNAVAILABLE, or RESOURCE_EXHAUSTED with a RetryInfo that says when,
//     and not by a breaker (see breaker.Rejected);
//   - no message and no header of its response was handed on;
//   - there is time: it waits at random up to a bound that doubles (full jitter),
//     after the delay of a RetryInfo, and must then have Options.Floor left;
//   - the budget has a token.
//
// Of streams those with a single request are repeated, before their first
// message. A stream of requests would have to be kept whole; its caller resumes
// it.
package retry
