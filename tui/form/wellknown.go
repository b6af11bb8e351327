package form

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// The well-known types that have one text instead of fields. Their texts are
// those of protobuf's JSON, https://protobuf.dev/programming-guides/json/, and
// what people write for them besides.
const (
	timestampName = "google.protobuf.Timestamp"
	durationName  = "google.protobuf.Duration"
	fieldMaskName = "google.protobuf.FieldMask"
	structName    = "google.protobuf.Struct"
	valueName     = "google.protobuf.Value"
	listValueName = "google.protobuf.ListValue"
	anyName       = "google.protobuf.Any"
	emptyName     = "google.protobuf.Empty"
)

// isLeaf tells whether a message is one text.
func isLeaf(md protoreflect.MessageDescriptor) bool {
	switch md.FullName() {
	case timestampName, durationName, fieldMaskName, structName, valueName, listValueName:
		return true
	default:
		return wrapped(md) != nil
	}
}

// isAny tells whether a message is a google.protobuf.Any, and has its fields.
func isAny(md protoreflect.MessageDescriptor) bool {
	if md.FullName() != anyName {
		return false
	}
	url, value := md.Fields().ByNumber(1), md.Fields().ByNumber(2)
	return url != nil && url.Kind() == protoreflect.StringKind && !url.IsList() &&
		value != nil && value.Kind() == protoreflect.BytesKind && !value.IsList()
}

// wrapped returns the field of a wrapper such as google.protobuf.Int32Value,
// nil for any other message.
func wrapped(md protoreflect.MessageDescriptor) protoreflect.FieldDescriptor {
	if md == nil {
		return nil
	}
	switch md.FullName() {
	case "google.protobuf.DoubleValue", "google.protobuf.FloatValue",
		"google.protobuf.Int64Value", "google.protobuf.UInt64Value",
		"google.protobuf.Int32Value", "google.protobuf.UInt32Value",
		"google.protobuf.BoolValue", "google.protobuf.StringValue", "google.protobuf.BytesValue":
		if fd := md.Fields().ByNumber(1); fd != nil && fd.Message() == nil && !fd.IsList() {
			return fd
		}
	}
	return nil
}

// formatKnown writes a message that is one text.
func formatKnown(m protoreflect.Message) string {
	if fd := wrapped(m.Descriptor()); fd != nil {
		return formatScalar(fd, m.Get(fd))
	}
	raw, err := marshal(m)
	if err != nil {
		return ""
	}
	var out bytes.Buffer
	var text string
	switch m.Descriptor().FullName() {
	case structName, valueName, listValueName:
		err = json.Compact(&out, raw)
		text = out.String()
	case durationName:
		err = json.Unmarshal(raw, &text)
		if number, _, found := strings.Cut(text, "s"); found && strings.Contains(number, ".") {
			text = strings.TrimRight(number, "0") + "s"
		}
	default:
		err = json.Unmarshal(raw, &text)
	}
	if err != nil {
		return ""
	}
	return text
}

// parseKnown reads what was typed for a message that is one text.
func parseKnown(md protoreflect.MessageDescriptor, text string, now time.Time) (protoreflect.Value, error) {
	if fd := wrapped(md); fd != nil {
		v, err := parseScalar(fd, text)
		if err != nil {
			return v, err
		}
		m := dynamicpb.NewMessage(md)
		m.Set(fd, v)
		return protoreflect.ValueOfMessage(m), nil
	}
	word := strings.TrimSpace(text)
	switch md.FullName() {
	case timestampName:
		t, err := parseTime(word, now)
		if err != nil {
			return protoreflect.Value{}, err
		}
		return fromJSON(md, quote(t), "google.protobuf.Timestamp holds the years 1 to 9999")
	case durationName:
		seconds, err := parseDuration(word)
		if err != nil {
			return protoreflect.Value{}, err
		}
		return fromJSON(md, quote(seconds), "google.protobuf.Duration holds 10,000 years at most, with 9 decimals of a second")
	case fieldMaskName:
		return fromJSON(md, quote(maskPaths(word)), "google.protobuf.FieldMask wants paths of fields, such as a.b,c")
	case structName:
		return fromJSON(md, word, `google.protobuf.Struct wants a JSON object, such as {"a": 1}`)
	case listValueName:
		return fromJSON(md, word, `google.protobuf.ListValue wants a JSON array, such as [1, "a"]`)
	default:
		return fromJSON(md, word, `google.protobuf.Value wants JSON, such as "text", 1, true, null, [1] or {"a": 1}`)
	}
}

