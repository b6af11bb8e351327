// Package breaker keeps circuit breakers in a client, over
// github.com/sony/gobreaker: one for each target service and group of methods,
// so that reads go on where only writes fail.
//
//	breakers := breaker.New(breaker.Options{})
//	grpc.WithChainUnaryInterceptor(breakers.UnaryClientInterceptor("user")),
//	grpc.WithChainStreamInterceptor(breakers.StreamClientInterceptor("user")),
//
// A breaker judges the whole target. The one instance that fails is the
// balancer's matter, which ejects it before the breaker sees enough failures.
//
// # What counts
//
// A call is judged by its status when it ends, a stream too, in the window in
// which it ends. The target failed where the status is UNAVAILABLE,
// DEADLINE_EXCEEDED, INTERNAL, UNKNOWN or DATA_LOSS; all others are answers of a
// target that works, with exceptions that count as neither:
//
//   - CANCELLED: the caller no longer wanted to know.
//   - UNAVAILABLE with an ErrorInfo of the reason STOPPING: an instance that is
//     drained ends its endless streams so that they go on elsewhere.
//   - RESOURCE_EXHAUSTED: the target sheds load. It does as much as it can; a
//     breaker on top of that would turn throttling into an outage. Nor does it
//     show that the target is well, so it closes no half-open breaker.
//   - DEADLINE_EXCEEDED of a call that was given less than Options.MinDeadline,
//     or of a stream that had brought a header until its time was over: that
//     says more of the caller than of the target.
//   - UNAVAILABLE of a stream that was open for longer than the window: it lost
//     its instance, as every watch does when an instance is restarted, and all
//     those of one instance at one moment. Its next attempt shows whether the
//     target is well.
//
// Health, reflection, channelz and control calls pass by the breakers.
//
// # Half-open
//
// After Options.OpenFor the next calls are probes, at most Options.Probes of
// them; as many successes in a row close the breaker, one failure opens it
// again. A stream that is a probe has succeeded with its first message, or with
// the header for which it was asked, since it may stay open for days. A probe that came to no end within OpenFor gives its
// place to another.
//
// # Overrides
//
// An override stands on top of the breaker and apart from its state. Forced
// closed lets every call pass; the breaker below still learns from as many calls
// as it would have let in, and opens and probes as ever, so that its state is
// true when it is released. Forced open rejects every call; the breaker below
// sees none, and goes on from the state in which it was.
package breaker
