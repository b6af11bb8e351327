// Package whytest is a small world with virtual time in which things break, to
// measure how often package why names the right cause. It is for tests only.
//
// A few edges call some instances of a user service, which call a database.
// Calls arrive at random, take as long as what they wait for and are queued, are
// retried, refused by breakers and limits, and counted in the buckets of
// histograms. The world answers by the interfaces of package fleet what
// Prometheus, the control API, Jaeger and the instances would answer; some of
// these are missing in many worlds. What is broken, how badly and since when
// follows from the seed. The analysis sees the answers only.
package whytest
