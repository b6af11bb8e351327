package rpc_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/testkit"
	"github.com/gctl-dev/gctl/rpc"
	"github.com/gctl-dev/gctl/svc/edge"
	"github.com/gctl-dev/gctl/svc/kit"
	userv1 "github.com/gctl-dev/gctl/svc/user/api"
)

// users is a user service that tells what it sees.
type users struct {
	userv1.UnimplementedUserServiceServer

	seen  chan metadata.MD
	left  chan time.Duration // until the deadline, 0 without
	ended chan error         // of calls that wait
}

// GetUser answers by the ID.
func (u *users) GetUser(ctx context.Context, r *userv1.GetUserRequest) (*userv1.User, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	u.seen <- md
	left := time.Duration(0)
	if end, ok := ctx.Deadline(); ok {
		left = time.Until(end)
	}
	u.left <- left
	err := errors.Join(
		grpc.SetHeader(ctx, metadata.Pairs("x-said", "first", "x-bytes-bin", "\x00\x01,")),
		grpc.SetTrailer(ctx, metadata.Pairs("x-last", "word", "x-end-bin", "\xff")))
	if err != nil {
		return nil, err
	}
	switch r.GetId() {
	case "wait":
		<-ctx.Done()
		u.ended <- ctx.Err()
		return nil, status.FromContextError(ctx.Err()).Err()
	case "fail":
		return nil, failure()
	case "big":
		return &userv1.User{DisplayName: strings.Repeat("x", 100_000)}, nil
	}
	return &userv1.User{Id: r.GetId(), DisplayName: "Zoë"}, nil
}

// failure is a status with everything that one can have.
func failure() error {
	st, err := status.New(codes.FailedPrecondition, "not thus: 100 % “wrong”\n").WithDetails(&errdetails.ErrorInfo{Reason: "WHY", Domain: "user.v1"})
	if err != nil {
		return err
	}
	return st.Err()
}

// WatchUsers sends three changes and ends as the token says.
func (u *users) WatchUsers(r *userv1.WatchUsersRequest, stream grpc.ServerStreamingServer[userv1.UserChange]) error {
	if err := stream.SetHeader(metadata.Pairs("x-said", "first")); err != nil {
		return err
	}
	stream.SetTrailer(metadata.Pairs("x-last", "word"))
	for _, token := range []string{"1", "2", "3"} {
		if err := stream.Send(&userv1.UserChange{Token: token}); err != nil {
			return err
		}
	}
	switch r.GetToken() {
	case "wait":
		<-stream.Context().Done()
		u.ended <- stream.Context().Err()
		return stream.Context().Err()
	case "fail":
		return failure()
	}
	return nil
}

// ImportUsers counts.
func (u *users) ImportUsers(stream grpc.ClientStreamingServer[userv1.ImportUsersRequest, userv1.ImportUsersResponse]) error {
	for n := int64(0); ; n++ {
		_, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return stream.SendAndClose(&userv1.ImportUsersResponse{Received: n})
		}
		if err != nil {
			return err
		}
	}
}

// SyncUsers answers each request before it takes the next.
func (u *users) SyncUsers(stream grpc.BidiStreamingServer[userv1.SyncUsersRequest, userv1.SyncUsersResponse]) error {
	for {
		r, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		answer := &userv1.SyncUsersResponse{Message: &userv1.SyncUsersResponse_Result{Result: &userv1.SyncResult{RequestId: r.GetRequestId()}}}
		if err := stream.Send(answer); err != nil {
			return err
		}
	}
}

// startEdge starts the service and the edge in front of it, over TLS where there
// is a certificate authority.
func startEdge(t *testing.T, ca *testkit.CA) (*users, string) {
	t.Helper()
	u := &users{seen: make(chan metadata.MD, 99), left: make(chan time.Duration, 99), ended: make(chan error, 99)}
	behind := testkit.Listen(t)
	server := grpc.NewServer()
	userv1.RegisterUserServiceServer(server, u)
	served := make(chan error, 1)
	go func() { served <- server.Serve(behind) }()
	conn, err := grpc.NewClient(behind.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	e, err := edge.New(conn, edge.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		server.Stop()
		<-served
	})
	return u, serveWeb(t, ca, e.Handler())
}

