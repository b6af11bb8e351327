package rpc

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/attributes"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"

	"github.com/gctl-dev/gctl/fleet"
)

// Conn is a connection to one of the instances given to Dial. It is safe for
// concurrent use and implements grpc.ClientConnInterface.
type Conn struct {
	*grpc.ClientConn
	opts  Options
	peers []attempt

	mu sync.Mutex // guards what attempts learn
}

// attempt is one instance and what trying to reach it taught.
type attempt struct {
	instance fleet.Instance
	err      error  // of the last try, nil if none failed
	odd      []byte // what it said that is not HTTP/2
	plain    bool   // it was reached in plaintext
	unasked  bool   // and so that others may read it, since the catalog says so
	took     ConnTiming
}

// ConnTiming says where the time of connecting went. A part that was not
// needed is zero.
type ConnTiming struct {
	Resolve time.Duration // of the host name
	Connect time.Duration // TCP, through a proxy included
	TLS     time.Duration // the handshake, the probe of a loopback address included
}

// indexKey is the key of an address' attribute that holds its index in peers.
type indexKey struct{}

// Dial starts to connect to the instances in the order given, the next one
// whenever one fails or is slow, and returns without waiting: Ready waits. The
// first that accepts is used for every RPC.
//
// Whether TLS is spoken: Options.Plaintext, or TLS settings in the options,
// decide; then the instance's meta "tls"; then loopback addresses are asked
// before anything else is sent; all others get TLS. There is no falling back.
//
// The error is a *fleet.Error of kind Usage: a file that cannot be read, an
// option that cannot be.
func Dial(instances []fleet.Instance, o Options) (*Conn, error) {
	d, err := NewDialer(o)
	if err != nil {
		return nil, err
	}
	return d.Dial(instances)
}

// Dialer opens many connections with the same options: their files are read
// once. It is safe for concurrent use.
type Dialer struct {
	opts   Options
	dialer *netDialer
	tls    credentials.TransportCredentials
	config *tls.Config
}

// NewDialer reads the files that the options name. The error is as Dial's.
func NewDialer(o Options) (*Dialer, error) {
	config, err := o.tlsConfig()
	if err != nil {
		return nil, err
	}
	dialer, err := newNetDialer(&o)
	if err != nil {
		return nil, err
	}
	return &Dialer{opts: o, dialer: dialer, tls: credentials.NewTLS(config), config: config}, nil
}

// Dial is the function Dial with the dialer's options.
func (d *Dialer) Dial(instances []fleet.Instance) (*Conn, error) {
	if len(instances) == 0 {
		return nil, &fleet.Error{Kind: fleet.Usage, What: "no address to connect to"}
	}
	c := &Conn{opts: d.opts, peers: make([]attempt, len(instances))}
	state := resolver.State{Endpoints: make([]resolver.Endpoint, len(instances))}
	for i := range instances {
		c.peers[i].instance = instances[i]
		state.Endpoints[i].Addresses = []resolver.Address{{
			Addr:       instances[i].Addr,
			ServerName: authorityOf(&instances[i]),
			Attributes: attributes.New(indexKey{}, i),
		}}
	}
	r := manual.NewBuilderWithScheme("gctl")
	r.InitialState(state)
	h := &handshaker{conn: c, dialer: d.dialer, tls: d.tls, config: d.config}
	var err error
	c.ClientConn, err = grpc.NewClient("gctl:///"+url.PathEscape(authorityOf(&instances[0])), c.dialOptions(r, h)...)
	if err != nil {
		return nil, &fleet.Error{Kind: fleet.Usage, What: "cannot use these connection settings", Err: err}
	}
	c.Connect()
	return c, nil
}

// smallBuffer is the bytes of a buffer of Options.SmallBuffers; grpc-go has 32 KiB.
const smallBuffer = 2 << 10

