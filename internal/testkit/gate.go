package testkit

import (
	"net"
	"sync"
)

// Gate holds up all that goes over the connections of a listener while it is
// shut, as a process does that stands still: the kernel still accepts.
type Gate struct {
	net.Listener

	mu   sync.Mutex
	cond *sync.Cond
	shut bool
}

// NewGate returns an open gate before a listener.
func NewGate(lis net.Listener) *Gate {
	g := &Gate{Listener: lis}
	g.cond = sync.NewCond(&g.mu)
	return g
}

// Shut shuts the gate, or opens it again.
func (g *Gate) Shut(shut bool) {
	g.mu.Lock()
	g.shut = shut
	g.mu.Unlock()
	g.cond.Broadcast()
}

func (g *Gate) pass() {
	g.mu.Lock()
	for g.shut {
		g.cond.Wait()
	}
	g.mu.Unlock()
}

// Accept implements net.Listener.
func (g *Gate) Accept() (net.Conn, error) {
	conn, err := g.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return gatedConn{conn, g}, nil
}

type gatedConn struct {
	net.Conn

	gate *Gate
}

func (c gatedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.gate.pass()
	return n, err
}

func (c gatedConn) Write(b []byte) (int, error) {
	c.gate.pass()
	return c.Conn.Write(b)
}
