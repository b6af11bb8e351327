package rpc

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"

	"sync"
	"syscall"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// link is a connection on which HTTP can be spoken.
type link struct {
	net.Conn      // a *tls.Conn, or a *heardConn in plaintext
	secure   bool // TLS is spoken
	http2    bool // HTTP/2 is what the server wants
}

// connect opens a connection to an instance and secures it as decided.
func (w *Web) connect(ctx context.Context, in *fleet.Instance, took *ConnTiming) (*link, error) {
	conn, proxied, dialed, err := w.dialer.dial(ctx, in.Addr)
	*took = dialed
	if err != nil {
		return nil, err
	}
	start := time.Now()
	l, err := w.secure(ctx, in, conn, proxied)
	took.TLS = time.Since(start)
	return l, err
}

func (w *Web) secure(ctx context.Context, in *fleet.Instance, conn net.Conn, proxied bool) (*link, error) {
	switch w.opts.decide(in, proxied) {
	case speakPlainMeta:
		if w.opts.Secret && exposed(in, conn, proxied) {
			conn.Close()
			return nil, errSecretInClear
		}
		return plainLink(conn, false), nil
	case speakPlain:
		return plainLink(conn, false), nil
	case probe:
		if !leadsAway(conn) {
			return w.probe(ctx, in, conn)
		}
	case speakTLS:
	}
	l, err := w.handshake(ctx, in, conn)
	var header tls.RecordHeaderError
	if errors.As(err, &header) {
		return nil, &foundError{plainServer, err}
	}
	return l, err
}

func plainLink(conn net.Conn, http2 bool) *link {
	return &link{Conn: &heardConn{Conn: conn, spoken: make(chan struct{})}, http2: http2}
}

func (w *Web) handshake(ctx context.Context, in *fleet.Instance, conn net.Conn) (*link, error) {
	config := w.tls.Clone()
	config.ServerName = w.opts.serverName(in)
	secured := tls.Client(conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return &link{Conn: secured, secure: true, http2: secured.ConnectionState().NegotiatedProtocol == "h2"}, nil
}

// probe finds out what a server on this machine speaks before anything of the
// RPC is sent. It begins with a TLS handshake, to which a plaintext server
// answers in its own words: those of HTTP/1, or the settings of HTTP/2. One that
// only hangs up is greeted in plaintext as well.
func (w *Web) probe(ctx context.Context, in *fleet.Instance, conn net.Conn) (*link, error) {
	l, err := w.handshake(ctx, in, conn)
	var header tls.RecordHeaderError
	switch {
	case errors.As(err, &header):
		return w.plain(ctx, in, header.RecordHeader[0] == 0)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		again, _, _, dialErr := w.dialer.dial(ctx, in.Addr)
		if dialErr != nil {
			return nil, dialErr
		}
		defer again.Close()
		if greeted, isPlain := greet(ctx, again); isPlain {
			first := make([]byte, 1)
			_, _ = greeted.Read(first) // it was read by greet
			return w.plain(ctx, in, first[0] == 0)
		}
	}
	return l, err
}

// plain opens a connection to a server that was found to speak plaintext.
func (w *Web) plain(ctx context.Context, in *fleet.Instance, http2 bool) (*link, error) {
	conn, _, _, err := w.dialer.dial(ctx, in.Addr)
	if err != nil {
		return nil, err
	}
	if leadsAway(conn) { // the name leads elsewhere by now
		conn.Close()
		return nil, errMoved
	}
	return plainLink(conn, http2), nil
}

// heardConn remembers the beginning of what a server says. It listens when the
// client has spoken: net/http would log what comes before as unsolicited.
type heardConn struct {
	net.Conn

	spoken chan struct{}
	once   sync.Once
	mu     sync.Mutex
	heard  []byte
}

// maxHeard is as much as a line of status has.
const maxHeard = 64

func (c *heardConn) Write(b []byte) (int, error) {
	c.once.Do(func() { close(c.spoken) })
	return c.Conn.Write(b)
}

func (c *heardConn) Close() error {
	c.once.Do(func() { close(c.spoken) })
	return c.Conn.Close()
}

func (c *heardConn) Read(b []byte) (int, error) {
	<-c.spoken
	n, err := c.Conn.Read(b)
	c.mu.Lock()
	c.heard = append(c.heard, b[:min(n, maxHeard-len(c.heard))]...)
	c.mu.Unlock()
	return n, err
}

// foundError is an error whose cause is known already.
type foundError struct {
	Finding
	err error
}

func (e *foundError) Error() string { return e.What }
func (e *foundError) Unwrap() error { return e.err }

var errMoved = errors.New("the name led to this machine and then to another")