// serveWeb serves HTTP/1.1 and HTTP/2, over TLS where there is an authority.
func serveWeb(t *testing.T, ca *testkit.CA, h http.Handler) string {
	t.Helper()
	listener := testkit.Listen(t)
	addr := listener.Addr().String()
	var config *tls.Config
	if ca != nil {
		config = serve(ca.Cert(t, []string{"127.0.0.1"}))
		config.NextProtos = []string{"h2", "http/1.1"}
		listener = tls.NewListener(listener, config)
	}
	server := kit.NewHTTPServer(h, config, slog.New(slog.DiscardHandler))
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Close()
		<-served
	})
	return addr
}

// webCall is a call and what came back.
type webCall struct {
	method   string
	headers  metadata.MD
	maxTime  time.Duration
	requests []proto.Message
	next     func() (proto.Message, error) // instead of requests
	onAnswer func(proto.Message) error

	answers []proto.Message
	header  metadata.MD
}

func userMethod(name string) protoreflect.MethodDescriptor {
	return userv1.File_svc_user_api_user_proto.Services().ByName("UserService").Methods().ByName(protoreflect.Name(name))
}

func (c *webCall) run(ctx context.Context, p rpc.Protocol, o rpc.Options, instances ...fleet.Instance) (*rpc.Result, error) {
	conn, err := rpc.DialWeb(instances, o, p)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	next := c.next
	if next == nil {
		next = func() (proto.Message, error) {
			if len(c.requests) == 0 {
				return nil, io.EOF
			}
			m := c.requests[0]
			c.requests = c.requests[1:]
			return m, nil
		}
	}
	return conn.Call(ctx, &rpc.Invocation{
		Method: userMethod(c.method), Headers: c.headers, MaxTime: c.maxTime, Next: next,
		OnHeader: func(_ fleet.Instance, md metadata.MD) error { c.header = md; return nil },
		OnMessage: func(m proto.Message) error {
			c.answers = append(c.answers, m)
			if c.onAnswer != nil {
				return c.onAnswer(m)
			}
			return nil
		},
	})
}

