// Package edge is what browsers and REST clients talk to in front of the user
// service: gRPC-Web, Connect and JSON over HTTP/1.1 and HTTP/2, and native gRPC.
//
// New returns an Edge over a client connection to the user service. It is served
// in two ways. Register makes its methods those of a gRPC server, which then
// forwards every call as the bytes that came, so that reflection, health, the
// catalog and interceptors know them as if they were implemented there. Handler
// is for a http.Server: Vanguard turns what comes into gRPC, which takes the same
// way; native gRPC goes past it.
//
//	conn, err := grpc.NewClient(target, append(options, edge.DialOptions()...)...)
//	e, err := edge.New(conn, edge.Options{Stopping: server.Stopping()})
//	e.Register(server) // made with e.ServerOptions()
//	web := kit.NewHTTPServer(e.Handler(), nil, log)
//
// What passes through unchanged: messages, metadata but for what belongs to one
// connection or one browser, deadlines, cancellation, trace context, trailers,
// and statuses with their details.
package edge

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/reflection"
	"google.golang.org/protobuf/reflect/protoreflect"

	userv1 "github.com/gctl-dev/gctl/svc/user/api"
)

// Name is the edge's name in a catalog.
const Name = "edge"

// The defaults of Options.
const (
	DefaultMaxMessageBytes = 4 << 20
	DefaultUnaryTimeout    = 30 * time.Second
	DefaultWriteTimeout    = 30 * time.Second
)

// Options says how calls are taken and forwarded. The zero value serves.
type Options struct {
	// Target is what errors call the service; "user" if empty.
	Target string
	// Origins are the origins of pages that may call from a browser, each like
	// "https://app.example.com"; "*" for every one. Pages of the edge itself
	// always may, and without any no others.
	Origins []string
	// DropHeaders are names of request headers that are not forwarded, besides
	// those that never are.
	DropHeaders []string
	// CallerHeader is the request header by which the service knows whom a call is
	// for; empty: none. What callers say in it is not forwarded: it says what Caller
	// returns by the context of the call, and is not there where that is "".
	CallerHeader string
	Caller       func(context.Context) string

	MaxMessageBytes int           // of one message in either direction; 0: DefaultMaxMessageBytes
	UnaryTimeout    time.Duration // of unary calls without a deadline, and to read one's body; 0: DefaultUnaryTimeout
	WriteTimeout    time.Duration // for a client to take some of a stream; 0: DefaultWriteTimeout

	// Stopping ends streams with UNAVAILABLE when it is closed, so that their
	// clients resume elsewhere.
	Stopping <-chan struct{}
	// ServerOptions are those of the gRPC server behind Handler: interceptors,
	// of which one should recover panics, and the stats handler. kit.Server.Chain
	// returns them.
	ServerOptions []grpc.ServerOption
	Log           *slog.Logger // slog.Default() if nil
	Page          bool         // serve the page at /
}

// Edge forwards calls to the user service.
type Edge struct {
	options  Options
	services []protoreflect.ServiceDescriptor
	forward  *forwarder
	server   *grpc.Server // behind Handler
	handler  http.Handler
}

// New returns an edge that forwards over conn, which is made with DialOptions and
// stays the caller's to close.
// The error says which option cannot be.
func New(conn grpc.ClientConnInterface, options Options) (*Edge, error) {
	options = options.withDefaults()
	if options.MaxMessageBytes < 0 || options.UnaryTimeout < 0 || options.WriteTimeout < 0 {
		return nil, fmt.Errorf("edge: a limit is negative")
	}
	if options.CallerHeader != "" && options.Caller == nil {
		return nil, fmt.Errorf("edge: the header %s names callers: who are they?", options.CallerHeader)
	}
	e := &Edge{
		options:  options,
		services: []protoreflect.ServiceDescriptor{userv1.File_svc_user_api_user_proto.Services().ByName("UserService")},
		forward:  newForwarder(conn, &options),
	}
	e.server = grpc.NewServer(append([]grpc.ServerOption{
		grpc.ForceServerCodecV2(rawCodec{}),
		grpc.MaxRecvMsgSize(options.MaxMessageBytes),
	}, options.ServerOptions...)...)
	e.Register(e.server)
	reflection.Register(e.server)
	var err error
	e.handler, err = e.newHandler()
	if err != nil {
		return nil, err
	}
	return e, nil
}

func (o Options) withDefaults() Options {
	if o.MaxMessageBytes == 0 {
		o.MaxMessageBytes = DefaultMaxMessageBytes
	}
	if o.UnaryTimeout == 0 {
		o.UnaryTimeout = DefaultUnaryTimeout
	}
	if o.WriteTimeout == 0 {
		o.WriteTimeout = DefaultWriteTimeout
	}
	o.Target = cmp.Or(o.Target, "user")
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}

// ServerOptions are what a gRPC server needs on which Register is called: a codec
// that leaves forwarded messages as they are. Other services notice nothing.
func ServerOptions() []grpc.ServerOption {
	return []grpc.ServerOption{grpc.ForceServerCodecV2(rawCodec{})}
}

// Register makes the forwarded services those of a gRPC server, which must have
// been made with ServerOptions. Unary methods pass its unary interceptors, the
// others those for streams; interceptors see messages as bytes that are no
// proto.Message.
func (e *Edge) Register(r grpc.ServiceRegistrar) {
	for _, sd := range e.services {
		r.RegisterService(e.forward.service(sd), nil)
	}
}

// Services returns the sorted names of the forwarded services.
func (e *Edge) Services() []string {
	names := make([]string, 0, len(e.services))
	for _, sd := range e.services {
		names = append(names, string(sd.FullName()))
	}
	slices.Sort(names)
	return names
}

// Handler returns what a http.Server serves: the RPCs in every protocol, REST
// under /v1/, the schema as a FileDescriptorSet at /schema.binpb, and the page.
func (e *Edge) Handler() http.Handler { return e.handler }
