package rpc

import (
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gctl-dev/gctl/fleet"
)

// Protocol is how an RPC is written into HTTP.
type Protocol string

// The protocols. gRPC is what Dial speaks, DialWeb speaks the others.
const (
	GRPC Protocol = "grpc"
	// GRPCWeb is specified at https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md.
	GRPCWeb Protocol = "grpc-web"
	// Connect is specified at https://connectrpc.com/docs/protocol.
	Connect Protocol = "connect"
)

// Protocols returns the names of all protocols.
func Protocols() []string { return []string{string(GRPC), string(GRPCWeb), string(Connect)} }

// Carries returns an error of kind Usage if methods of this kind cannot be
// called by the protocol, whatever the server can.
func (p Protocol) Carries(md protoreflect.MethodDescriptor) error {
	if p != GRPCWeb || !md.IsStreamingClient() {
		return nil
	}
	return &fleet.Error{
		Kind: fleet.Usage, What: strings.TrimPrefix(Path(md), "/") + " takes a stream of requests, which gRPC-Web does not have",
		Hint: "leave out --protocol where the server speaks gRPC itself, or choose --protocol connect",
	}
}

// OwnsHeader tells whether the protocol sets a header of requests itself.
func (p Protocol) OwnsHeader(name string) bool {
	if p == GRPC {
		return strings.HasPrefix(name, "grpc-")
	}
	switch name {
	case "accept-encoding", "connection", "content-encoding", "content-length", "content-type", "host",
		"keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "user-agent", "x-grpc-web":
		return true
	}
	return strings.HasPrefix(name, "grpc-") || strings.HasPrefix(name, "connect-")
}

// wire is the form that requests and responses of one RPC have.
type wire int

const (
	connectUnary  wire = iota // the message is the body
	connectStream             // envelopes, the last one says how it ended
	grpcWeb                   // envelopes, the last one has the trailers
)

func (p Protocol) wire(md protoreflect.MethodDescriptor) wire {
	switch {
	case p == GRPCWeb:
		return grpcWeb
	case md.IsStreamingClient() || md.IsStreamingServer():
		return connectStream
	default:
		return connectUnary
	}
}

func (w wire) contentType() string {
	switch w {
	case connectUnary:
		return "application/proto"
	case connectStream:
		return "application/connect+proto"
	default:
		return "application/grpc-web+proto"
	}
}

// encodings returns the names of the headers that say how messages are
// compressed and how they may be.
func (w wire) encodings() (encoding, accept string) {
	switch w {
	case connectUnary:
		return "Content-Encoding", "Accept-Encoding"
	case connectStream:
		return "Connect-Content-Encoding", "Connect-Accept-Encoding"
	default:
		return "Grpc-Encoding", "Grpc-Accept-Encoding"
	}
}