// must is run where a result is expected.
func (c *webCall) must(t *testing.T, p rpc.Protocol, o rpc.Options, addr string) *rpc.Result {
	t.Helper()
	r, err := c.run(t.Context(), p, o, at(addr))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func text(m proto.Message, field string) string {
	r := m.ProtoReflect()
	return r.Get(r.Descriptor().Fields().ByName(protoreflect.Name(field))).String()
}

// everyWay runs a test by both protocols in plaintext HTTP/1.1 and in HTTP/2
// over TLS.
func everyWay(t *testing.T, test func(t *testing.T, u *users, p rpc.Protocol, o rpc.Options, addr string)) {
	t.Helper()
	for _, p := range []rpc.Protocol{rpc.Connect, rpc.GRPCWeb} {
		t.Run(string(p)+" in plaintext", func(t *testing.T) {
			u, addr := startEdge(t, nil)
			test(t, u, p, rpc.Options{}, addr)
		})
		t.Run(string(p)+" over TLS", func(t *testing.T) {
			ca := testkit.NewCA(t)
			u, addr := startEdge(t, ca)
			test(t, u, p, rpc.Options{CACert: ca.File}, addr)
		})
	}
}

func TestWebUnary(t *testing.T) {
	everyWay(t, func(t *testing.T, u *users, p rpc.Protocol, o rpc.Options, addr string) {
		for _, compress := range []string{"", "gzip"} {
			o.Compress = compress
			o.UserAgent = "someone"
			c := &webCall{
				method: "GetUser", requests: []proto.Message{&userv1.GetUserRequest{Id: "u-1"}}, maxTime: time.Minute,
				headers: metadata.Pairs("x-plain", "a", "x-plain", "b", "x-raw-bin", "\x00\xff"),
			}
			r := c.must(t, p, o, addr)
			if r.Status.Code() != codes.OK || len(c.answers) != 1 || text(c.answers[0], "display_name") != "Zoë" {
				t.Fatalf("%v %v", r.Status, c.answers)
			}
			if r.Sent != 1 || r.Received != 1 || r.Instance.Addr != addr || r.Timing.LastByte == 0 || r.Timing.Connect == 0 {
				t.Errorf("result %+v", r)
			}
			wantMD(t, c.header, "x-said", "first")
			wantMD(t, r.Header, "x-bytes-bin", "\x00\x01,")
			wantMD(t, r.Trailer, "x-last", "word")
			wantMD(t, r.Trailer, "x-end-bin", "\xff")
			for name := range r.Header {
				if strings.HasPrefix(name, "trailer-") || strings.HasPrefix(name, "grpc-") {
					t.Errorf("the header %q is the protocol's", name)
				}
			}
			seen := <-u.seen
			wantMD(t, seen, "x-plain", "a", "b")
			wantMD(t, seen, "x-raw-bin", "\x00\xff")
			if agent := seen.Get("x-user-agent"); len(agent) > 0 && !strings.Contains(agent[0], "someone") {
				t.Errorf("user agent %q", agent)
			}
			if left := <-u.left; left < 30*time.Second || left > time.Minute {
				t.Errorf("the server has %s left of a minute", left)
			}
		}
	})
}

func wantMD(t *testing.T, md metadata.MD, name string, want ...string) {
	t.Helper()
	if got := md.Get(name); strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("%s: %q, want %q, in %v", name, got, want, md)
	}
}

func wantFailure(t *testing.T, r *rpc.Result) {
	t.Helper()
	want := status.Convert(failure())
	if !proto.Equal(r.Status.Proto(), want.Proto()) {
		t.Errorf("status %v, want %v", r.Status.Proto(), want.Proto())
	}
	wantMD(t, r.Trailer, "x-last", "word")
}

func TestWebStatusWithDetails(t *testing.T) {
	everyWay(t, func(t *testing.T, _ *users, p rpc.Protocol, o rpc.Options, addr string) {
		c := &webCall{method: "GetUser", requests: []proto.Message{&userv1.GetUserRequest{Id: "fail"}}}
		wantFailure(t, c.must(t, p, o, addr))
		c = &webCall{method: "WatchUsers", requests: []proto.Message{&userv1.WatchUsersRequest{Token: "fail"}}}
		r := c.must(t, p, o, addr)
		wantFailure(t, r)
		if r.Received != 3 {
			t.Errorf("%d received before it failed", r.Received)
		}
	})
}

func TestWebServerStream(t *testing.T) {
	everyWay(t, func(t *testing.T, _ *users, p rpc.Protocol, o rpc.Options, addr string) {
		c := &webCall{method: "WatchUsers", requests: []proto.Message{&userv1.WatchUsersRequest{}}}
		r := c.must(t, p, o, addr)
		if r.Status.Code() != codes.OK || r.Received != 3 || text(c.answers[2], "token") != "3" {
			t.Errorf("%v %v", r.Status, c.answers)
		}
		wantMD(t, r.Header, "x-said", "first")
		wantMD(t, r.Trailer, "x-last", "word")
	})
}

func TestWebCancellationReachesTheService(t *testing.T) {
	everyWay(t, func(t *testing.T, u *users, p rpc.Protocol, o rpc.Options, addr string) {
		ctx, cancel := context.WithCancel(t.Context())
		c := &webCall{method: "WatchUsers", requests: []proto.Message{&userv1.WatchUsersRequest{Token: "wait"}}}
		c.onAnswer = func(m proto.Message) error {
			if text(m, "token") == "3" {
				cancel()
			}
			return nil
		}
		r, err := c.run(ctx, p, o, at(addr))
		if err != nil || r.Status.Code() != codes.Canceled {
			t.Fatalf("%v %v", r, err)
		}
		if err := <-u.ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the service saw %v", err)
		}
	})
}

