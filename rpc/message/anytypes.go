package message

import (
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
		return unknownType{(*wrapperspb.BytesValue)(nil).ProtoReflect().Type()}, nil
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

// unknownType stands in for a type that nobody knows: whatever its bytes are,
// they are the value of a BytesValue, so that JSON shows
// {"@type": "...", "value": "base64"}.
type unknownType struct{ protoreflect.MessageType }

func (t unknownType) New() protoreflect.Message { return unknownMessage{t.MessageType.New()} }

type unknownMessage struct{ protoreflect.Message }

func (m unknownMessage) Interface() protoreflect.ProtoMessage { return m }

func (m unknownMessage) ProtoReflect() protoreflect.Message { return m }

func (m unknownMessage) ProtoMethods() *protoiface.Methods {
	return &protoiface.Methods{
		Unmarshal: func(in protoiface.UnmarshalInput) (protoiface.UnmarshalOutput, error) {
			value := m.Descriptor().Fields().ByNumber(1)
			m.Set(value, protoreflect.ValueOfBytes(in.Buf))
			return protoiface.UnmarshalOutput{Flags: protoiface.UnmarshalInitialized}, nil
		},
	}
}
