// Package discovery finds the endpoints of a service and keeps a gRPC client
// connected to them. It depends on nothing else in this module and can be used
// alone.
//
// The story has four parts. A [Watcher] reports which [Endpoint]s a service has
// and calls back whenever that changes. [NewResolver] turns any Watcher into a
// name resolver of grpc-go, so that a plain grpc.NewClient follows the registry.
// Package discovery/balancer spreads the calls over what was resolved, and leaves
// an instance alone that fails, is slow or hangs.
// And package discovery/consul is the Watcher over Consul, with what a server
// needs on its side: registration, checks and maintenance.
//
// A Watcher over another registry is a few lines; package
// discovery/discoverytest has the suite that tells whether it keeps its promises.
//
// What is worth knowing before relying on it:
//
//   - An empty list is an answer, a failed query is not. After a failure the last
//     list stays in use for a bounded time, while the watch retries with growing,
//     jittered pauses.
//   - Only passing endpoints get traffic; where none passes, all do (see
//     [Usable]).
//   - A connection that fails makes a watch look at once, where it can (see
//     [HurriedWatcher]): what it knows may be old, however quiet it is.
//   - An address that now belongs to another instance is another endpoint, with a
//     connection of its own.
//   - Nothing registers itself: no init functions, no global state.
package discovery
