package auth_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/gctl-dev/gctl/internal/testkit"
	"github.com/gctl-dev/gctl/svc/kit/auth"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// desc is a service with a unary method and a stream, which answer at once.
var desc = &grpc.ServiceDesc{
	ServiceName: "test.Work", HandlerType: (*any)(nil),
	Methods: []grpc.MethodDesc{{MethodName: "Do", Handler: func(srv any, ctx context.Context, dec func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
		in := &emptypb.Empty{}
		if err := dec(in); err != nil {
			return nil, err
		}
		return interceptor(ctx, in, &grpc.UnaryServerInfo{Server: srv, FullMethod: "/test.Work/Do"}, func(context.Context, any) (any, error) { return in, nil })
	}}},
	Streams: []grpc.StreamDesc{{StreamName: "Watch", ServerStreams: true, Handler: func(_ any, stream grpc.ServerStream) error {
		return stream.SendMsg(&emptypb.Empty{})
	}}},
}

// serve starts a server behind a guard and returns its address.
func serve(t *testing.T, creds credentials.TransportCredentials, options auth.Options) string {
	t.Helper()
	guard, err := auth.Require(options)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.Creds(creds), grpc.UnaryInterceptor(guard.Unary), grpc.StreamInterceptor(guard.Stream))
	server.RegisterService(desc, struct{}{})
	healthpb.RegisterHealthServer(server, health.NewServer())
	reflection.Register(server)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

// answers are what a client with some credentials gets.
type answers struct{ unary, stream, health, reflection error }

func ask(t *testing.T, addr string, creds credentials.TransportCredentials) answers {
	t.Helper()
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(creds))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var a answers
	a.unary = conn.Invoke(ctx, "/test.Work/Do", &emptypb.Empty{}, &emptypb.Empty{})
	_, a.health = healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{})
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, "/test.Work/Watch")
	if a.stream = err; err == nil {
		stream.SendMsg(&emptypb.Empty{})
		stream.CloseSend()
		a.stream = stream.RecvMsg(&emptypb.Empty{})
	}
	schema, err := reflectionpb.NewServerReflectionClient(conn).ServerReflectionInfo(ctx)
	if a.reflection = err; err == nil {
		schema.Send(&reflectionpb.ServerReflectionRequest{MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{}})
		_, a.reflection = schema.Recv()
	}
	return a
}

func (a answers) expect(t *testing.T, who string, api, health, reflection codes.Code) {
	t.Helper()
	for what, c := range map[string]struct {
		err  error
		want codes.Code
	}{"unary": {a.unary, api}, "stream": {a.stream, api}, "health": {a.health, health}, "reflection": {a.reflection, reflection}} {
		if status.Code(c.err) != c.want {
			t.Errorf("%s, %s: %v, want %v", who, what, c.err, c.want)
		}
	}
}

func info(t *testing.T, err error) *errdetails.ErrorInfo {
	t.Helper()
	for _, d := range status.Convert(err).Details() {
		if d, ok := d.(*errdetails.ErrorInfo); ok {
			return d
		}
	}
	t.Errorf("%v has no ErrorInfo", err)
	return nil
}

// tlsOf returns the credentials of a server that asks for certificates, and a
// function that makes those of its clients.
func tlsOf(t *testing.T, need tls.ClientAuthType) (credentials.TransportCredentials, func(...tls.Certificate) credentials.TransportCredentials, *testkit.CA) {
	t.Helper()
	ca := testkit.NewCA(t)
	server := credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{ca.Cert(t, []string{"127.0.0.1"})}, MinVersion: tls.VersionTLS13,
		ClientCAs: ca.Pool, ClientAuth: need,
	})
	return server, func(own ...tls.Certificate) credentials.TransportCredentials {
		return credentials.NewTLS(&tls.Config{RootCAs: ca.Pool, GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if len(own) == 0 {
				return &tls.Certificate{}, nil
			}
			return &own[0], nil // also one that the server did not ask for
		}})
	}, ca
}

