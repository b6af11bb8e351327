package main

import (
	"io"
	"net"
	"sync"
	"testing"
)

// road is the address at which gctl finds a backend: it leads to the backend, or
// nobody listens there, or somebody does who never says anything.
type road struct {
	t      *testing.T
	addr   string
	target string

	mu    sync.Mutex
	l     net.Listener
	conns []net.Conn
	all   sync.WaitGroup
}

func newRoad(t *testing.T, target string) *road {
	t.Helper()
	r := &road{t: t, target: target}
	r.listen("127.0.0.1:0", true)
	r.addr = r.l.Addr().String()
	t.Cleanup(r.down)
	return r
}

// down makes the address one at which nobody listens.
func (r *road) down() {
	r.mu.Lock()
	_ = r.l.Close() // again at the end
	for _, c := range r.conns {
		_ = c.Close()
	}
	r.conns = nil
	r.mu.Unlock()
	r.all.Wait()
}

// up leads to the backend again, or, if it hangs, to nobody.
func (r *road) up(hangs bool) {
	r.t.Helper()
	r.down()
	r.listen(r.addr, !hangs)
}

func (r *road) listen(addr string, leads bool) {
	r.t.Helper()
	l, err := (&net.ListenConfig{}).Listen(r.t.Context(), "tcp", addr)
	if err != nil {
		r.t.Fatal(err)
	}
	r.l = l
	r.all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			r.take(c, leads)
		}
	})
}

func (r *road) take(c net.Conn, leads bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conns = append(r.conns, c)
	if !leads {
		return
	}
	d, err := (&net.Dialer{}).DialContext(r.t.Context(), "tcp", r.target)
	if err != nil {
		_ = c.Close()
		return
	}
	r.conns = append(r.conns, d)
	for _, pair := range [][2]net.Conn{{c, d}, {d, c}} {
		r.all.Go(func() {
			_, _ = io.Copy(pair[0], pair[1]) // until one of them is closed
			_, _ = pair[0].Close(), pair[1].Close()
		})
	}
}
