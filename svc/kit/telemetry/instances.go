package telemetry

import (
	"context"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Bounds of the series about instances.
const (
	// maxInstances is how many instances have series of their own; further ones
	// are "other".
	maxInstances = 2000
	// forgetInstanceAfter is how long the series of an instance are kept that is
	// not called any more: with each roll-out instances come under new names.
	forgetInstanceAfter = time.Hour
)

// instanceMetrics say how the instances of a target answered this client. The
// per-call metrics have the method instead: both at once would be too many
// series.
type instanceMetrics struct {
	attempts *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	now      func() time.Time

	mu    sync.RWMutex
	known map[instanceKey]*instanceSeries
}

type instanceKey struct{ target, instance string }

// instanceSeries are the series of one instance, looked up once.
type instanceSeries struct {
	key     instanceKey
	codes   [codes.Unauthenticated + 1]atomic.Pointer[prometheus.Counter] // nil until the first
	seconds prometheus.Observer
	used    atomic.Int64 // when it was called last, in Unix nanoseconds
}

func newInstanceMetrics() *instanceMetrics {
	return &instanceMetrics{
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "grpc_client_instance_attempts_total",
			Help: "Attempts of calls that reached an instance of the target, by how it answered.",
		}, []string{"grpc_target", "grpc_target_instance", "grpc_status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "grpc_client_instance_attempt_duration_seconds",
			Help:    "Time until an instance of the target had answered an attempt of a unary call, in seconds.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"grpc_target", "grpc_target_instance"}),
		now:   time.Now,
		known: map[instanceKey]*instanceSeries{},
	}
}

// Describe implements prometheus.Collector.
func (m *instanceMetrics) Describe(ch chan<- *prometheus.Desc) {
	m.attempts.Describe(ch)
	m.seconds.Describe(ch)
}

// Collect implements prometheus.Collector.
func (m *instanceMetrics) Collect(ch chan<- prometheus.Metric) {
	m.forget()
	m.attempts.Collect(ch)
	m.seconds.Collect(ch)
}

// forget drops the series of instances that were not called for long.
func (m *instanceMetrics) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	limit := m.now().Add(-forgetInstanceAfter).UnixNano()
	for key, series := range m.known {
		if series.used.Load() < limit {
			labels := prometheus.Labels{"grpc_target": key.target, "grpc_target_instance": key.instance}
			m.attempts.DeletePartialMatch(labels)
			m.seconds.Delete(labels)
			delete(m.known, key)
		}
	}
}

// count notes the end of an attempt.
func (m *instanceMetrics) count(ctx context.Context, key instanceKey, unary bool, took time.Duration, err error) {
	series := m.of(key)
	series.used.Store(m.now().UnixNano())
	m.counter(series, status.Code(err)).Inc()
	if unary {
		observe(ctx, series.seconds, took.Seconds())
	}
}

// of returns the series of an instance, and makes them where it is new.
func (m *instanceMetrics) of(key instanceKey) *instanceSeries {
	m.mu.RLock()
	series := m.known[key]
	m.mu.RUnlock()
	if series != nil {
		return series
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known[key] == nil && len(m.known) >= maxInstances {
		key.instance = "other"
	}
	if series := m.known[key]; series != nil {
		return series
	}
	series = &instanceSeries{key: key, seconds: m.seconds.WithLabelValues(key.target, key.instance)}
	series.used.Store(m.now().UnixNano())
	m.known[key] = series
	return series
}

// counter returns the counter of a code. Most instances never answer with most
// of the codes, so they come into being one by one.
func (m *instanceMetrics) counter(series *instanceSeries, code codes.Code) prometheus.Counter {
	if code > codes.Unauthenticated { // a number that gRPC does not know
		code = codes.Unknown
	}
	if c := series.codes[code].Load(); c != nil {
		return *c
	}
	c := m.attempts.WithLabelValues(series.key.target, series.key.instance, statusName(code))
	series.codes[code].Store(&c)
	return c
}

// instanceAt returns the ID of the instance at an address, or the address.
func (c Client) instanceAt(addr net.Addr) string {
	if c.Instance != nil {
		if id := c.Instance(addr.String()); id != "" {
			return id
		}
	}
	return addr.String()
}

// statusName writes a code as the specification of gRPC does, NOT_FOUND, which is
// also what grpc-go's metrics have in grpc_status.
func statusName(code codes.Code) string {
	names := [...]string{
		"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
		"PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
		"INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
	}
	if int(code) < len(names) {
		return names[code]
	}
	return "CODE(" + strconv.FormatUint(uint64(code), 10) + ")"
}
