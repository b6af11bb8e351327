// Package channelz reads what gRPC processes know of their channels and
// connections, by the service grpc.channelz.v1.Channelz
// (https://github.com/grpc/proposal/blob/master/A14-channelz.md).
//
// The kit serves it at the address of the meta "admin"; elsewhere it is where the
// service itself is. All that is read is bounded: a busy process has tens of
// thousands of connections.
package channelz

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	channelzpb "google.golang.org/grpc/channelz/grpc_channelz_v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/rpc"
)

// The limits.
const (
	DefaultTimeout = 5 * time.Second
	maxAnswer      = 4 << 20 // bytes
)

// Way is how a kind of address is reached.
type Way struct {
	RPC rpc.Options // Secret says that Headers hold credentials
	// Headers returns what is sent with each RPC; nil for nothing. It is asked
	// until it succeeds once.
	Headers func(context.Context) (metadata.MD, error)
}

// Options say how instances are reached.
type Options struct {
	Service Way           // their own addresses
	Admin   Way           // the addresses of their control APIs
	Timeout time.Duration // of all that is read of one instance; 0: DefaultTimeout
	Limits  Limits
}

// Limits bound what is read of one instance. Zero fields have defaults.
type Limits struct {
	Channels    int // 200, nested ones included
	Subchannels int // 500
	Servers     int // 20
	Sockets     int // 500, of all subchannels and servers
}

func (l Limits) orDefaults() Limits {
	set := func(n *int, value int) {
		if *n <= 0 {
			*n = value
		}
	}
	set(&l.Channels, 200)
	set(&l.Subchannels, 500)
	set(&l.Servers, 20)
	set(&l.Sockets, 500)
	return l
}

// Reader is a fleet.ChannelReader.
type Reader struct {
	service, admin *way
	timeout        time.Duration
	limits         Limits
}

// way is a Way that remembers its headers.
type way struct {
	Way

	dialer *rpc.Dialer
	mu     sync.Mutex
	sent   metadata.MD
}

func (w *way) headers(ctx context.Context) (metadata.MD, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.sent != nil || w.Headers == nil {
		return w.sent, nil
	}
	sent, err := w.Headers(ctx)
	if err == nil {
		w.sent = sent
	}
	return sent, err
}

// New returns a reader. The error is a *fleet.Error of kind Usage.
func New(o Options) (*Reader, error) {
	r := &Reader{timeout: o.Timeout, limits: o.Limits.orDefaults()}
	if r.timeout <= 0 {
		r.timeout = DefaultTimeout
	}
	var err error
	if r.service, err = r.open(o.Service); err != nil {
		return nil, err
	}
	r.admin, err = r.open(o.Admin)
	return r, err
}

func (r *Reader) open(w Way) (*way, error) {
	how := w.RPC
	how.Secret = false // see at
	if how.ConnectTimeout <= 0 || how.ConnectTimeout > r.timeout {
		how.ConnectTimeout = r.timeout
	}
	if how.MaxMsgSize <= 0 {
		how.MaxMsgSize = maxAnswer
	}
	dialer, err := rpc.NewDialer(how)
	return &way{Way: w, dialer: dialer}, err
}

// Channels implements fleet.ChannelReader. Where the address of the meta "admin"
// does not serve channelz, the service's own address is asked.
func (r *Reader) Channels(ctx context.Context, in fleet.Instance) (fleet.ChannelTree, error) {
	limited, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	admin := in.AtAdmin()
	if admin.Addr == in.Addr {
		return r.at(limited, in, in.Addr, r.service)
	}
	tree, err := r.at(limited, in, admin.Addr, r.admin)
	if err == nil || limited.Err() != nil {
		return tree, err
	}
	if other, otherErr := r.at(limited, in, in.Addr, r.service); otherErr == nil {
		return other, nil
	}
	return tree, err
}

// at reads at an address, until ctx ends.
func (r *Reader) at(ctx context.Context, in fleet.Instance, addr string, by *way) (fleet.ChannelTree, error) {
	tree := fleet.ChannelTree{
		Instance: in, Address: addr,
		Provenance: fleet.Provenance{Source: "channelz " + addr, Query: channelzpb.Channelz_GetTopChannels_FullMethodName, At: time.Now()},
	}
	there := in
	there.Addr = addr
	headers, err := by.headers(ctx)
	if err != nil {
		return tree, err
	}
	conn, err := by.dialer.Dial([]fleet.Instance{there})
	if err != nil {
		return tree, err
	}
	defer conn.Close()
	if err := conn.Ready(ctx); err != nil {
		return tree, r.failed(ctx, in, addr, err)
	}
	if len(headers) > 0 && (!by.RPC.Secret || !conn.InClear()) {
		ctx = metadata.NewOutgoingContext(ctx, headers)
	}
	read := &reading{client: channelzpb.NewChannelzClient(conn), limits: r.limits}
	if err := read.all(ctx, &tree); err != nil {
		return tree, r.failed(ctx, in, addr, err)
	}
	return tree, nil
}

// failed tells why nothing could be read.
func (r *Reader) failed(ctx context.Context, in fleet.Instance, addr string, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return context.Cause(ctx)
	}
	if _, ok := errors.AsType[*rpc.ConnectError](err); ok {
		return err
	}
	e := &fleet.Error{What: "channelz cannot be read at " + addr, Err: err}
	if in.ID != addr {
		e.Instance = in.ID
	}
	s, ok := status.FromError(err)
	switch {
	case errors.Is(err, context.DeadlineExceeded), ok && s.Code() == codes.DeadlineExceeded:
		e.Err = fmt.Errorf("no answer within %s", r.timeout)
		e.Hint = "the process hangs or is overloaded: gctl explain " + addr
	case ok && s.Code() == codes.Unimplemented:
		e.What, e.Err = "channelz is not served at "+addr, fleet.ErrNotFound
		e.Hint = "register it in the server (google.golang.org/grpc/channelz/service), or publish its address as the meta admin"
	case ok:
		words, hint := rpc.Fault(s, addr)
		e.Err, e.Hint = errors.New(rpc.CodeName(s.Code())+" "+words), hint
	}
	return e
}

// own is the local address of the connection by which an answer came.
func own(p *peer.Peer) string {
	if p.LocalAddr == nil {
		return ""
	}
	return p.LocalAddr.String()
}
