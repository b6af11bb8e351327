package form

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// formatScalar writes a value that is no message as it is typed.
func formatScalar(fd protoreflect.FieldDescriptor, v protoreflect.Value) string {
	switch fd.Kind() {
	case protoreflect.EnumKind:
		if ev := fd.Enum().Values().ByNumber(v.Enum()); ev != nil {
			return string(ev.Name())
		}
		return strconv.Itoa(int(v.Enum()))
	case protoreflect.BytesKind:
		return base64.StdEncoding.EncodeToString(v.Bytes())
	case protoreflect.FloatKind:
		return formatFloat(v.Float(), 32)
	case protoreflect.DoubleKind:
		return formatFloat(v.Float(), 64)
	default:
		return v.String()
	}
}

func formatFloat(x float64, bits int) string {
	switch {
	case math.IsNaN(x):
		return "NaN"
	case math.IsInf(x, 1):
		return "Infinity"
	case math.IsInf(x, -1):
		return "-Infinity"
	case x == 0 || math.Abs(x) >= 1e-6 && math.Abs(x) < 1e15:
		return strconv.FormatFloat(x, 'f', -1, bits)
	default:
		return strconv.FormatFloat(x, 'e', -1, bits)
	}
}

// parseScalar reads what was typed into a field that holds no message.
func parseScalar(fd protoreflect.FieldDescriptor, text string) (protoreflect.Value, error) {
	word := strings.TrimSpace(text)
	switch kind := fd.Kind(); kind {
	case protoreflect.BoolKind:
		switch strings.ToLower(word) {
		case "true":
			return protoreflect.ValueOfBool(true), nil
		case "false":
			return protoreflect.ValueOfBool(false), nil
		}
		return wrongScalar(kind)
	case protoreflect.StringKind:
		if !utf8.ValidString(text) {
			return protoreflect.Value{}, fmt.Errorf("string wants valid UTF-8; arbitrary bytes need a field of type bytes")
		}
		return protoreflect.ValueOfString(text), nil
	case protoreflect.BytesKind:
		return parseBytes(text)
	case protoreflect.EnumKind:
		return parseEnum(fd.Enum(), word)
	case protoreflect.FloatKind:
		return parseFloat(kind, word, 32)
	case protoreflect.DoubleKind:
		return parseFloat(kind, word, 64)
	default:
		return parseInteger(kind, word)
	}
}

// wants says what is right for a kind of scalar, "" for an enum.
func wants(kind protoreflect.Kind) string {
	switch kind {
	case protoreflect.BoolKind:
		return "true or false"
	case protoreflect.StringKind:
		return "text in UTF-8"
	case protoreflect.BytesKind:
		return "base64"
	case protoreflect.FloatKind, protoreflect.DoubleKind:
		return "a number, NaN, Infinity or -Infinity"
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return "a whole number from -2147483648 to 2147483647"
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return "a whole number from 0 to 4294967295"
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return "a whole number from -9223372036854775808 to 9223372036854775807"
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return "a whole number from 0 to 18446744073709551615"
	default:
		return ""
	}
}

func wrongScalar(kind protoreflect.Kind) (protoreflect.Value, error) {
	return protoreflect.Value{}, fmt.Errorf("%s wants %s", kind, wants(kind))
}

func parseInteger(kind protoreflect.Kind, word string) (protoreflect.Value, error) {
	var v protoreflect.Value
	var err error
	switch kind {
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		var x int64
		x, err = strconv.ParseInt(word, 10, 32)
		v = protoreflect.ValueOfInt32(int32(x))
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		var x uint64
		x, err = strconv.ParseUint(word, 10, 32)
		v = protoreflect.ValueOfUint32(uint32(x))
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		var x int64
		x, err = strconv.ParseInt(word, 10, 64)
		v = protoreflect.ValueOfInt64(x)
	default:
		var x uint64
		x, err = strconv.ParseUint(word, 10, 64)
		v = protoreflect.ValueOfUint64(x)
	}
	if err != nil {
		return wrongScalar(kind)
	}
	return v, nil
}

func parseFloat(kind protoreflect.Kind, word string, bits int) (protoreflect.Value, error) {
	x, err := strconv.ParseFloat(word, bits)
	if errors.Is(err, strconv.ErrRange) {
		largest := map[int]string{32: "3.4e38", 64: "1.8e308"}[bits]
		return protoreflect.Value{}, fmt.Errorf("%s holds numbers up to %s; what is larger is Infinity", kind, largest)
	}
	if err != nil || strings.ContainsAny(word, "xX_") {
		return wrongScalar(kind)
	}
	if bits == 32 {
		return protoreflect.ValueOfFloat32(float32(x)), nil
	}
	return protoreflect.ValueOfFloat64(x), nil
}

// parseBytes reads base64 as protobuf's JSON does: of both alphabets, padded or
// not.
func parseBytes(text string) (protoreflect.Value, error) {
	word := strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimSpace(text)), "=")
	b, err := base64.RawStdEncoding.DecodeString(word)
	if err != nil {
		const short = 60 // a longer text is not shown once more
		if len(text) > short {
			return wrongScalar(protoreflect.BytesKind)
		}
		return protoreflect.Value{}, fmt.Errorf("bytes wants base64; the text itself would be %s", base64.StdEncoding.EncodeToString([]byte(text)))
	}
	return protoreflect.ValueOfBytes(b), nil
}

// zero returns the value that a new element, entry or chosen case starts with.
func zero(fd protoreflect.FieldDescriptor) protoreflect.Value {
	switch fd.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(false)
	case protoreflect.EnumKind:
		if fd.Enum().Values().Len() == 0 {
			return protoreflect.ValueOfEnum(0)
		}
		return protoreflect.ValueOfEnum(fd.Enum().Values().Get(0).Number())
	case protoreflect.StringKind:
		return protoreflect.ValueOfString("")
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes(nil)
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(0)
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(0)
	default:
		v, _ := parseInteger(fd.Kind(), "0")
		return v
	}
}

// isZero tells whether a field without presence counts as unset with v.
func isZero(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
	switch fd.Kind() {
	case protoreflect.FloatKind, protoreflect.DoubleKind:
		return v.Float() == 0 && !math.Signbit(v.Float())
	case protoreflect.BytesKind:
		return len(v.Bytes()) == 0
	case protoreflect.EnumKind:
		return v.Enum() == 0
	default:
		return v.Equal(zero(fd))
	}
}
