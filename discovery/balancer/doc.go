// Package balancer is a load balancing policy of grpc-go that leaves the one
// instance alone that fails or is slow, before anything above it has to give up
// on the service as a whole.
//
//	balancer.Register() // once, in main
//	conn, err := grpc.NewClient("fleet:///user",
//		grpc.WithResolvers(monitor.Resolver(discovery.NewResolver(watcher))),
//		grpc.WithDefaultServiceConfig(balancer.Config{Zone: "a"}.ServiceConfig()), ...)
//
// # Who gets a call
//
// Of the connected endpoints in rotation, those of the caller's own zone as long
// as enough of them are left, the next one (RoundRobin) or the less busy of two
// drawn by lot (LeastRequest, the default). Servers that say NOT_SERVING in
// grpc.health.v1 count as not connected.
//
// # Who is ejected
//
// Every endpoint is compared with its siblings, never with a fixed limit, and
// only with calls of the same method:
//
//   - Failures: it failed some calls in a row while its siblings answered, or its
//     share of failed calls is beyond theirs by more than chance explains.
//     Unavailable, DeadlineExceeded, Internal, Unknown and DataLoss are failures;
//     all other codes are answers, except that Canceled is no failure, and
//     ResourceExhausted only makes LeastRequest look elsewhere: a server that
//     sheds load is not broken, and ejecting it would add to what the others must
//     shed.
//   - Slow: more of its calls than of theirs take longer than a multiple of the
//     method's median. Calls in flight count as soon as they are late, and those
//     that their callers give up then, or whose deadline is over; a call that was
//     given up before says nothing.
//   - Hanging: a call is late, or its caller gave up when it was, none was answered
//     since it began, and a health check that the balancer sends over the same
//     connection is not answered either, while the siblings that are called
//     answer, however slowly. That is a process that is stopped or a machine that
//     is gone without a word. One call is enough, whatever its deadline.
//
// At most a share of the endpoints is out at once, never all, and where the others
// are no better everybody is let back in: what fails everywhere is not the
// balancer's business. The first ejection takes BaseEjection, each further one as
// much longer, and one is forgotten for each MaxEjection without trouble. When the
// time is over the endpoint has to answer a health check, then gets one call at a
// time, and is back after TrialCalls good ones. A reconnect is a new chance at
// once, for it may be a new process.
//
// # What it needs
//
// Deadlines of streams say nothing about an instance, so the balancer wants to
// know which calls are streams: see WithCall, which also tells to which endpoint a
// call went. Without it, a stream counts as a call that takes long, which is
// compared with its method's others like any.
package balancer
