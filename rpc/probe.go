package rpc

import (
	"context"
	"net"
	"time"
)

// greeting is an HTTP/2 client's connection preface with an empty SETTINGS
// frame (RFC 9113, section 3.4). grpc-go will send both again; the preface is
// swallowed then, a second SETTINGS frame is allowed.
const (
	preface  = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	greeting = preface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
)

// greetTimeout bounds the wait for the answer to a greeting: servers send
// their settings at once, and this machine is near.
const greetTimeout = time.Second

// greet greets a server in plaintext HTTP/2 and looks at the first byte of the
// answer. A TLS server answers with an alert or hangs up, and greet returns
// false; anything else is not TLS, and the returned connection goes on where a
// client's preface is expected.
func greet(ctx context.Context, conn net.Conn) (net.Conn, bool) {
	deadline := time.Now().Add(greetTimeout)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	if conn.SetDeadline(deadline) != nil {
		return nil, false
	}
	if _, err := conn.Write([]byte(greeting)); err != nil {
		return nil, false
	}
	buf := make([]byte, 256)
	n, _ := conn.Read(buf) // nothing read says enough
	if n == 0 || isTLSRecord(buf[0]) || conn.SetDeadline(time.Time{}) != nil {
		return nil, false
	}
	return &greetedConn{Conn: conn, heard: buf[:n], swallow: len(preface)}, true
}

// isTLSRecord tells whether the first byte of an answer is a TLS record's: an
// alert or a handshake.
func isTLSRecord(b byte) bool { return b == 0x15 || b == 0x16 }

// greetedConn is a connection on which the preface was sent and the beginning
// of the answer was read.
type greetedConn struct {
	net.Conn
	heard   []byte // read already, not handed out yet
	swallow int    // bytes of the preface still to be dropped
}

func (c *greetedConn) Read(b []byte) (int, error) {
	if len(c.heard) > 0 {
		n := copy(b, c.heard)
		c.heard = c.heard[n:]
		return n, nil
	}
	return c.Conn.Read(b)
}

func (c *greetedConn) Write(b []byte) (int, error) {
	dropped := min(c.swallow, len(b))
	c.swallow -= dropped
	if dropped == len(b) {
		return dropped, nil
	}
	n, err := c.Conn.Write(b[dropped:])
	return n + dropped, err
}
