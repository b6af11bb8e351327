package consul

import (
	"net"
	"sync"
)

// patientConn reads nothing before something was written. An agent whose client
// holds too many connections answers a new one with 429 before it was asked
// anything, which net/http takes for a broken connection and logs; read after the
// request it is an answer.
type patientConn struct {
	net.Conn

	once  sync.Once
	wrote chan struct{}
}

func (c *patientConn) ready() { c.once.Do(func() { close(c.wrote) }) }

func (c *patientConn) Read(p []byte) (int, error) {
	<-c.wrote
	return c.Conn.Read(p)
}

func (c *patientConn) Write(p []byte) (int, error) {
	defer c.ready()
	return c.Conn.Write(p)
}

func (c *patientConn) Close() error {
	c.ready()
	return c.Conn.Close()
}