// marshal writes the JSON of a well-known type, which may have other fields than
// it is known for.
func marshal(m protoreflect.Message) (text []byte, err error) {
	defer catch(&err)
	return protojson.Marshal(m.Interface())
}

// fromJSON reads a message from its JSON.
func fromJSON(md protoreflect.MessageDescriptor, text, wants string) (v protoreflect.Value, err error) {
	defer catch(&err)
	m := dynamicpb.NewMessage(md)
	if err := protojson.Unmarshal([]byte(text), m); err != nil {
		return protoreflect.Value{}, errors.New(wants)
	}
	// What cannot be written again must not get in.
	if _, err := marshal(m); err != nil {
		return protoreflect.Value{}, errors.New(wants)
	}
	return protoreflect.ValueOfMessage(m), nil
}

// quote writes a JSON string.
func quote(text string) string {
	b, err := json.Marshal(text)
	if err != nil { // not of a string
		return `""`
	}
	return string(b)
}

// parseTime reads RFC 3339, a date, now, or now and a distance from it, and
// returns RFC 3339.
func parseTime(word string, now time.Time) (string, error) {
	if distance, ok := strings.CutPrefix(word, "now"); ok {
		d, err := time.ParseDuration(strings.ReplaceAll(distance, " ", ""))
		if distance == "" || err == nil && strings.ContainsAny(distance[:1], "+- ") {
			return now.Add(d).UTC().Format(time.RFC3339Nano), nil
		}
	}
	t, err := time.Parse(time.RFC3339Nano, strings.ToUpper(word))
	if err != nil {
		t, err = time.Parse(time.DateOnly, word)
	}
	if err != nil {
		return "", fmt.Errorf("google.protobuf.Timestamp wants RFC 3339, such as 2006-01-02T15:04:05Z, a date, now, or now-5m")
	}
	return t.UTC().Format(time.RFC3339Nano), nil
}

// parseDuration reads seconds, or what Go writes, and returns seconds.
func parseDuration(word string) (string, error) {
	number, ok := strings.CutSuffix(word, "s")
	digits := strings.TrimLeft(number, "+-")
	if ok && digits != "" && strings.Trim(digits, "0123456789.") == "" {
		return strings.TrimPrefix(word, "+"), nil
	}
	d, err := time.ParseDuration(word)
	if err != nil {
		return "", fmt.Errorf("google.protobuf.Duration wants a time with its unit, such as 1.5s, 300ms or 2h30m")
	}
	sign := ""
	seconds, nanos := int64(d/time.Second), int64(d%time.Second)
	if d < 0 {
		sign, seconds, nanos = "-", -seconds, -nanos
	}
	return fmt.Sprintf("%s%d.%09ds", sign, seconds, nanos), nil
}

// maskPaths writes the paths of a mask, whose names may be those of the
// .proto file, as JSON has them.
func maskPaths(word string) string {
	var paths []string
	for _, path := range strings.FieldsFunc(word, func(r rune) bool { return r == ',' || r == ' ' }) {
		var b strings.Builder
		upper := false
		for _, c := range path {
			switch {
			case c == '_':
				upper = true
				continue
			case upper:
				b.WriteString(strings.ToUpper(string(c)))
			default:
				b.WriteRune(c)
			}
			upper = false
		}
		paths = append(paths, b.String())
	}
	return strings.Join(paths, ",")
}
