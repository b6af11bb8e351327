package main

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// proxy is the way to a database, which can become slow.
type proxy struct {
	l      net.Listener
	target string
	delay  atomic.Int64 // nanoseconds that what the database says is held up
	conns  sync.WaitGroup
	mu     sync.Mutex
	open   []net.Conn
}

func newProxy(target string) (*proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // local
	if err != nil {
		return nil, err
	}
	p := &proxy{l: l, target: target}
	p.conns.Go(p.accept)
	return p, nil
}

func (p *proxy) port() int { return p.l.Addr().(*net.TCPAddr).Port } //nolint:forcetypeassert // it listens on TCP

func (p *proxy) close() {
	_ = p.l.Close()
	p.mu.Lock()
	for _, c := range p.open {
		_ = c.Close()
	}
	p.mu.Unlock()
	p.conns.Wait()
}

func (p *proxy) accept() {
	for {
		c, err := p.l.Accept()
		if err != nil {
			return
		}
		d, err := net.Dial("tcp", p.target) //nolint:noctx // local
		if err != nil {
			_ = c.Close()
			continue
		}
		p.mu.Lock()
		p.open = append(p.open, c, d)
		p.mu.Unlock()
		p.conns.Go(func() { p.copy(d, c, false) })
		p.conns.Go(func() { p.copy(c, d, true) })
	}
}

func (p *proxy) copy(to, from net.Conn, slow bool) {
	defer to.Close()
	data := make([]byte, 64<<10)
	for {
		n, err := from.Read(data)
		if slow {
			time.Sleep(time.Duration(p.delay.Load()))
		}
		if n > 0 {
			if _, err := to.Write(data[:n]); err != nil {
				return
			}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				_ = from.Close()
			}
			return
		}
	}
}
