// Package kit is what makes a gRPC service manageable: one server bootstrap, the
// connections to others, a command line, and a Run that serves until a signal and
// then drains. A service on it is its handlers and a main:
//
//	app := kit.App{Name: "hello", Service: "hello", Version: "v1", Short: "greets",
//		Setup: func(_ context.Context, s *kit.Server) error {
//			hellov1.RegisterHelloServiceServer(s, hello{})
//			return nil
//		}}
//	os.Exit(app.Main(os.Args[1:]))
//
// The packages below it can be used alone; this one puts them together.
//
// # Of a call that comes in
//
// Outside of all stands telemetry, a stats handler: it takes over the caller's
// trace and request id or begins them, counts and measures, and writes the access
// log. Then come the interceptors, from outside:
//
//  1. recovery: a panic costs one call, not the process
//  2. authentication, where there is mTLS: package auth
//  3. rate limits, for each caller: package limit
//  4. the concurrency limit, for all together: package limit
//  5. the deadline floor: package limit
//  6. faults injected by the control API: package fault
//  7. validation by the rules in the schema
//
// What is refused by one costs nothing of those behind it, and is traced, measured
// and logged as what the caller got. ADR 17 says why in this order.
//
// Health, reflection and channelz are there for operators. They pass by the limits
// and faults, and do not hold up a drain.
//
// # Of a call that goes out
//
// A connection of Server.Dial knows the instances by the catalog and leaves out
// those that fail (package discovery/balancer). Its interceptors, from outside:
// deadline (package deadline), retry (package retry), breaker (package breaker);
// metrics and spans are of each attempt.
//
// # Of the process
//
// New checks the configuration and binds the addresses, Run serves. On SIGTERM,
// an interrupt, the end of its context or the control API's demand it drains:
// health says NOT_SERVING, the instance leaves the catalog, clients get
// Config.DrainWait to notice, new calls are refused and those in flight may end,
// up to Config.DrainTimeout. Metrics and control API show that to its end. A
// second signal, or the same again after 300 ms, stops at once: Run returns within
// two seconds.
package kit
