// Package limit is what protects a gRPC server from more work than it can do,
// and one caller from another.
//
//   - A rate limit is a token bucket for each caller, over the methods that a
//     pattern names. It keeps one caller from taking what belongs to all.
//   - The concurrency limit bounds the calls in flight of all callers together.
//     It learns from the latency how many that may be, and refuses the others at
//     once instead of letting all of them wait: with no queue there is nothing
//     that could grow.
//   - The deadline floor refuses calls that could not be answered in time, and
//     gives a deadline to those that came without one.
//
// They belong behind authentication, which says who is calling, and before
// anything that costs, in this order: rate limit, concurrency limit, deadline
// floor, validation.
//
// Refused calls get RESOURCE_EXHAUSTED with a google.rpc.RetryInfo (when to come
// back), a QuotaFailure (what was used up) and an ErrorInfo. Limits in shadow
// mode count what they would refuse, and let it in.
//
// Health, reflection, channelz and the control API are never limited: they are
// how one finds out what is wrong.
package limit
