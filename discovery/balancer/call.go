package balancer

import (
	"context"
	"sync/atomic"
)

// Call tells an interceptor where its call went, and the balancer what kind of
// call it is. It is safe for concurrent use.
type Call struct {
	stream bool
	target atomic.Pointer[target]
}

// target is an endpoint as callers know it.
type target struct{ id, addr, zone string }

type callKey struct{}

// WithCall returns a context to make a call with. An interceptor asks the Call for
// the endpoint after the call, or, of a stream, as soon as it has begun:
//
//	ctx, call := balancer.WithCall(ctx, false)
//	err := invoker(ctx, method, req, reply, cc, opts...)
//	id, _ := call.Endpoint()
//
// stream says that how long the call takes says nothing about the instance.
func WithCall(ctx context.Context, stream bool) (context.Context, *Call) {
	c := &Call{stream: stream}
	return context.WithValue(ctx, callKey{}, c), c
}

// Endpoint returns the ID of the endpoint to which the call went, or its last
// attempt where it was repeated, and its address; empty for a call that got none,
// or not yet.
func (c *Call) Endpoint() (id, addr string) {
	if t := c.target.Load(); t != nil {
		return t.id, t.addr
	}
	return "", ""
}

func callOf(ctx context.Context) *Call {
	if ctx == nil {
		return nil
	}
	c, _ := ctx.Value(callKey{}).(*Call)
	return c
}