func TestOnlyTheAllowedMayCall(t *testing.T) {
	server, client, ca := tlsOf(t, tls.VerifyClientCertIfGiven)
	addr := serve(t, server, auth.Options{Allow: []string{"spiffe://example.org/ns/prod/*", "ops.example.org", "*.edge.local"}})
	ids := map[string]tls.Certificate{
		"spiffe://example.org/ns/prod/user": ca.Cert(t, []string{"other.example.org"}, testkit.SPIFFE(t, "spiffe://example.org/ns/prod/user")),
		"ops.example.org":                   ca.Cert(t, []string{"ops.example.org"}),
		"a.edge.local":                      ca.Cert(t, []string{"a.edge.local"}),
	}
	for who, cert := range ids {
		ask(t, addr, client(cert)).expect(t, who, codes.OK, codes.OK, codes.OK)
	}
	strangers := map[string]tls.Certificate{
		"spiffe://example.org/ns/dev/user": ca.Cert(t, []string{"ops.example.org"}, testkit.SPIFFE(t, "spiffe://example.org/ns/dev/user")),
		"ops.example.com":                  ca.Cert(t, []string{"ops.example.com"}),
		"gctl test":                        ca.Cert(t, nil),
	}
	for who, cert := range strangers {
		got := ask(t, addr, client(cert))
		got.expect(t, who, codes.PermissionDenied, codes.OK, codes.PermissionDenied)
		if i := info(t, got.unary); i.GetReason() != auth.ReasonNotAllowed || i.GetDomain() != "gctl.kit" || i.GetMetadata()["identity"] != who {
			t.Errorf("%s: %v", who, i)
		}
		if !strings.Contains(got.stream.Error(), who) {
			t.Errorf("%s: %v", who, got.stream)
		}
	}
	for who, creds := range map[string]credentials.TransportCredentials{
		"no certificate": client(),
		"a certificate without a name": client(ca.Cert(t, nil, func(c *x509.Certificate) {
			c.Subject = pkix.Name{}
			c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
		})),
		"a common name like an allowed SPIFFE ID": client(ca.Cert(t, nil, func(c *x509.Certificate) {
			c.Subject = pkix.Name{CommonName: "spiffe://example.org/ns/prod/user"}
		})),
	} {
		got := ask(t, addr, creds)
		got.expect(t, who, codes.Unauthenticated, codes.OK, codes.Unauthenticated)
		if i := info(t, got.unary); i.GetReason() != auth.ReasonNoIdentity {
			t.Errorf("%s: %v", who, i)
		}
	}
	forged := testkit.NewCA(t).Cert(t, []string{"ops.example.org"})
	ask(t, addr, client(forged)).expect(t, "a certificate of another CA", codes.Unavailable, codes.Unavailable, codes.Unavailable)
}

func TestWithoutAListTheCADecides(t *testing.T) {
	server, client, ca := tlsOf(t, tls.VerifyClientCertIfGiven)
	addr := serve(t, server, auth.Options{OpenReflection: true, Domain: "gctl.control.v1"})
	ask(t, addr, client(ca.Cert(t, []string{"whoever"}))).expect(t, "whoever", codes.OK, codes.OK, codes.OK)
	nobody := ask(t, addr, client())
	nobody.expect(t, "nobody", codes.Unauthenticated, codes.OK, codes.OK)
	if i := info(t, nobody.unary); i.GetDomain() != "gctl.control.v1" {
		t.Errorf("info = %v", i)
	}
}

// A certificate that nobody checked is no identity, nor is plaintext one.
func TestUnverifiedIsNobody(t *testing.T) {
	server, client, ca := tlsOf(t, tls.RequireAnyClientCert)
	addr := serve(t, server, auth.Options{})
	for who, cert := range map[string]tls.Certificate{
		"forged": testkit.NewCA(t).Cert(t, []string{"whoever"}),
		"own":    ca.Cert(t, []string{"whoever"}),
	} {
		ask(t, addr, client(cert)).expect(t, who, codes.Unauthenticated, codes.OK, codes.Unauthenticated)
	}
	addr = serve(t, insecure.NewCredentials(), auth.Options{})
	ask(t, addr, insecure.NewCredentials()).expect(t, "plaintext", codes.Unauthenticated, codes.OK, codes.Unauthenticated)
}

func TestRequireSaysWhatIsWrong(t *testing.T) {
	if _, err := auth.Require(auth.Options{Allow: []string{"edge*"}}); err == nil || !strings.Contains(err.Error(), "edge*") {
		t.Errorf("error = %v", err)
	}
}
