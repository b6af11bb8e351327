package fleet

import (
	"context"
	"time"
)

// HealthState is what an instance says of itself by grpc.health.v1, or why it
// does not say it.
type HealthState string

// The states. Only Serving is healthy.
const (
	Serving       HealthState = "serving"
	NotServing    HealthState = "not_serving"
	Unimplemented HealthState = "unimplemented" // it serves gRPC, but no health service, or not this name
	Unreachable   HealthState = "unreachable"   // no connection could be made
	TimedOut      HealthState = "timeout"       // connected or not, no answer came in time
	UnknownHealth HealthState = "unknown"       // it was not asked, or says that it does not know
)

// Health is the answer of one instance about one name.
type Health struct {
	Instance   Instance
	Name       string // of the gRPC service asked about; empty is the server as a whole
	State      HealthState
	Latency    time.Duration // from the beginning of the connection to the answer; 0 without an answer
	Err        error         // why there is no verdict, nil where there is one
	Provenance Provenance
}

// Agrees tells whether the catalog's verdict says the same as the instance's:
// Passing and Warning mean that it serves. What is not known contradicts nothing.
func (h *Health) Agrees() bool {
	switch {
	case h.Instance.Catalog == "": // no catalog was asked
		return true
	case h.State == Serving:
		return h.Instance.Catalog == Passing || h.Instance.Catalog == Warning || h.Instance.Catalog == Maintenance
	case h.State == NotServing, h.State == Unreachable, h.State == TimedOut:
		return h.Instance.Catalog == Critical || h.Instance.Catalog == Maintenance
	default:
		return true
	}
}

// Prober asks instances for their health. Its errors are in the answers: an
// instance that cannot be asked is an answer too.
type Prober interface {
	// Health asks one instance about one name.
	Health(ctx context.Context, in Instance, name string) Health
	// HealthList asks one instance for all its names, where it serves List;
	// Unimplemented is the state of the only element where it does not.
	HealthList(ctx context.Context, in Instance) []Health
	// WatchHealth calls notify with the present health and after each change,
	// one call at a time, until ctx ends; it returns ctx's error. A connection
	// that is lost is made again, with back-off, and where that does not succeed
	// at once it is a change. So is an instance that does not answer any more.
	WatchHealth(ctx context.Context, in Instance, name string, notify func(Health)) error
}
