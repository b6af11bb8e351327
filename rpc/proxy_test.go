package rpc_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/internal/testkit"
	"github.com/gctl-dev/gctl/rpc"
)

// pipe copies both ways until one side ends, and closes both.
func pipe(a, b net.Conn) {
	var both sync.WaitGroup
	for _, p := range [][2]net.Conn{{a, b}, {b, a}} {
		both.Go(func() {
			_, _ = io.Copy(p[0], p[1])
			a.Close()
			b.Close()
		})
	}
	both.Wait()
}

// readAhead is a connection of which the server may have read some already.
type readAhead struct {
	net.Conn
	r io.Reader
}

func (c readAhead) Read(b []byte) (int, error) { return c.r.Read(b) }

// httpProxy is a proxy that tunnels to target whatever is asked for, for those
// who know the password, and reports what was asked for.
func httpProxy(t *testing.T, target string, asked chan<- string) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Header.Get("Proxy-Authorization") != "Basic bWU6c2VjcmV0" {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		asked <- r.Host
		there, err := net.Dial("tcp", target)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		w.WriteHeader(http.StatusOK)
		here, ahead, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		pipe(readAhead{here, ahead.Reader}, there)
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// socksProxy is a SOCKS5 proxy (RFC 1928) without authentication, for names.
func socksProxy(t *testing.T, target string, asked chan<- string) string {
	lis := testkit.Listen(t)
	var all sync.WaitGroup
	serve := func(conn net.Conn) {
		head := make([]byte, 2)
		_, _ = io.ReadFull(conn, head)
		_, _ = io.ReadFull(conn, make([]byte, head[1]))
		_, _ = conn.Write([]byte{5, 0})
		request := make([]byte, 5) // version, command, reserved, type of address, its length
		_, _ = io.ReadFull(conn, request)
		name := make([]byte, int(request[4])+2)
		_, _ = io.ReadFull(conn, name)
		port := binary.BigEndian.Uint16(name[len(name)-2:])
		asked <- net.JoinHostPort(string(name[:len(name)-2]), strconv.Itoa(int(port)))
		there, err := net.Dial("tcp", target)
		if err != nil {
			t.Error(err)
			conn.Close()
			return
		}
		_, _ = conn.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
		pipe(conn, there)
	}
	all.Go(func() {
		for {
			conn, err := lis.Accept()
			if err != nil {
				return
			}
			all.Go(func() { serve(conn) })
		}
	})
	t.Cleanup(func() { lis.Close(); all.Wait() })
	return lis.Addr().String()
}

func TestProxies(t *testing.T) {
	_, addr := testkit.Server{}.Start(t)
	for name, start := range map[string]func(*testing.T, string, chan<- string) string{
		"http://me:secret@": httpProxy, "socks5://": socksProxy,
	} {
		t.Run(name, func(t *testing.T) {
			asked := make(chan string, 9)
			o := rpc.Options{Proxy: name + start(t, addr, asked), Plaintext: new(true)}
			if _, err := dial(t, o, at("user.internal:9090")); err != nil {
				t.Fatal(err)
			}
			if got := <-asked; got != "user.internal:9090" {
				t.Errorf("the proxy was asked for %q: names are its business", got)
			}
			// Behind a proxy a loopback address is another machine's: no probe.
			o.Plaintext = nil
			_, err := dial(t, o, at("localhost:9090"))
			wantCause(t, err, rpc.CausePlainServer)
		})
	}
}

func TestAProxyThatRefuses(t *testing.T) {
	_, addr := testkit.Server{}.Start(t)
	proxy := httpProxy(t, addr, nil)
	_, err := dial(t, rpc.Options{Proxy: "http://me:wrong@" + proxy}, at("user.internal:9090"))
	wantCause(t, err, rpc.CauseProxy)
	_, err = dial(t, rpc.Options{Proxy: "socks5://" + testkit.ClosedAddr(t)}, at("user.internal:9090"))
	wantCause(t, err, rpc.CauseProxy)
}

func TestAProxyThatTalksForEverIsCutOff(t *testing.T) {
	lis := testkit.Listen(t)
	var done sync.WaitGroup
	done.Go(func() {
		conn, err := lis.Accept()
		if err == nil {
			_, err = io.WriteString(conn, "HTTP/1.1 200 OK\r\n")
		}
		for i := 0; err == nil; i++ {
			_, err = fmt.Fprintf(conn, "X-%d: %s\r\n", i, strings.Repeat("a", 10_000))
		}
	})
	t.Cleanup(done.Wait)
	start := time.Now()
	_, err := dial(t, rpc.Options{Proxy: "http://" + lis.Addr().String(), ConnectTimeout: time.Minute}, at("far.example:9090"))
	wantCause(t, err, rpc.CauseProxy)
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("took %s: it was read until the time was over", took)
	}
}

func TestASocketNeedsNoProxy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	_, addr := testkit.Server{}.Start(t)
	open := func(ctx context.Context, network, to string) (net.Conn, error) {
		if network != "unix" || to != path {
			t.Errorf("dialed %s %s", network, to)
		}
		var d net.Dialer
		return d.DialContext(ctx, "tcp", addr)
	}
	r := explain(t, at("unix:"+path), rpc.Options{Proxy: "socks5://127.0.0.1:1", DialContext: open}, "", "")
	if r.Speaks != "plaintext" {
		t.Errorf("%+v", r)
	}
}
