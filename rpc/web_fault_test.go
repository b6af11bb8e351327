package rpc_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/testkit"
	"github.com/gctl-dev/gctl/rpc"
	userv1 "github.com/gctl-dev/gctl/svc/user/api"
)

func getUser() *webCall {
	return &webCall{method: "GetUser", requests: []proto.Message{&userv1.GetUserRequest{Id: "u-1"}}}
}

func watchUsers() *webCall {
	return &webCall{method: "WatchUsers", requests: []proto.Message{&userv1.WatchUsersRequest{}}}
}

func webProtocols() []rpc.Protocol { return []rpc.Protocol{rpc.Connect, rpc.GRPCWeb} }

// wantStatus makes a call that ends with a status whose message has the words.
func wantStatus(t *testing.T, c *webCall, p rpc.Protocol, o rpc.Options, addr string, code codes.Code, words string) {
	t.Helper()
	r := c.must(t, p, o, addr)
	if r.Status.Code() != code || !strings.Contains(r.Status.Message(), words) {
		t.Errorf("%s %s: %v %q, want %v with %q", p, c.method, r.Status.Code(), r.Status.Message(), code, words)
	}
}

func TestWebToAServerThatSpeaksGRPCOnly(t *testing.T) {
	ca := testkit.NewCA(t)
	_, plain := testkit.Server{}.Start(t)
	_, secure := testkit.Server{TLS: serve(ca.Cert(t, []string{"127.0.0.1"}))}.Start(t)
	for _, p := range webProtocols() {
		for _, c := range []func() *webCall{getUser, watchUsers} {
			wantStatus(t, c(), p, rpc.Options{}, plain, codes.Unimplemented, "speaks gRPC itself")
			wantStatus(t, c(), p, rpc.Options{Plaintext: new(true)}, plain, codes.Unimplemented, "speaks gRPC itself")
			wantStatus(t, c(), p, rpc.Options{CACert: ca.File}, secure, codes.Unimplemented, "speaks gRPC itself")
		}
	}
}

func TestWebFailsOverAndNamesTheCause(t *testing.T) {
	_, addr := startEdge(t, nil)
	dead := testkit.ClosedAddr(t)
	for _, p := range webProtocols() {
		r, err := getUser().run(t.Context(), p, rpc.Options{}, at(dead), fleet.Instance{ID: "second", Addr: addr})
		if err != nil || r.Instance.ID != "second" {
			t.Errorf("%v %v", r, err)
		}
		_, err = getUser().run(t.Context(), p, rpc.Options{}, at(dead), fleet.Instance{ID: "two", Addr: testkit.ClosedAddr(t)})
		wantCause(t, err, rpc.CauseRefused)
		if fe := new(fleet.Error); !errors.As(err, &fe) || len(fe.Details) != 1 || !strings.Contains(fe.Details[0], "two") {
			t.Errorf("%v", err)
		}
	}
}

