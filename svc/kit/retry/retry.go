package retry

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/gctl-dev/gctl/svc/kit/breaker"
	"github.com/gctl-dev/gctl/svc/kit/internal/method"
)

// Retrier repeats the calls to one target. It is a prometheus.Collector.
type Retrier struct {
	options Options
	budget  *budget
	metrics metrics

	known sync.Map // method to whether all its calls are idempotent
	count atomic.Int64
}

// New returns a retrier with a budget of its own for the calls to target, the
// name of the service that is called.
func New(target string, options Options) *Retrier {
	options = options.withDefaults()
	r := &Retrier{options: options, budget: newBudget(options)}
	r.metrics = newMetrics(target, r.budget)
	return r
}

// Describe implements prometheus.Collector.
func (r *Retrier) Describe(to chan<- *prometheus.Desc) { r.metrics.Describe(to) }

// Collect implements prometheus.Collector.
func (r *Retrier) Collect(to chan<- prometheus.Metric) { r.metrics.Collect(to) }

// UnaryClientInterceptor repeats unary calls. An error is that of the last
// attempt, or CANCELLED where the caller gave up between two.
func (r *Retrier) UnaryClientInterceptor() grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, request, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		r.budget.call()
		err := invoker(ctx, method, request, reply, cc, opts...)
		if err == nil {
			return nil
		}
		for attempt := 1; ; attempt++ {
			if err = r.wait(ctx, method, request, attempt, err); err != nil {
				return err
			}
			err = invoker(ctx, method, request, reply, cc, opts...)
			r.ended(method, err)
			if err == nil {
				return nil
			}
		}
	}
}

// wait returns nil when it is time to repeat a call whose given attempt ended
// with err, and the error to end with where it is not to be repeated.
func (r *Retrier) wait(ctx context.Context, method string, request any, attempt int, err error) error {
	after, ok := repeatable(err)
	if !ok || attempt >= r.options.Attempts || ctx.Err() != nil || !r.idempotent(method, request) {
		return err
	}
	delay := after + r.backoff(attempt)
	deadline, bounded := ctx.Deadline()
	if after > r.options.MaxWait || bounded && time.Until(deadline) < delay+r.options.Floor {
		r.metrics.count(method, noTime)
		return err
	}
	if !r.budget.take() {
		r.metrics.count(method, noBudget)
		return err
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}
}

func (r *Retrier) ended(method string, err error) {
	if _, again := repeatable(err); again || breaker.Rejected(err) {
		r.metrics.count(method, failed)
		return
	}
	r.metrics.count(method, answered)
}

// backoff returns a random wait after an attempt, counted from 1. Full jitter:
// https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
func (r *Retrier) backoff(attempt int) time.Duration {
	bound := r.options.BaseDelay
	for range attempt - 1 {
		bound = min(2*bound, r.options.MaxDelay)
	}
	return rand.N(bound + 1) //nolint:gosec // spreads load, keeps no secret
}

// repeatable tells whether a call that ended with err may do better, and the
// delay that the server asks for.
func repeatable(err error) (after time.Duration, ok bool) {
	s := status.Convert(err)
	if s.Code() != codes.Unavailable && s.Code() != codes.ResourceExhausted {
		return 0, false
	}
	var info *errdetails.RetryInfo
	for _, detail := range s.Details() {
		if found, is := detail.(*errdetails.RetryInfo); is {
			info = found
		}
	}
	if s.Code() == codes.ResourceExhausted && info == nil || breaker.Rejected(err) {
		return 0, false
	}
	return max(0, info.GetRetryDelay().AsDuration()), true
}

const maxMethods = 1000 // that are remembered; names may come from outside

// idempotent tells whether two calls with this request do what one does.
func (r *Retrier) idempotent(name string, request any) bool {
	if key, ok := r.options.Keys[name]; ok && hasKey(name, request, key) {
		return true
	}
	if known, ok := r.known.Load(name); ok {
		is, _ := known.(bool)
		return is
	}
	found, ok := method.Find(name)
	is := ok && method.Idempotent(found) || slices.Contains(r.options.Methods, name)
	if r.count.Add(1) <= maxMethods {
		r.known.Store(name, is)
	}
	return is
}

// Raw is a request that is passed on as the bytes it came as.
type Raw interface {
	// Bytes returns the encoded message.
	Bytes() []byte
}

func hasKey(name string, request any, key string) bool {
	message, ok := request.(proto.Message)
	if !ok {
		message = decoded(name, request)
	}
	if message == nil {
		return false
	}
	m := message.ProtoReflect()
	field := m.Descriptor().Fields().ByName(protoreflect.Name(key))
	return field != nil && m.Has(field)
}

// decoded returns the message of a Raw request by the schema of the method, or
// nil. It is asked for after a failure only, so that forwarding stays cheap.
func decoded(name string, request any) proto.Message {
	raw, ok := request.(Raw)
	if !ok {
		return nil
	}
	found, ok := method.Find(name)
	if !ok {
		return nil
	}
	message := dynamicpb.NewMessage(found.Input())
	if proto.Unmarshal(raw.Bytes(), message) != nil {
		return nil
	}
	return message
}
