package otlp

import (
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	_ "google.golang.org/grpc/encoding/gzip" // which exporters are often told to use
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/gctl-dev/gctl/fleet/dialect/spans"
)

// export is the one method that is served.
const export = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"

// beginning is how long a sender may take until it speaks HTTP/2.
const beginning = 5 * time.Second

// grpcServer serves export without generated code: messages are bytes.
func (r *Receiver) grpcServer() *grpc.Server {
	return grpc.NewServer(
		grpc.ForceServerCodecV2(rawCodec{}),
		grpc.MaxRecvMsgSize(maxMessage),
		grpc.MaxConcurrentStreams(100),
		grpc.ConnectionTimeout(beginning), // Close waits for as long
		grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
			if method, _ := grpc.MethodFromServerStream(stream); method != export {
				return status.Errorf(codes.Unimplemented, "gctl takes traces only, not %s", method)
			}
			var request []byte
			if err := stream.RecvMsg(&request); err != nil {
				return err
			}
			list, left, err := spans.FromProto(request)
			if err != nil {
				return status.Error(codes.InvalidArgument, err.Error())
			}
			response := exportResponse(r.take(list, left))
			return stream.SendMsg(&response)
		}),
	)
}

// exportResponse is an ExportTraceServiceResponse: empty, or with the
// partial_success that says how many spans were not kept, so that the sender does
// not try again.
func exportResponse(rejected int) []byte {
	if rejected == 0 {
		return []byte{}
	}
	var partial []byte
	partial = protowire.AppendTag(partial, 1, protowire.VarintType)
	partial = protowire.AppendVarint(partial, uint64(rejected))
	partial = protowire.AppendTag(partial, 2, protowire.BytesType)
	partial = protowire.AppendString(partial, rejection)
	return protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), partial)
}

const rejection = "spans without IDs, or more in one trace than are kept"

// rawCodec passes messages as they are on the wire.
type rawCodec struct{}

var errNoBytes = errors.New("a message that is no bytes")

// Marshal takes a *[]byte.
func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	raw, ok := v.(*[]byte)
	if !ok {
		return nil, fmt.Errorf("%w: %T", errNoBytes, v)
	}
	return mem.BufferSlice{mem.SliceBuffer(*raw)}, nil
}

// Unmarshal fills a *[]byte.
func (rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	raw, ok := v.(*[]byte)
	if !ok {
		return fmt.Errorf("%w: %T", errNoBytes, v)
	}
	*raw = data.Materialize()
	return nil
}

// Name is that of the format on the wire.
func (rawCodec) Name() string { return "proto" }