func TestWebTransportSecurity(t *testing.T) {
	ca := testkit.NewCA(t)
	_, plain := startEdge(t, nil)
	_, secure := startEdge(t, ca)
	_, native := testkit.Server{TLS: serve(ca.Cert(t, []string{"127.0.0.1"}))}.Start(t)
	demanding := serve(ca.Cert(t, []string{"127.0.0.1"}))
	demanding.ClientAuth, demanding.ClientCAs = tls.RequireAndVerifyClientCert, ca.Pool
	_, mutual := testkit.Server{TLS: demanding}.Start(t)
	cert, key := testkit.Files(t, ca.Cert(t, []string{"client"}))
	silent := testkit.Listen(t).Addr().String()
	meta := fleet.Instance{ID: "u", Addr: "203.0.113.7:443", Meta: map[string]string{fleet.MetaTLS: "false"}}
	for name, c := range map[string]struct {
		o    rpc.Options
		in   fleet.Instance
		want rpc.Cause // empty: it works
	}{
		"probed, plaintext":                {rpc.Options{}, at(plain), ""},
		"probed, TLS":                      {rpc.Options{}, at(secure), rpc.CauseUnknownCA},
		"insecure":                         {rpc.Options{Insecure: true}, at(secure), ""},
		"TLS to plaintext":                 {rpc.Options{Plaintext: new(false)}, at(plain), rpc.CausePlainServer},
		"plaintext to TLS":                 {rpc.Options{Plaintext: new(true)}, at(secure), rpc.CauseTLSServer},
		"plaintext to TLS of gRPC":         {rpc.Options{Plaintext: new(true)}, at(native), rpc.CauseTLSServer},
		"wrong name":                       {rpc.Options{CACert: ca.File, ServerName: "other"}, at(secure), rpc.CauseWrongName},
		"wrong authority":                  {rpc.Options{CACert: ca.File, Authority: "other:1"}, at(secure), rpc.CauseWrongName},
		"client certificate missing":       {rpc.Options{CACert: ca.File}, at(mutual), rpc.CauseClientCert},
		"client certificate":               {rpc.Options{CACert: ca.File, Cert: cert, Key: key}, at(mutual), ""},
		"another machine":                  {rpc.Options{DialContext: redirect(plain)}, at("203.0.113.7:443"), rpc.CausePlainServer},
		"a name that leads away":           {rpc.Options{DialContext: redirect(plain)}, at("localhost:443"), rpc.CausePlainServer},
		"plaintext by the catalog":         {rpc.Options{DialContext: redirect(plain)}, meta, ""},
		"credentials, the catalog":         {rpc.Options{DialContext: redirect(plain), Secret: true}, meta, rpc.CauseSecret},
		"credentials, chosen":              {rpc.Options{DialContext: redirect(plain), Secret: true, Plaintext: new(true)}, meta, ""},
		"credentials, this machine":        {rpc.Options{Secret: true}, at(plain), ""},
		"says nothing":                     {rpc.Options{ConnectTimeout: 50 * time.Millisecond}, at(silent), rpc.CauseNoAnswer},
		"plaintext to what says no HTTP":   {rpc.Options{Plaintext: new(true)}, at(talker(t, "220 mail.example ESMTP\r\n")), rpc.CauseNotHTTP},
		"probed, says no HTTP":             {rpc.Options{}, at(talker(t, "220 mail.example ESMTP\r\n")), rpc.CauseNotHTTP},
		"TLS to what says no HTTP":         {rpc.Options{Plaintext: new(false)}, at(talker(t, "220 mail.example ESMTP\r\n")), rpc.CausePlainServer},
		"a Unix socket that is not there":  {rpc.Options{}, at("unix:/no/such/socket"), rpc.CauseRefused},
		"a name that does not resolve":     {rpc.Options{DialContext: noSuchHost}, at("nowhere.example:80"), rpc.CauseName},
		"an address that is no URL's host": {rpc.Options{DialContext: redirect(plain), Plaintext: new(true)}, at("[fe80::1%eth0]:9090"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, p := range webProtocols() {
				_, err := getUser().run(t.Context(), p, c.o, c.in)
				if c.want == "" && err != nil {
					t.Errorf("%s: %v", p, err)
				} else if c.want != "" {
					wantCause(t, err, c.want)
				}
			}
		})
	}
}

func noSuchHost(context.Context, string, string) (net.Conn, error) {
	return nil, &net.DNSError{Err: "no such host", Name: "nowhere.example", IsNotFound: true}
}

// talker says something to everyone who connects and reads what they say.
func talker(t *testing.T, words string) string {
	t.Helper()
	listener := testkit.Listen(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, words)
			_, _ = conn.Read(make([]byte, 4096))
			conn.Close()
		}
	}()
	t.Cleanup(func() { listener.Close(); <-done })
	return listener.Addr().String()
}

func TestWebOptionsThatCannotBe(t *testing.T) {
	for name, o := range map[string]rpc.Options{
		"no CA file": {CACert: "/does/not/exist"}, "proxy": {Proxy: "gopher://x:1"}, "keepalive": {KeepaliveTime: time.Second},
	} {
		if _, err := rpc.DialWeb([]fleet.Instance{at("127.0.0.1:1")}, o, rpc.Connect); fleet.KindOf(err) != fleet.Usage || err == nil {
			t.Errorf("%s: error %v, want a usage error", name, err)
		}
	}
	if _, err := rpc.DialWeb([]fleet.Instance{at("127.0.0.1:1")}, rpc.Options{}, "soap"); fleet.KindOf(err) != fleet.Usage || err == nil {
		t.Errorf("error %v", err)
	}
}

