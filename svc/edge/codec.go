package edge

import (
	"fmt"

	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/gzip" // clients may compress
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"

	"github.com/gctl-dev/gctl/svc/kit/retry"
)

// frame is a message as it came.
type frame struct{ data mem.BufferSlice }

var _ retry.Raw = (*frame)(nil)

// free gives the memory back; the frame is empty then.
func (f *frame) free() {
	f.data.Free()
	f.data = nil
}

// Bytes implements retry.Raw.
func (f *frame) Bytes() []byte { return f.data.Materialize() }

// rawCodec is the codec for protobuf that leaves frames as they are.
type rawCodec struct{}

var _ encoding.CodecV2 = rawCodec{}

// Name implements encoding.CodecV2.
func (rawCodec) Name() string { return proto.Name }

// Marshal implements encoding.CodecV2. A frame may be marshalled again, when a
// call is retried.
func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	if f, ok := v.(*frame); ok {
		f.data.Ref()
		return f.data, nil
	}
	return standard().Marshal(v)
}

// Unmarshal implements encoding.CodecV2.
func (rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	if f, ok := v.(*frame); ok {
		f.data.Free() // of an attempt before
		data.Ref()
		f.data = data
		return nil
	}
	if err := standard().Unmarshal(data, v); err != nil {
		return fmt.Errorf("edge: %w", err)
	}
	return nil
}

func standard() encoding.CodecV2 { return encoding.GetCodecV2(proto.Name) }