func TestWebDeadline(t *testing.T) {
	everyWay(t, func(t *testing.T, u *users, p rpc.Protocol, o rpc.Options, addr string) {
		c := &webCall{method: "GetUser", requests: []proto.Message{&userv1.GetUserRequest{Id: "wait"}}, maxTime: 50 * time.Millisecond}
		if r := c.must(t, p, o, addr); r.Status.Code() != codes.DeadlineExceeded {
			t.Errorf("%v", r.Status)
		}
		<-u.ended
	})
}

func TestWebOversize(t *testing.T) {
	everyWay(t, func(t *testing.T, _ *users, p rpc.Protocol, o rpc.Options, addr string) {
		o.MaxMsgSize = 12 // less than any trailers have
		if r := getUser().must(t, p, o, addr); r.Status.Code() != codes.OK {
			t.Error(r.Status)
		}
		for _, compress := range []string{"", "gzip"} {
			o.MaxMsgSize, o.Compress = 99_999, compress
			c := &webCall{method: "GetUser", requests: []proto.Message{&userv1.GetUserRequest{Id: "big"}}}
			if r := c.must(t, p, o, addr); r.Status.Code() != codes.ResourceExhausted || !strings.Contains(r.Status.Message(), "larger than max") {
				t.Errorf("%q: %v", compress, r.Status)
			}
			o.MaxMsgSize = 100_100
			c.requests = []proto.Message{&userv1.GetUserRequest{Id: "big"}}
			if r := c.must(t, p, o, addr); r.Status.Code() != codes.OK {
				t.Errorf("%q: %v", compress, r.Status)
			}
		}
	})
}

func TestWebStreamsOfRequests(t *testing.T) {
	everyWay(t, func(t *testing.T, _ *users, p rpc.Protocol, o rpc.Options, addr string) {
		many := []proto.Message{&userv1.ImportUsersRequest{}, &userv1.ImportUsersRequest{}, &userv1.ImportUsersRequest{}}
		c := &webCall{method: "ImportUsers", requests: many}
		if p == rpc.GRPCWeb {
			_, err := c.run(t.Context(), p, o, at(addr))
			var fe *fleet.Error
			if !errors.As(err, &fe) || fe.Kind != fleet.Usage || fe.Hint == "" {
				t.Errorf("error %v", err)
			}
			return
		}
		r := c.must(t, p, o, addr)
		if r.Status.Code() != codes.OK || r.Sent != 3 || text(c.answers[0], "received") != "3" {
			t.Errorf("%v, sent %d, %v", r.Status, r.Sent, c.answers)
		}
		pingPong(t, o, addr)
	})
}

// pingPong sends each request when the one before it is answered.
func pingPong(t *testing.T, o rpc.Options, addr string) {
	t.Helper()
	answered := make(chan struct{}, 1)
	answered <- struct{}{}
	n := 0
	c := &webCall{method: "SyncUsers"}
	c.next = func() (proto.Message, error) {
		select {
		case <-answered:
		case <-t.Context().Done():
			return nil, t.Context().Err()
		}
		if n++; n > 3 {
			return nil, io.EOF
		}
		return &userv1.SyncUsersRequest{RequestId: strings.Repeat("x", n)}, nil
	}
	c.onAnswer = func(proto.Message) error { answered <- struct{}{}; return nil }
	if r := c.must(t, rpc.Connect, o, addr); r.Status.Code() != codes.OK || r.Sent != 3 || r.Received != 3 {
		t.Errorf("%v, sent %d, received %d", r.Status, r.Sent, r.Received)
	}
}
