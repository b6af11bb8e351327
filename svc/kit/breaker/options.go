package breaker

import (
	"cmp"
	"time"

	"github.com/gctl-dev/gctl/svc/kit/internal/method"
)

// Options say when breakers open and close. What is zero has its default.
type Options struct {
	Window       time.Duration // over which calls are counted, rolling in ten steps; 10 s
	FailureRatio float64       // opens at this share of failures, 0 to 1, ...; 0.6: one of two instances is not enough
	MinRequests  int           // ... of at least so many calls in the window; 20
	Consecutive  int           // or at so many failures in a row, ...; 10
	RunFor       time.Duration // ... over at least so long: an instance that dies fails many calls at one moment; 250 ms
	OpenFor      time.Duration // until the first probe; 5 s
	Probes       int           // successes in a row that close it, and probes at a time; 3
	MinDeadline  time.Duration // a call given less that exceeds it does not count; 20 ms

	// Group names the group of a method ("/package.Service/Method"); there must
	// be few of them. By default "read" for methods whose schema says that they
	// have no side effects, "write" for all others, and "default" where the
	// schema is not linked in.
	Group func(method string) string

	// OnChange is told what Watch tells, from the first breaker on.
	OnChange func(Status)
}

func (o Options) withDefaults() Options {
	o.Window = cmp.Or(o.Window, 10*time.Second)
	o.FailureRatio = cmp.Or(o.FailureRatio, 0.6)
	o.MinRequests = cmp.Or(o.MinRequests, 20)
	o.Consecutive = cmp.Or(o.Consecutive, 10)
	o.RunFor = cmp.Or(o.RunFor, 250*time.Millisecond)
	o.OpenFor = cmp.Or(o.OpenFor, 5*time.Second)
	o.Probes = cmp.Or(o.Probes, 3)
	o.MinDeadline = cmp.Or(o.MinDeadline, 20*time.Millisecond)
	if o.Group == nil {
		o.Group = groupBySchema
	}
	return o
}

func groupBySchema(name string) string {
	found, ok := method.Find(name)
	switch {
	case !ok:
		return "default"
	case method.ReadOnly(found):
		return "read"
	default:
		return "write"
	}
}
