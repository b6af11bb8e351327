package form

import (
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/runtime/protoiface"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// opaqueType stands in for the type of an Any that nobody knows. It is a
// BytesValue whose bytes are not encoded once more, so that its JSON is
// {"@type": "...", "value": "base64"}, as gctl shows such messages everywhere.
var opaqueType protoreflect.MessageType = opaqueMessageType{(*wrapperspb.BytesValue)(nil).ProtoReflect().Type()}

type opaqueMessageType struct{ protoreflect.MessageType }

// New implements protoreflect.MessageType.
func (t opaqueMessageType) New() protoreflect.Message { return opaque{t.MessageType.New()} }

type opaque struct{ protoreflect.Message }

// Interface implements protoreflect.Message.
func (m opaque) Interface() protoreflect.ProtoMessage { return m }

// ProtoReflect implements protoreflect.ProtoMessage.
func (m opaque) ProtoReflect() protoreflect.Message { return m }

// ProtoMethods implements protoreflect.Message: the bytes are the encoding.
func (m opaque) ProtoMethods() *protoiface.Methods {
	value := m.Descriptor().Fields().ByNumber(1)
	return &protoiface.Methods{
		Flags: protoiface.SupportMarshalDeterministic,
		Marshal: func(in protoiface.MarshalInput) (protoiface.MarshalOutput, error) {
			return protoiface.MarshalOutput{Buf: append(in.Buf, m.Get(value).Bytes()...)}, nil
		},
		Unmarshal: func(in protoiface.UnmarshalInput) (protoiface.UnmarshalOutput, error) {
			m.Set(value, protoreflect.ValueOfBytes(append([]byte(nil), in.Buf...)))
			return protoiface.UnmarshalOutput{Flags: protoiface.UnmarshalInitialized}, nil
		},
	}
}