func TestWebByWayOfAProxy(t *testing.T) {
	_, addr := startEdge(t, nil)
	asked := make(chan string, 9)
	o := rpc.Options{Proxy: "http://me:secret@" + httpProxy(t, addr, asked), Plaintext: new(true)}
	r, err := getUser().run(t.Context(), rpc.GRPCWeb, o, at("user.internal:8080"))
	if err != nil || r.Status.Code() != codes.OK {
		t.Fatal(r, err)
	}
	if got := <-asked; got != "user.internal:8080" {
		t.Errorf("the proxy was asked for %q", got)
	}
}

// answering serves one answer to everything, over HTTP/1.1.
func answering(t *testing.T, code int, kind, body string, headers ...string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		for i := 0; i < len(headers); i += 2 {
			w.Header().Add(headers[i], headers[i+1])
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func TestWebAnswersOfOthers(t *testing.T) {
	for _, c := range []struct {
		code       int
		kind, body string
		want       codes.Code
	}{
		{404, "text/html", "<html><title>Sign in\x1b[2J</title></html>", codes.Unimplemented},
		{503, "text/plain", "no healthy upstream", codes.Unavailable},
		{429, "text/plain", "slow down", codes.Unavailable},
		{401, "text/plain", "who are you", codes.Unauthenticated},
		{403, "text/html", "no", codes.PermissionDenied},
		{302, "text/html", "", codes.Unknown},
		{200, "text/html", "<html>", codes.Unknown},
		{400, "application/json", `{"error": "no code"}`, codes.Internal},
		{404, "application/json", `not JSON`, codes.Unimplemented},
		{200, "application/json", `{}`, codes.Unknown},
	} {
		addr := answering(t, c.code, c.kind, c.body)
		for _, p := range webProtocols() {
			for _, call := range []*webCall{getUser(), watchUsers()} {
				r := call.must(t, p, rpc.Options{}, addr)
				text := r.Status.Message()
				if r.Status.Code() != c.want || !strings.Contains(text, http.StatusText(c.code)) || !strings.Contains(text, c.kind) || strings.Contains(text, "\x1b") {
					t.Errorf("%s %s: %d %s: %v %q", p, call.method, c.code, c.kind, r.Status.Code(), text)
				}
			}
		}
	}
}

func TestWebAnswersThatBreakTheProtocol(t *testing.T) {
	const stream, unary, web = "application/connect+proto", "application/proto", "application/grpc-web+proto"
	end := func(json string) string { return "\x02\x00\x00\x00" + string(rune(len(json))) + json }
	trailers := func(text string) string { return "\x80\x00\x00\x00" + string(rune(len(text))) + text }
	const empty = "\x00\x00\x00\x00\x00"
	for name, c := range map[string]struct {
		p          rpc.Protocol
		call       *webCall
		code       int
		kind, body string
		want       codes.Code
		words      string
	}{
		"no end":             {rpc.Connect, watchUsers(), 200, stream, empty, codes.Internal, "trailers are missing"},
		"no trailers":        {rpc.GRPCWeb, watchUsers(), 200, web, empty, codes.Internal, "trailers are missing"},
		"no trailers, unary": {rpc.GRPCWeb, getUser(), 200, web, empty, codes.Internal, "trailers are missing"},
		"nothing at all":     {rpc.GRPCWeb, getUser(), 200, web, "", codes.Internal, "trailers are missing"},
		"half an envelope":   {rpc.Connect, watchUsers(), 200, stream, "\x00\x00\x00\x00\x09half", codes.Unavailable, "unexpected EOF"},
		"half a head":        {rpc.GRPCWeb, watchUsers(), 200, web, "\x00\x00", codes.Unavailable, "unexpected EOF"},
		"4 GiB are promised": {rpc.GRPCWeb, watchUsers(), 200, web, "\x00\xff\xff\xff\xff", codes.ResourceExhausted, "4294967295 vs. 4194304"},
		"unknown flags":      {rpc.Connect, watchUsers(), 200, stream, "\x40\x00\x00\x00\x00", codes.Internal, "flags 0x40"},
		"other's flags":      {rpc.Connect, watchUsers(), 200, stream, trailers("grpc-status: 0\r\n"), codes.Internal, "flags 0x80"},
		"compressed unasked": {rpc.Connect, watchUsers(), 200, stream, "\x01\x00\x00\x00\x00", codes.Internal, "compressed"},
		"end is no JSON":     {rpc.Connect, watchUsers(), 200, stream, end("]"), codes.Internal, "malformed"},
		"an unknown code":    {rpc.Connect, watchUsers(), 200, stream, end(`{"error":{"code":"odd","message":"m"}}`), codes.Unknown, "m"},
		"OK is no error":     {rpc.Connect, watchUsers(), 200, stream, end(`{"error":{"code":"ok","message":"m"}}`), codes.Unknown, "m"},
		"canceled":           {rpc.Connect, watchUsers(), 200, stream, end(`{"error":{"code":"canceled"}}`), codes.Canceled, ""},
		"unknown, with HTTP": {rpc.Connect, getUser(), 503, "application/json", `{"code":"odd","message":"m"}`, codes.Unavailable, "m"},
		"no message":         {rpc.GRPCWeb, getUser(), 200, web, trailers("grpc-status: 0\r\n"), codes.Internal, "without a response"},
		"two messages":       {rpc.GRPCWeb, getUser(), 200, web, empty + empty + trailers("grpc-status:0\r\n"), codes.Internal, "more than one"},
		"no status":          {rpc.GRPCWeb, getUser(), 200, web, empty + trailers("x: 1\r\n"), codes.Internal, "say no status"},
		"trailers of noise":  {rpc.GRPCWeb, getUser(), 200, web, empty + trailers("\x00\x01"), codes.Internal, "malformed"},
		"not encoded":        {rpc.GRPCWeb, getUser(), 200, web, trailers("Grpc-Status: 5\r\ngrpc-message: 100 % gone"), codes.NotFound, "100 % gone"},
		"no protobuf":        {rpc.Connect, getUser(), 200, unary, "\xff", codes.Internal, "cannot decode"},
	} {
		t.Run(name, func(t *testing.T) {
			wantStatus(t, c.call, c.p, rpc.Options{}, answering(t, c.code, c.kind, c.body), c.want, c.words)
		})
	}
}

func TestWebStatusWithoutABody(t *testing.T) {
	addr := answering(t, 200, "application/grpc-web+proto", "", "grpc-status", "5", "grpc-message", "gone%20%E2%9C%93", "x-last", "word")
	r := getUser().must(t, rpc.GRPCWeb, rpc.Options{}, addr)
	if r.Status.Code() != codes.NotFound || r.Status.Message() != "gone ✓" {
		t.Errorf("%v", r.Status)
	}
	wantMD(t, r.Trailer, "x-last", "word")
	addr = answering(t, 200, "application/grpc-web+proto", "", "grpc-status", "0")
	wantStatus(t, getUser(), rpc.GRPCWeb, rpc.Options{}, addr, codes.Internal, "without a response")
	wantStatus(t, watchUsers(), rpc.GRPCWeb, rpc.Options{}, addr, codes.OK, "")
}

func TestWebOverAUnixSocket(t *testing.T) {
	path := t.TempDir() + "/s"
	_, addr := startEdge(t, nil)
	open := func(ctx context.Context, network, to string) (net.Conn, error) {
		if network != "unix" || to != path {
			t.Errorf("dialed %s %s", network, to)
		}
		var d net.Dialer
		return d.DialContext(ctx, "tcp", addr)
	}
	for _, p := range webProtocols() {
		wantStatus(t, getUser(), p, rpc.Options{DialContext: open}, "unix:"+path, codes.OK, "")
	}
}

// A client that waits for the next request is let go when the call is over.
func TestWebEndOfAStreamOfRequestsByCancellation(t *testing.T) {
	_, addr := startEdge(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	sent := 0
	c := &webCall{method: "SyncUsers", onAnswer: func(proto.Message) error { cancel(); return nil }}
	c.next = func() (proto.Message, error) {
		if sent++; sent > 1 {
			<-ctx.Done()
		}
		return &userv1.SyncUsersRequest{RequestId: "x"}, nil
	}
	if r, err := c.run(ctx, rpc.Connect, rpc.Options{}, at(addr)); err != nil || r.Status.Code() != codes.Canceled {
		t.Errorf("%v %v", r, err)
	}
}

// A message that was cut off and a connection that broke off are failures, in
// whatever way they end.
func TestWebConnectionThatBreaksOff(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "\x00\x00\x00\x00\x00\x00")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}))
	t.Cleanup(s.Close)
	for _, p := range webProtocols() {
		for _, c := range []*webCall{getUser(), watchUsers()} {
			wantStatus(t, c, p, rpc.Options{}, s.Listener.Addr().String(), codes.Unavailable, "connection failed")
		}
	}
}