func (c *Conn) dialOptions(r resolver.Builder, h *handshaker) []grpc.DialOption {
	o := &c.opts
	retry := backoff.DefaultConfig
	opts := []grpc.DialOption{
		grpc.WithResolvers(r),
		grpc.WithTransportCredentials(h),
		grpc.WithContextDialer(h.dial),
		grpc.WithDisableServiceConfig(), // a DNS look-up that nobody here needs
		grpc.WithDisableHealthCheck(),
		grpc.WithDisableRetry(),
		grpc.WithIdleTimeout(0),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: retry, MinConnectTimeout: o.connectTimeout()}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(o.maxMsgSize())),
	}
	if o.Authority != "" {
		opts = append(opts, grpc.WithAuthority(o.Authority))
	}
	if o.UserAgent != "" {
		opts = append(opts, grpc.WithUserAgent(o.UserAgent))
	}
	if o.SmallBuffers {
		opts = append(opts, grpc.WithReadBufferSize(smallBuffer), grpc.WithWriteBufferSize(smallBuffer))
	}
	if o.KeepaliveTime > 0 {
		opts = append(opts, grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time: o.KeepaliveTime, Timeout: o.KeepaliveTime,
		}))
	}
	return opts
}

// Ready waits until an instance accepted the connection. The error is a
// *fleet.Error that names the cause, and the context's error if that ended.
func (c *Conn) Ready(ctx context.Context) error {
	bounded, cancel := context.WithTimeoutCause(ctx, c.opts.connectTimeout(), errConnectTimeout)
	defer cancel()
	for {
		switch s := c.GetState(); s {
		case connectivity.Ready:
			return nil
		case connectivity.TransientFailure, connectivity.Shutdown:
			return c.failure(ctx)
		default:
			if s == connectivity.Idle {
				c.Connect()
			}
			if !c.WaitForStateChange(bounded, s) {
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				return c.failure(ctx)
			}
		}
	}
}

var errConnectTimeout = errors.New("no connection within the connect timeout")

// Instance returns the instance behind the peer of an RPC (grpc.Peer).
func (c *Conn) Instance(p *peer.Peer) (fleet.Instance, bool) {
	if a, ok := p.Addr.(instanceAddr); ok {
		return c.peers[a.index].instance, true
	}
	return fleet.Instance{}, false
}

// Timing returns how long the connection to the peer of an RPC took.
func (c *Conn) Timing(p *peer.Peer) ConnTiming {
	a, ok := p.Addr.(instanceAddr)
	if !ok {
		return ConnTiming{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.peers[a.index].took
}

// Plaintext tells whether an instance was reached in plaintext. It is known
// once the connection is ready.
func (c *Conn) Plaintext() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(c.peers, func(a attempt) bool { return a.plain })
}

// InClear tells whether an instance was reached in plaintext that others may
// read and that the catalog asks for, not the user. Over such a connection no
// credentials may go; with Options.Secret it is not made.
func (c *Conn) InClear() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(c.peers, func(a attempt) bool { return a.unasked })
}

// learn records what an attempt taught.
func (c *Conn) learn(index int, f func(*attempt)) {
	c.mu.Lock()
	f(&c.peers[index])
	c.mu.Unlock()
}

// instanceAddr is a remote address that remembers whose it is.
type instanceAddr struct {
	net.Addr
	index int
}

// Network is a name of its own: what is called "tcp" is taken for a *net.TCPAddr
// by grpc-go's channelz service, which a process may serve that uses this package.
func (a instanceAddr) Network() string { return "instance" }

// authorityOf returns the :authority for an instance: the name that its catalog
// gives it, else its address, without the zone that means something on this
// machine only, and "localhost" for a socket, as grpc-go has it.
func authorityOf(in *fleet.Instance) string {
	if strings.HasPrefix(in.Addr, "unix:") {
		return "localhost"
	}
	name := in.Meta[fleet.MetaAuthority]
	host, port, err := net.SplitHostPort(in.Addr)
	if ip, _, zoned := strings.Cut(host, "%"); name == "" && err == nil && zoned {
		name = ip
	}
	switch {
	case name == "":
		return in.Addr
	case err == nil:
		return net.JoinHostPort(name, port)
	default:
		return name
	}
}
