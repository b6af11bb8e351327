package edge_test

import (
	"io"
	"net"
	"sync"
	"testing"
)

// cutter passes TCP connections on until they are cut.
type cutter struct {
	addr string

	mu    sync.Mutex
	conns []net.Conn
	mute  bool // answers are not passed on
}

func newCutter(t testing.TB, target string) *cutter {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{addr: listener.Addr().String()}
	var work sync.WaitGroup
	work.Go(func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", target)
			if err != nil {
				in.Close()
				continue
			}
			c.mu.Lock()
			c.conns = append(c.conns, in, out)
			c.mu.Unlock()
			work.Go(func() { c.pass(out, in, nil) })
			work.Go(func() { c.pass(in, out, &c.mute) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		c.all()
		work.Wait()
	})
	return c
}

// pass copies until an end is cut, or while mute is false.
func (c *cutter) pass(to, from net.Conn, mute *bool) {
	defer to.Close()
	defer from.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if mute != nil && n > 0 {
			c.mu.Lock()
			quiet := *mute
			c.mu.Unlock()
			if quiet {
				_, _ = io.Copy(io.Discard, from)
				return
			}
		}
		if err == nil {
			_, err = to.Write(buffer[:n])
		}
		if err != nil {
			return
		}
	}
}

// all cuts every connection; new ones are passed on again.
func (c *cutter) all() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.conns {
		conn.Close()
	}
	c.conns, c.mute = nil, false
}

// silence loses the answers of the connections that there are.
func (c *cutter) silence() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mute = true
}