func TestWebBidiNeedsHTTP2(t *testing.T) {
	ca := testkit.NewCA(t)
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.TLS = serve(ca.Cert(t, []string{"127.0.0.1"}))
	s.StartTLS()
	t.Cleanup(s.Close)
	c := &webCall{method: "SyncUsers"}
	_, err := c.run(t.Context(), rpc.Connect, rpc.Options{CACert: ca.File}, at(s.Listener.Addr().String()))
	var fe *fleet.Error
	if !errors.As(err, &fe) || fe.Kind != fleet.Usage || !strings.Contains(fe.What, "HTTP/2") || fe.Hint == "" {
		t.Errorf("error %v", err)
	}
	_, err = (&webCall{method: "SyncUsers"}).run(t.Context(), rpc.Connect, rpc.Options{}, at(answering(t, 200, "text/html", "")))
	wantCause(t, err, rpc.CauseNoHTTP2)
}

func TestWebRequestsCarryWhatTheProtocolWants(t *testing.T) {
	seen := make(chan *http.Request, 1)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- r }))
	t.Cleanup(s.Close)
	for _, test := range []struct {
		p    rpc.Protocol
		call *webCall
		want map[string]string
	}{
		{rpc.Connect, getUser(), map[string]string{"Content-Type": "application/proto", "Connect-Protocol-Version": "1", "Connect-Timeout-Ms": "59", "Content-Encoding": "gzip"}},
		{rpc.Connect, watchUsers(), map[string]string{"Content-Type": "application/connect+proto", "Connect-Protocol-Version": "1", "Connect-Content-Encoding": "gzip"}},
		{rpc.GRPCWeb, getUser(), map[string]string{"Content-Type": "application/grpc-web+proto", "Grpc-Timeout": "59", "X-Grpc-Web": "1", "Grpc-Encoding": "gzip"}},
	} {
		test.call.maxTime = time.Minute
		test.call.headers = metadata.Pairs("content-type", "text/evil", "x-mine", "1")
		o := rpc.Options{Compress: "gzip", UserAgent: "me", Authority: "users.example"}
		if _, err := test.call.run(t.Context(), test.p, o, at(s.Listener.Addr().String())); err != nil {
			t.Fatal(err)
		}
		r := <-seen
		if r.Host != "users.example" || r.Header.Get("User-Agent") != "me gctl" || r.Header.Get("X-Mine") != "1" || len(r.Header["Content-Type"]) != 1 {
			t.Errorf("host %q, headers %v", r.Host, r.Header)
		}
		for name, want := range test.want {
			if got := r.Header.Get(name); !strings.HasPrefix(got, want) {
				t.Errorf("%s: %s %q, want %q", test.p, name, got, want)
			}
		}
	}
}

func TestWebCallsOneAfterTheOther(t *testing.T) {
	_, addr := startEdge(t, nil)
	conn, err := rpc.DialWeb([]fleet.Instance{at(addr)}, rpc.Options{}, rpc.GRPCWeb)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for range 2 {
		r, err := conn.Call(t.Context(), &rpc.Invocation{
			Method:    userMethod("GetUser"),
			Next:      func() (proto.Message, error) { return &userv1.GetUserRequest{}, nil },
			OnMessage: func(proto.Message) error { return nil },
		})
		if err != nil || r.Status.Code() != codes.OK {
			t.Fatal(r, err)
		}
	}
	if !conn.Plaintext() {
		t.Error("it is plaintext")
	}
}

func TestWebCancelledWhileConnecting(t *testing.T) {
	silent := testkit.Listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := getUser().run(ctx, rpc.Connect, rpc.Options{}, at(silent.Addr().String())); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want cancelled", err)
	}
}
