package message

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// ownJSON are the well-known types whose JSON does not look like their fields.
var ownJSON = map[protoreflect.Name]bool{
	"Timestamp": true, "Duration": true, "FieldMask": true, "Struct": true, "Value": true, "ListValue": true,
	"DoubleValue": true, "FloatValue": true, "Int64Value": true, "UInt64Value": true, "Int32Value": true,
	"UInt32Value": true, "BoolValue": true, "StringValue": true, "BytesValue": true,
}

// wellKnown looks for what people write where protobuf's JSON wants something
// else: "300ms" for a Duration, a number for one, a time that is no RFC 3339.
// Source of the forms: https://protobuf.dev/programming-guides/json/.
func wellKnown(n node, name protoreflect.Name) *problem {
	if n.value == nil {
		return nil
	}
	text, isText := n.value.(string)
	if !isText {
		text = fmt.Sprint(n.value)
	}
	var right bool
	var hint string
	switch name {
	case "Duration":
		right, hint = isText && isSeconds(text), durationHint(text)
	case "Timestamp":
		right, hint = isText && isTime(text), `write RFC 3339, such as "2006-01-02T15:04:05Z"`
	default:
		return nil
	}
	if right {
		return nil
	}
	return &problem{offset: n.offset, what: fmt.Sprintf("%q is no %s", text, name), hint: hint}
}

// durationHint says how the duration that was meant is written.
func durationHint(text string) string {
	const form = `write seconds with an "s", such as "0.3s"`
	if _, err := strconv.ParseFloat(text, 64); err == nil {
		text += "s"
	}
	d, err := time.ParseDuration(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		return form
	}
	seconds := strconv.FormatFloat(d.Seconds(), 'f', -1, 64)
	return fmt.Sprintf(`write seconds with an "s": "%ss"`, seconds)
}

// isSeconds tells whether text is the JSON of a Duration, whatever its range.
func isSeconds(text string) bool {
	number, ok := strings.CutSuffix(text, "s")
	if !ok || strings.ContainsAny(number, "eExX_ ") {
		return false
	}
	_, err := strconv.ParseFloat(number, 64)
	return err == nil
}

func isTime(text string) bool {
	_, err := time.Parse(time.RFC3339, text)
	return err == nil
}
