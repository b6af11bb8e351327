package rpc

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/gctl-dev/gctl/fleet"
)

// handshaker is the transport security of a Conn. It dials, decides for each
// instance what to speak, and keeps what went wrong.
type handshaker struct {
	conn   *Conn
	dialer *netDialer
	tls    credentials.TransportCredentials
	config *tls.Config
}

// rawConn is a fresh connection to an instance.
type rawConn struct {
	net.Conn
	index   int
	proxied bool
}

// leadsAway tells that the other end of a direct connection is another machine. A name such as
// "localhost" may lie about where it leads.
func leadsAway(c net.Conn) bool {
	tcp, ok := c.RemoteAddr().(*net.TCPAddr)
	return ok && !tcp.IP.IsLoopback()
}

// exposed tells that others may read what goes over a connection in plaintext.
func exposed(in *fleet.Instance, c net.Conn, proxied bool) bool {
	return proxied || !isLoopback(in.Addr) || leadsAway(c)
}

func (h *handshaker) dial(ctx context.Context, addr string) (net.Conn, error) {
	index, ok := credentials.ClientHandshakeInfoFromContext(ctx).Attributes.Value(indexKey{}).(int)
	if !ok {
		return nil, fmt.Errorf("address %s is not one that was asked for", addr)
	}
	ctx, cancel := context.WithTimeout(ctx, h.conn.opts.connectTimeout())
	defer cancel()
	conn, proxied, took, err := h.dialer.dial(ctx, addr)
	h.conn.learn(index, func(a *attempt) {
		a.took = took
		if err != nil {
			a.err = err
		}
	})
	if err != nil {
		return nil, err
	}
	return &rawConn{Conn: conn, index: index, proxied: proxied}, nil
}

// ClientHandshake implements credentials.TransportCredentials.
func (h *handshaker) ClientHandshake(ctx context.Context, authority string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	raw, ok := conn.(*rawConn)
	if !ok {
		return nil, nil, fmt.Errorf("a connection of type %T was not dialed here", conn)
	}
	ctx, cancel := context.WithTimeout(ctx, h.conn.opts.connectTimeout())
	defer cancel()
	start := time.Now()
	secured, info, err := h.secure(ctx, authority, raw)
	h.conn.learn(raw.index, func(a *attempt) {
		a.took.TLS = time.Since(start)
		a.err = err
		a.plain = err == nil && info.AuthType() == "insecure"
	})
	if err != nil {
		return nil, nil, err
	}
	return &watchedConn{Conn: secured, owner: h.conn, index: raw.index}, info, nil
}

func (h *handshaker) secure(ctx context.Context, authority string, raw *rawConn) (net.Conn, credentials.AuthInfo, error) {
	in := &h.conn.peers[raw.index].instance
	switch h.conn.opts.decide(in, raw.proxied) {
	case speakPlainMeta:
		unasked := exposed(in, raw, raw.proxied)
		if unasked && h.conn.opts.Secret {
			return nil, nil, errSecretInClear
		}
		h.conn.learn(raw.index, func(a *attempt) { a.unasked = unasked })
		return plaintext(ctx, authority, raw)
	case speakPlain:
		return plaintext(ctx, authority, raw)
	case probe:
		return h.probe(ctx, authority, raw)
	default:
		return h.speakTLS(ctx, authority, raw)
	}
}

// probe asks a server on this machine what it speaks before anything of the
// RPC is sent. A plaintext server has then been greeted already and the
// connection goes on; for TLS a second one is opened.
func (h *handshaker) probe(ctx context.Context, authority string, raw *rawConn) (net.Conn, credentials.AuthInfo, error) {
	if leadsAway(raw) {
		return h.speakTLS(ctx, authority, raw)
	}
	greeted, isPlain := greet(ctx, raw)
	if isPlain {
		return plaintext(ctx, authority, greeted)
	}
	raw.Close()
	again, _, _, err := h.dialer.dial(ctx, h.conn.peers[raw.index].instance.Addr)
	if err != nil {
		return nil, nil, err
	}
	secured, info, err := h.speakTLS(ctx, authority, again)
	if err != nil {
		again.Close()
		return nil, nil, err
	}
	return secured, info, nil
}

// speakTLS does the handshake. grpc-go verifies the certificate by the
// authority, whatever the configuration says.
func (h *handshaker) speakTLS(ctx context.Context, authority string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	if h.config.ServerName != "" {
		authority = h.config.ServerName
	}
	return h.tls.ClientHandshake(ctx, authority, conn)
}

func plaintext(ctx context.Context, authority string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return insecure.NewCredentials().ClientHandshake(ctx, authority, conn)
}

// errSecretInClear is why an instance with the meta tls=false is not called.
var errSecretInClear = &fleet.Error{
	What: "the call carries credentials and only the catalog says that the server speaks plaintext",
	Hint: "choose it with --plaintext, or leave the credentials out",
}

// ServerHandshake implements credentials.TransportCredentials; there is no
// server here.
func (h *handshaker) ServerHandshake(net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, fmt.Errorf("not a server")
}

// Info implements credentials.TransportCredentials.
func (h *handshaker) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "tls", ServerName: h.config.ServerName}
}

// Clone implements credentials.TransportCredentials.
func (h *handshaker) Clone() credentials.TransportCredentials {
	c := *h
	return &c
}

// OverrideServerName implements credentials.TransportCredentials, where it is
// deprecated and unused.
func (h *handshaker) OverrideServerName(string) error { return nil }

// watchedConn keeps the first thing that a server says if that is not HTTP/2,
// or why it said nothing: grpc-go would only report it as text.
type watchedConn struct {
	net.Conn
	owner *Conn
	index int
	heard atomic.Bool
}

// RemoteAddr returns the address with the index of the instance.
func (c *watchedConn) RemoteAddr() net.Addr {
	return instanceAddr{c.Conn.RemoteAddr(), c.index}
}

func (c *watchedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.heard.Load() {
		return n, err
	}
	c.heard.Store(true)
	switch {
	case n > 0 && b[0] != 0: // the length of a first SETTINGS frame begins with 0
		odd := append([]byte(nil), b[:min(n, 1024)]...)
		c.owner.learn(c.index, func(a *attempt) { a.odd = odd })
	case n == 0 && err != nil:
		c.owner.learn(c.index, func(a *attempt) { a.err = err })
	}
	return n, err
}
