package screen

import (
	"context"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/rpc"
	"github.com/gctl-dev/gctl/rpc/message"
)

// Method is a method that can be called: what its schema says, and the way there.
type Method struct {
	Service   string // of the catalog
	Desc      protoreflect.MethodDescriptor
	Types     message.Types
	Lacks     []string         // types that the schema does not have
	Instances []fleet.Instance // that may be called, in the order in which they are tried
	ReadOnly  error            // why the context does not allow the call; nil: it does

	// Call invokes the method, on one instance if that is named, else on any.
	Call func(ctx context.Context, instance string, inv *rpc.Invocation) (*rpc.Result, error)
	// Grpcurl is the same call as a command line of grpcurl; credentials are left to
	// variables.
	Grpcurl func(ctx context.Context, instance string, requests []proto.Message) (string, error)
}

// Calls keeps what was called, line by line; state.Journal is one.
type Calls interface {
	Append(v any) error
	Each(use func(line []byte)) error
}
