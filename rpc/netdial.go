package rpc

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/proxy"

	"github.com/gctl-dev/gctl/fleet"
)

// netDialer opens raw connections: TCP or a Unix socket, directly or through a
// proxy.
type netDialer struct {
	open  func(ctx context.Context, network, addr string) (net.Conn, error)
	proxy *url.URL // nil: the environment decides
}

func newNetDialer(o *Options) (*netDialer, error) {
	d := &netDialer{open: o.DialContext}
	if d.open == nil {
		d.open = (&net.Dialer{}).DialContext
	}
	if o.Proxy == "" {
		return d, nil
	}
	u, err := url.Parse(o.Proxy)
	if err == nil && u.Host == "" {
		err = fmt.Errorf("no host in %q", u.Redacted())
	}
	if err == nil && !knownProxy(u.Scheme) {
		err = fmt.Errorf("scheme %q", u.Scheme)
	}
	if err != nil {
		return nil, &fleet.Error{
			Kind: fleet.Usage, What: "cannot use the proxy", Err: err,
			Hint: "write it as socks5://host:port or http://host:port",
		}
	}
	d.proxy = u
	return d, nil
}

func knownProxy(scheme string) bool {
	return scheme == "socks5" || scheme == "socks5h" || scheme == "http"
}

// dial opens a connection to addr and says whether it leads through a proxy,
// and how long its parts took.
func (d *netDialer) dial(ctx context.Context, addr string) (net.Conn, bool, ConnTiming, error) {
	var took ConnTiming
	start := time.Now()
	var dnsStart time.Time
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		DNSStart: func(httptrace.DNSStartInfo) { dnsStart = time.Now() },
		DNSDone:  func(httptrace.DNSDoneInfo) { took.Resolve += time.Since(dnsStart) },
	})
	network := "tcp"
	via := d.proxyFor(addr)
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		network, addr = "unix", strings.TrimPrefix(path, "//")
	}
	var conn net.Conn
	var err error
	if via != nil {
		conn, err = d.through(ctx, via, addr)
	} else {
		conn, err = d.open(ctx, network, addr)
	}
	took.Connect = time.Since(start) - took.Resolve
	return conn, via != nil, took, err
}

// proxyFor returns the proxy that leads to addr, nil for none: sockets are on
// this machine, and the environment never sends loopback addresses through one.
func (d *netDialer) proxyFor(addr string) *url.URL {
	if strings.HasPrefix(addr, "unix:") {
		return nil
	}
	if d.proxy != nil {
		return d.proxy
	}
	u, err := http.ProxyFromEnvironment(&http.Request{URL: &url.URL{Scheme: "https", Host: addr}})
	if err != nil {
		return nil
	}
	return u // also one that cannot be used: going without it would not be asked for
}

// through connects to addr by way of a proxy, which resolves the name.
func (d *netDialer) through(ctx context.Context, via *url.URL, addr string) (net.Conn, error) {
	host := via.Host
	if via.Port() == "" {
		host = net.JoinHostPort(via.Hostname(), map[string]string{"http": "80"}[via.Scheme])
		if via.Scheme != "http" {
			host = net.JoinHostPort(via.Hostname(), "1080")
		}
	}
	var conn net.Conn
	var err error
	switch {
	case !knownProxy(via.Scheme):
		err = fmt.Errorf("%q is not spoken here, but socks5 and http", via.Scheme)
	case via.Scheme == "http":
		conn, err = d.connectTunnel(ctx, host, via.User, addr)
	default:
		conn, err = d.socks(ctx, host, via.User, addr)
	}
	if err != nil {
		return nil, &proxyError{proxy: via.Redacted(), err: err}
	}
	return conn, nil
}

func (d *netDialer) socks(ctx context.Context, host string, user *url.Userinfo, addr string) (net.Conn, error) {
	var auth *proxy.Auth
	if user != nil {
		password, _ := user.Password()
		auth = &proxy.Auth{User: user.Username(), Password: password}
	}
	s, err := proxy.SOCKS5("tcp", host, auth, forward(d.open))
	if err != nil {
		return nil, err
	}
	return s.(proxy.ContextDialer).DialContext(ctx, "tcp", addr) //nolint:forcetypeassert // documented by SOCKS5's package
}

// maxProxyAnswer bounds the headers of a proxy's answer, in bytes.
const maxProxyAnswer = 64 << 10

// connectTunnel asks an HTTP proxy for a tunnel (RFC 9110, section 9.3.6).
func (d *netDialer) connectTunnel(ctx context.Context, host string, user *url.Userinfo, addr string) (net.Conn, error) {
	conn, err := d.open(ctx, "tcp", host)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	req := &http.Request{Method: http.MethodConnect, URL: &url.URL{Host: addr}, Host: addr, Header: http.Header{}}
	if user != nil {
		req.Header.Set("Proxy-Authorization", "Basic "+basic(user))
	}
	if err := req.Write(conn); err != nil {
		conn.Close()
		return nil, err
	}
	limited := &io.LimitedReader{R: conn, N: maxProxyAnswer}
	buffered := bufio.NewReader(limited)
	resp, err := http.ReadResponse(buffered, req) //nolint:bodyclose // the body is the tunnel
	if err != nil {
		conn.Close()
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		conn.Close()
		return nil, fmt.Errorf("it answered %s", resp.Status)
	}
	limited.N = math.MaxInt64
	return &bufferedConn{Conn: conn, r: buffered}, nil
}

// bufferedConn is a connection of which some was read already.
type bufferedConn struct {
	net.Conn
	r *bufio.Reader
}

func (c *bufferedConn) Read(b []byte) (int, error) { return c.r.Read(b) }

// forward adapts a dial function to what the SOCKS client wants.
type forward func(ctx context.Context, network, addr string) (net.Conn, error)

func (f forward) Dial(network, addr string) (net.Conn, error) {
	return f(context.Background(), network, addr)
}

func (f forward) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	return f(ctx, network, addr)
}

// proxyError is a failure on the way through a proxy.
type proxyError struct {
	proxy string
	err   error
}

func (e *proxyError) Error() string { return fmt.Sprintf("proxy %s: %v", e.proxy, e.err) }
func (e *proxyError) Unwrap() error { return e.err }

// basic encodes the credentials of a proxy (RFC 7617).
func basic(user *url.Userinfo) string {
	password, _ := user.Password()
	return base64.StdEncoding.EncodeToString([]byte(user.Username() + ":" + password))
}
