package rpc

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"google.golang.org/grpc"

	"github.com/gctl-dev/gctl/fleet"
)

// exchange is one RPC by the HTTP of net/http, with connections of its own.
type exchange struct {
	web   *Web
	peer  attempt // who is called
	first *link   // the connection that is there already
	wire  wire

	mu     sync.Mutex
	handed bool // first was
	closed bool
	links  []*link
	stream *webStream
	round  sync.WaitGroup // the request under way
}

// prepare has a connection ready, which tells what can be spoken.
func (x *exchange) prepare(ctx context.Context) error {
	if x.first == nil {
		var err error
		if x.first, err = x.web.connect(ctx, &x.peer.instance, &x.peer.took); err != nil {
			a := x.peer
			a.err = err
			return connectError([]attempt{a}, a.finding())
		}
	}
	x.links = append(x.links, x.first)
	return nil
}

// close ends everything that the exchange began; its context is done by then.
func (x *exchange) close() {
	x.round.Wait()
	if x.stream != nil && x.stream.response != nil {
		x.stream.response.Body.Close()
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.closed = true
	for _, l := range x.links {
		l.Close()
	}
}

// dial gives the connections to net/http: first the one that is there. net/http
// would go on with one that nobody waits for any more.
func (x *exchange) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	x.mu.Lock()
	again := x.handed
	x.handed = true
	x.mu.Unlock()
	if !again {
		return x.first.Conn, nil
	}
	ctx, cancel := context.WithTimeout(ctx, x.web.opts.connectTimeout())
	defer cancel()
	defer context.AfterFunc(x.stream.ctx, cancel)() //nolint:contextcheck // both contexts end it
	var took ConnTiming
	l, err := x.web.connect(ctx, &x.peer.instance, &took)
	if err != nil {
		return nil, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		l.Close()
		return nil, net.ErrClosed
	}
	x.links = append(x.links, l)
	return l.Conn, nil
}

// heard returns the first words of the server on the last connection in
// plaintext.
func (x *exchange) heard() []byte {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, l := range x.links[len(x.links)-1:] {
		if c, ok := l.Conn.(*heardConn); ok {
			c.mu.Lock()
			defer c.mu.Unlock()
			return bytes.Clone(c.heard)
		}
	}
	return nil
}

// maxResponseHeader bounds the headers of an answer, and its trailers, in bytes.
const maxResponseHeader = 256 << 10

// transport returns net/http's client side. Over TLS it follows ALPN; in
// plaintext http2 decides.
func (x *exchange) transport(http2 bool) *http.Transport {
	speaks := new(http.Protocols)
	switch {
	case x.first.secure:
		speaks.SetHTTP1(true)
		speaks.SetHTTP2(true)
	case http2:
		speaks.SetUnencryptedHTTP2(true)
	default:
		speaks.SetHTTP1(true)
	}
	return &http.Transport{
		DialContext: x.dial, DialTLSContext: x.dial, Protocols: speaks,
		DisableKeepAlives:  true, // one call, and no logging of what comes after it
		DisableCompression: true, MaxResponseHeaderBytes: maxResponseHeader,
	}
}

// open implements transport.
func (x *exchange) open(ctx context.Context, desc *grpc.StreamDesc, path string) (grpc.ClientStream, error) {
	s := &webStream{ctx: ctx, exchange: x, desc: desc, path: path, answered: make(chan struct{})}
	x.stream = s
	if desc.ClientStreams {
		r, w := io.Pipe()
		s.requests = w
		s.start(r, nil)
	}
	return s, nil
}

// met implements transport.
func (x *exchange) met(grpc.ClientStream) (fleet.Instance, ConnTiming) {
	if x.stream.response == nil {
		return fleet.Instance{}, x.peer.took
	}
	return x.peer.instance, x.peer.took
}

// request builds the HTTP request; a nil body is a stream.
func (x *exchange) request(s *webStream, body *io.PipeReader, whole []byte) *http.Request {
	host := x.web.opts.Authority
	if host == "" {
		host = authorityOf(&x.peer.instance)
	}
	r := &http.Request{
		Method: http.MethodPost, Host: host,
		URL:    &url.URL{Scheme: "http", Host: authorityOf(&x.peer.instance), Path: s.path},
		Header: x.headers(s.ctx),
	}
	if x.first.secure {
		r.URL.Scheme = "https"
	}
	if body != nil {
		r.Body, r.ContentLength = body, -1
	} else {
		r.ContentLength = int64(len(whole))
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(whole)), nil }
		r.Body = io.NopCloser(bytes.NewReader(whole))
	}
	return r.WithContext(s.ctx)
}

// send makes the request and waits for the headers of the answer. A server that
// takes HTTP/2 only has understood nothing of HTTP/1.1: it is asked again.
func (x *exchange) send(s *webStream, body *io.PipeReader, whole []byte) (*http.Response, error) {
	http2 := x.first.http2 || s.desc.ClientStreams
	resp, err := x.transport(http2).RoundTrip(x.request(s, body, whole))
	if err != nil && !http2 && !x.first.secure && isSettings(x.heard()) && s.ctx.Err() == nil {
		http2 = true
		resp, err = x.transport(http2).RoundTrip(x.request(s, nil, whole))
	}
	if err != nil {
		return nil, x.diagnose(s.ctx, err, http2)
	}
	return resp, nil
}

// isSettings tells whether a server begins with a SETTINGS frame, as HTTP/2 does.
func isSettings(heard []byte) bool { return len(heard) > 3 && heard[0] == 0 && heard[3] == 4 }

// diagnose names the cause of a request that was not answered, where it is one
// of the connection. A TLS server may hang up without a word on plaintext.
func (x *exchange) diagnose(ctx context.Context, err error, http2 bool) error {
	heard := x.heard()
	var found Finding
	switch f, ok := diagnoseTLS(err); {
	case ok && x.first.secure:
		found = f
	case len(heard) == 0:
		f := x.lookCloser(ctx, http2)
		if f == nil {
			return err
		}
		found = *f
	case isTLSRecord(heard[0]):
		found = tlsServer
	case http2 && strings.HasPrefix(string(heard), "HTTP/1"):
		found = notHTTP2(heard)
		found.Hint = wantsHTTP2
	case !http2 && !strings.HasPrefix(string(heard), "HTTP/"):
		found = Finding{
			CauseNotHTTP, "the server does not speak HTTP; its first words are " + printable(heard[:min(len(heard), 40)]),
			"this may be the port of another service",
		}
	default:
		return err
	}
	return connectError([]attempt{x.peer}, found)
}

const wantsHTTP2 = "streams of requests need HTTP/2, which gctl speaks over TLS if the server offers it"

// lookCloser finds out whether a server that said nothing wants TLS, or a client
// certificate, whose lack TLS 1.3 tells after the handshake; or knows no HTTP/2, and
// hung up before its words were heard.
func (x *exchange) lookCloser(ctx context.Context, http2 bool) *Finding {
	if ctx.Err() != nil {
		return nil
	}
	f := Explain(ctx, x.peer.instance, x.web.opts).Fault()
	switch {
	case f == nil:
	case f.Cause == CauseTLSServer || f.Cause == CauseClientCert:
		return f
	case http2 && f.Cause == CauseNoHTTP2:
		return &Finding{f.Cause, f.What, wantsHTTP2}
	}
	return nil
}

// isConnectError tells whether an error is about the connection.
func isConnectError(err error) bool {
	var ce *ConnectError
	return errors.As(err, &ce)
}
