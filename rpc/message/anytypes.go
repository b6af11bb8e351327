package message

import (
	"bytes"
	"errors"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/runtime/protoiface"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// withFallback looks for types in a schema, then among those that are linked
// in, and makes do with the bytes of a message that nobody knows: one strange
// detail must not keep the rest from being shown.
type withFallback struct{ types Types }

func (w withFallback) FindMessageByName(name protoreflect.FullName) (protoreflect.MessageType, error) {
	if w.types != nil {
		if mt, err := w.types.FindMessageByName(name); err == nil {
			return mt, nil
		}
	}
	return protoregistry.GlobalTypes.FindMessageByName(name)
}

func (w withFallback) FindMessageByURL(url string) (protoreflect.MessageType, error) {
	if w.types != nil {
		if mt, err := w.types.FindMessageByURL(url); err == nil {
			return mt, nil
		}
	}
	mt, err := protoregistry.GlobalTypes.FindMessageByURL(url)
	if errors.Is(err, protoregistry.NotFound) {
		return OpaqueType(), nil
	}
	return mt, err
}

func (w withFallback) FindExtensionByName(name protoreflect.FullName) (protoreflect.ExtensionType, error) {
	if w.types != nil {
		if xt, err := w.types.FindExtensionByName(name); err == nil {
			return xt, nil
		}
	}
	return protoregistry.GlobalTypes.FindExtensionByName(name)
}

func (w withFallback) FindExtensionByNumber(message protoreflect.FullName, n protoreflect.FieldNumber) (protoreflect.ExtensionType, error) {
	if w.types != nil {
		if xt, err := w.types.FindExtensionByNumber(message, n); err == nil {
			return xt, nil
		}
	}
	return protoregistry.GlobalTypes.FindExtensionByNumber(message, n)
}

// OpaqueType stands in for the type of a message in an Any that nobody knows:
// whatever its bytes are, they are the value of a BytesValue and are not encoded
// once more, so that its JSON is {"@type": "...", "value": "base64"}.
func OpaqueType() protoreflect.MessageType {
	return opaqueType{(*wrapperspb.BytesValue)(nil).ProtoReflect().Type()}
}

type opaqueType struct{ protoreflect.MessageType }

func (t opaqueType) New() protoreflect.Message { return opaque{t.MessageType.New()} }

type opaque struct{ protoreflect.Message }

func (m opaque) Interface() protoreflect.ProtoMessage { return m }

func (m opaque) ProtoReflect() protoreflect.Message { return m }

func (m opaque) ProtoMethods() *protoiface.Methods {
	value := m.Descriptor().Fields().ByNumber(1)
	return &protoiface.Methods{
		Flags: protoiface.SupportMarshalDeterministic,
		Marshal: func(in protoiface.MarshalInput) (protoiface.MarshalOutput, error) {
			return protoiface.MarshalOutput{Buf: append(in.Buf, m.Get(value).Bytes()...)}, nil
		},
		Unmarshal: func(in protoiface.UnmarshalInput) (protoiface.UnmarshalOutput, error) {
			m.Set(value, protoreflect.ValueOfBytes(bytes.Clone(in.Buf)))
			return protoiface.UnmarshalOutput{Flags: protoiface.UnmarshalInitialized}, nil
		},
	}
}
