package form_test

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

func compact(t testing.TB, text []byte) string {
	t.Helper()
	var out bytes.Buffer
	if err := json.Compact(&out, text); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return out.String()
}

// maker makes messages of any type that JSON can hold.
type maker struct {
	*rand.Rand
	types *dynamicpb.Types
}

var anyTypes = []protoreflect.FullName{
	"everything.v1.Scalars", "everything.v1.Tree", "everything.v1.Known", "legacy.Old", "legacy.Strict",
	"google.protobuf.Duration", "google.protobuf.Value", "google.protobuf.Any", "google.protobuf.Empty", "google.protobuf.Struct",
}

func (r maker) message(md protoreflect.MessageDescriptor, depth int) protoreflect.Message {
	m := dynamicpb.NewMessage(md)
	if r.known(m, depth) {
		return m
	}
	for i := range md.Fields().Len() {
		fd := md.Fields().Get(i)
		if fd.Cardinality() == protoreflect.Required || r.IntN(3) > 0 {
			r.fill(m, fd, depth)
		}
	}
	if md.FullName() == "legacy.Old" {
		for _, name := range []protoreflect.FullName{"legacy.nick", "legacy.sizes", "legacy.again", "legacy.Scope.inner_level"} {
			if xt, err := r.types.FindExtensionByName(name); err == nil && r.IntN(3) == 0 {
				r.fill(m, xt.TypeDescriptor(), depth)
			}
		}
	}
	return m
}

func (r maker) fill(m protoreflect.Message, fd protoreflect.FieldDescriptor, depth int) {
	switch {
	case fd.IsMap():
		for range r.IntN(4) {
			if fd.MapValue().Message() == nil || depth > 0 {
				m.Mutable(fd).Map().Set(r.scalar(fd.MapKey()).MapKey(), r.single(fd.MapValue(), depth-1))
			}
		}
	case fd.IsList():
		for range r.IntN(4) {
			if fd.Message() == nil || depth > 0 {
				m.Mutable(fd).List().Append(r.single(fd, depth-1))
			}
		}
	case fd.Message() == nil || depth > 0 || fd.Cardinality() == protoreflect.Required:
		m.Set(fd, r.single(fd, depth-1))
	}
}

func (r maker) single(fd protoreflect.FieldDescriptor, depth int) protoreflect.Value {
	if fd.Message() != nil {
		return protoreflect.ValueOfMessage(r.message(fd.Message(), depth))
	}
	return r.scalar(fd)
}

func pick[T any](r maker, from ...T) T { return from[r.IntN(len(from))] }

func (r maker) text() string {
	return pick(r, "", "a", "null", "true", "12", "ü\n\"x\"", "{}", "\x1b[31m", " lead", "日本", "<&>", "\u2028", "x y")
}

func (r maker) scalar(fd protoreflect.FieldDescriptor) protoreflect.Value {
	switch fd.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(r.IntN(2) == 0)
	case protoreflect.EnumKind:
		if fd.Enum().FullName() == "google.protobuf.NullValue" {
			return protoreflect.ValueOfEnum(0)
		}
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(pick(r, 0, 1, 2, 3, 4, 5, -7, math.MaxInt32)))
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(r.text())
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes(pick(r, nil, []byte{0}, []byte("hello"), []byte{255, 254, 253}))
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(float32(r.float(math.MaxFloat32)))
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(r.float(math.MaxFloat64))
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(pick(r, 0, 1, -1, math.MaxInt32, math.MinInt32, r.Int32()))
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(pick(r, 0, 1, math.MaxUint32, r.Uint32()))
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return protoreflect.ValueOfInt64(pick(r, 0, 1, -1, math.MaxInt64, math.MinInt64, r.Int64()))
	default:
		return protoreflect.ValueOfUint64(pick(r, 0, 1, math.MaxUint64, r.Uint64()))
	}
}

func (r maker) float(largest float64) float64 {
	return pick(r, 0, math.Copysign(0, -1), 1, -1.5, 1e-7, 1e21, largest, math.NaN(), math.Inf(1), math.Inf(-1), r.Float64())
}

func (r maker) jsonText(depth int) string {
	n := 6
	if depth <= 0 {
		n = 4
	}
	switch r.IntN(n) {
	case 0:
		return "null"
	case 1:
		return pick(r, "1", "-0.5", "1e30", "0")
	case 2:
		return pick(r, "true", "false")
	case 3:
		return pick(r, `""`, `"a"`, `"null"`, `"\u00fc\n\"x\""`, `"<&>"`, `"\u2028"`)
	case 4:
		return "[" + r.jsonText(depth-1) + "," + r.jsonText(depth-1) + "]"
	default:
		return `{"a":` + r.jsonText(depth-1) + `,"password":` + r.jsonText(depth-1) + `}`
	}
}

// known fills the types that have rules of their own.
func (r maker) known(m *dynamicpb.Message, depth int) bool {
	var text string
	switch m.Descriptor().FullName() {
	case "google.protobuf.Timestamp":
		text = pick(r, `"1970-01-01T00:00:00Z"`, `"2024-02-29T12:00:00.000000001Z"`, `"0001-01-01T00:00:00Z"`, `"9999-12-31T23:59:59.999Z"`)
	case "google.protobuf.Duration":
		text = pick(r, `"0s"`, `"1.5s"`, `"-0.000000001s"`, `"315576000000s"`)
	case "google.protobuf.FieldMask":
		text = pick(r, `""`, `"a"`, `"a.bC,d"`)
	case "google.protobuf.Value":
		text = r.jsonText(2)
	case "google.protobuf.Struct":
		text = `{"x":` + r.jsonText(2) + `}`
	case "google.protobuf.ListValue":
		text = `[` + r.jsonText(2) + `]`
	case "google.protobuf.Any":
		r.any(m, depth)
		return true
	default:
		return false
	}
	if err := protojson.Unmarshal([]byte(text), m); err != nil {
		panic(err)
	}
	return true
}

func (r maker) any(m *dynamicpb.Message, depth int) {
	fields := m.Descriptor().Fields()
	switch r.IntN(5) {
	case 0: // empty
	case 1:
		m.Set(fields.ByNumber(1), protoreflect.ValueOfString("example.com/not.Known"))
		m.Set(fields.ByNumber(2), protoreflect.ValueOfBytes([]byte{1, 2, 3}))
	default:
		name := pick(r, anyTypes...)
		mt, err := r.types.FindMessageByName(name)
		if err != nil {
			panic(err)
		}
		raw, err := proto.MarshalOptions{Deterministic: true, AllowPartial: true}.Marshal(r.message(mt.Descriptor(), min(depth-1, 2)).Interface())
		if err != nil {
			panic(err)
		}
		m.Set(fields.ByNumber(1), protoreflect.ValueOfString("type.googleapis.com/"+string(name)))
		m.Set(fields.ByNumber(2), protoreflect.ValueOfBytes(raw))
	}
}
