package discovery

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"google.golang.org/grpc/attributes"
	"google.golang.org/grpc/resolver"
)

// Scheme is the scheme of the targets that a resolver of this package takes:
// "fleet:///SERVICE".
const Scheme = "fleet"

// NewResolver returns a name resolver of grpc-go that follows what w says about a
// service:
//
//	conn, err := grpc.NewClient("fleet:///user", grpc.WithResolvers(discovery.NewResolver(w)), ...)
//
// The channel gets the Usable endpoints, and EndpointID tells balancers and
// interceptors which is which. A failure changes nothing as long as w still gives
// the last known endpoints with it. An empty list takes all endpoints away: calls
// fail with UNAVAILABLE, or wait where they are made to wait for readiness.
//
// Unless the options say otherwise the channel's authority, and so the name
// expected in certificates, is the name of the service.
func NewResolver(w Watcher) resolver.Builder { return &builder{watcher: w} }

type builder struct{ watcher Watcher }

// Scheme implements resolver.Builder.
func (b *builder) Scheme() string { return Scheme }

// Build implements resolver.Builder. It returns at once; the channel is idle
// until the first update.
func (b *builder) Build(target resolver.Target, cc resolver.ClientConn, _ resolver.BuildOptions) (resolver.Resolver, error) {
	service := strings.TrimPrefix(target.URL.Path, "/")
	if service == "" {
		return nil, errors.New("target names no service: want " + Scheme + ":///SERVICE")
	}
	ctx, cancel := context.WithCancel(context.Background())
	f := &follower{cc: cc, cancel: cancel, ended: make(chan struct{}), hurry: make(chan struct{}, 1)}
	go func() {
		defer close(f.ended)
		if err := f.watch(ctx, b.watcher, service); err != nil && ctx.Err() == nil {
			cc.ReportError(err)
		}
	}()
	return f, nil
}

func (f *follower) watch(ctx context.Context, w Watcher, service string) error {
	if h, ok := w.(HurriedWatcher); ok {
		return h.WatchHurried(ctx, service, f.hurry, f.update)
	}
	return w.Watch(ctx, service, f.update)
}

// follower is the resolver of one channel.
type follower struct {
	cc     resolver.ClientConn
	cancel context.CancelFunc
	ended  chan struct{}
	hurry  chan struct{} // holds one wish

	current []Endpoint // what the channel has
	known   bool       // it was told at all
}

// ResolveNow implements resolver.Resolver: grpc-go calls it when a connection
// fails. A watch tells of changes by itself, but it may hang or rest after a
// failure.
func (f *follower) ResolveNow(resolver.ResolveNowOptions) {
	select {
	case f.hurry <- struct{}{}:
	default: // it is wished already
	}
}

// Close implements resolver.Resolver; it waits for the end of the watch.
func (f *follower) Close() {
	f.cancel()
	<-f.ended
}

func (f *follower) update(u Update) {
	if u.Err != nil && (!f.known || len(u.Endpoints) > 0) {
		// Either there was never a list, then the error is the answer, or the last
		// one stays in use, then it only counts should nothing of it work.
		f.cc.ReportError(u.Err)
		return
	}
	usable := Usable(u.Endpoints)
	if !f.known || !slices.EqualFunc(usable, f.current, samePlace) {
		f.known, f.current = true, usable
		// The error means that the balancer could use an earlier answer; a watch has
		// none to offer.
		_ = f.cc.UpdateState(state(usable))
	}
	if u.Err != nil {
		f.cc.ReportError(u.Err)
	}
}

// samePlace tells whether a channel would see no difference.
func samePlace(a, b Endpoint) bool {
	return a.ID == b.ID && a.Addr == b.Addr && maps.Equal(a.Meta, b.Meta)
}

type idKey struct{}

type metaKey struct{}

// meta is a map that attributes can compare.
type meta map[string]string

// Equal tells whether another value of attributes is the same.
func (m meta) Equal(o any) bool {
	other, ok := o.(meta)
	return ok && maps.Equal(m, other)
}

// state makes endpoints into what a channel takes. The ID goes with the address
// too, so that an address which now belongs to another instance gets a new
// connection; the meta does not, since its change is no reason to connect anew.
//
// Of several instances with one address, one is what a channel can see: the first,
// so that it stays the same one.
func state(endpoints []Endpoint) resolver.State {
	s := resolver.State{Endpoints: make([]resolver.Endpoint, 0, len(endpoints))}
	taken := make(map[string]bool, len(endpoints))
	for _, e := range endpoints {
		if taken[e.Addr] {
			continue
		}
		taken[e.Addr] = true
		attrs := attributes.New(idKey{}, e.ID)
		s.Endpoints = append(s.Endpoints, resolver.Endpoint{
			Addresses:  []resolver.Address{{Addr: e.Addr, Attributes: attrs}},
			Attributes: attrs.WithValue(metaKey{}, meta(e.Meta)),
		})
	}
	return s
}

// EndpointMeta returns the Meta of the endpoint with these attributes, which are
// those of a resolver.Endpoint; nil for one that does not come from this package.
// It must not be changed.
func EndpointMeta(attrs *attributes.Attributes) map[string]string {
	m, _ := attrs.Value(metaKey{}).(meta)
	return m
}

// EndpointID returns the ID of the endpoint with these attributes, which are
// those of a resolver.Endpoint or a resolver.Address; empty for one that does not
// come from this package.
func EndpointID(attrs *attributes.Attributes) string {
	id, _ := attrs.Value(idKey{}).(string)
	return id
}
