package rpc

import (
	"context"
	"crypto/tls"
	"strings"
	"sync"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// Web calls methods by gRPC-Web or Connect, over HTTP/1.1 or HTTP/2, as
// browsers do at a gateway. It is safe for concurrent use.
type Web struct {
	protocol Protocol
	opts     Options
	dialer   *netDialer
	tls      *tls.Config

	mu     sync.Mutex
	peers  []attempt
	chosen int   // index in peers; -1: none accepted a connection yet
	link   *link // of the one that was chosen; nil: taken by a call
}

// DialWeb prepares to connect to one of the instances, in the order given, and
// returns at once: Ready connects. How the transport is secured is decided as
// Dial does it, but that a loopback address is asked by a TLS handshake, since
// what serves there need not speak HTTP/2.
//
// Over TLS the server chooses between HTTP/2 and HTTP/1.1. In plaintext HTTP/1.1
// is spoken, and HTTP/2 to a server that has nothing else and for streams of
// requests.
//
// The error is a *fleet.Error of kind Usage: a file that cannot be read, an
// option that cannot be.
func DialWeb(instances []fleet.Instance, o Options, p Protocol) (*Web, error) {
	if len(instances) == 0 {
		return nil, &fleet.Error{Kind: fleet.Usage, What: "no address to connect to"}
	}
	if p != GRPCWeb && p != Connect {
		return nil, &fleet.Error{Kind: fleet.Usage, What: "protocol " + string(p) + " is neither grpc-web nor connect"}
	}
	if o.KeepaliveTime > 0 {
		return nil, &fleet.Error{
			Kind: fleet.Usage, What: "idle connections are pinged in native gRPC only", Hint: "leave out the keepalive time or the protocol",
		}
	}
	config, err := o.tlsConfig()
	if err != nil {
		return nil, err
	}
	config.NextProtos = []string{"h2", "http/1.1"}
	w := &Web{protocol: p, opts: o, tls: config, chosen: -1, peers: make([]attempt, len(instances))}
	if w.dialer, err = newNetDialer(&o); err != nil {
		return nil, err
	}
	for i := range instances {
		w.peers[i].instance = instances[i]
	}
	return w, nil
}

// leastAttempt is how long one of several instances may take to accept a
// connection at least, whatever their number.
const leastAttempt = time.Second

// Ready connects to the first instance that accepts, unless one did already.
// The error is a *fleet.Error that names the cause, and the context's error if
// that ended.
func (w *Web) Ready(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.chosen >= 0 {
		return nil
	}
	limit := w.opts.connectTimeout()
	bounded, cancel := context.WithTimeoutCause(ctx, limit, errConnectTimeout)
	defer cancel()
	for i := range w.peers {
		a := &w.peers[i]
		each, stop := context.WithTimeout(bounded, max(limit/time.Duration(len(w.peers)), min(limit, leastAttempt)))
		l, err := w.connect(each, &a.instance, &a.took)
		stop()
		if err == nil {
			a.plain, w.link, w.chosen = !l.secure, l, i
			return nil
		}
		if a.err = err; ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return connectError(w.peers, w.peers[0].finding())
}

// Plaintext tells whether the instance was reached in plaintext.
func (w *Web) Plaintext() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.chosen >= 0 && w.peers[w.chosen].plain
}

// Close closes the connection unless a call has it.
func (w *Web) Close() error {
	if l := w.take(); l != nil {
		return l.Close()
	}
	return nil
}

// take returns the connection of Ready, nil if it was taken.
func (w *Web) take() *link {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := w.link
	w.link = nil
	return l
}

// peer returns the instance that was chosen and what connecting to it taught.
func (w *Web) peer() attempt {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.peers[w.chosen]
}

// Call is like Conn.Call. An answer that is not of the protocol is a status too:
// the one that its HTTP status stands for.
func (w *Web) Call(ctx context.Context, inv *Invocation) (*Result, error) {
	if err := w.protocol.Carries(inv.Method); err != nil {
		return nil, err
	}
	if err := w.Ready(ctx); err != nil {
		return nil, err
	}
	x := &exchange{web: w, peer: w.peer(), first: w.take(), wire: w.protocol.wire(inv.Method)}
	defer x.close()
	if err := x.prepare(ctx); err != nil {
		return nil, err
	}
	if md := inv.Method; md.IsStreamingClient() && md.IsStreamingServer() && x.first.secure && !x.first.http2 {
		return nil, &fleet.Error{
			Kind: fleet.Usage, What: strings.TrimPrefix(Path(md), "/") + " streams in both directions, which needs HTTP/2, and " + x.peer.instance.Addr + " speaks HTTP/1.1",
			Hint: "leave out --protocol where the server speaks gRPC itself",
		}
	}
	return call(ctx, inv, x)
}
