package spans

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// The lengths of IDs in hex digits.
const (
	traceDigits = 32
	spanDigits  = 16
)

// TraceID returns a trace's ID as 32 hex digits, "" if it is none. Hex is read
// with and without leading zeros, and the base64 that the usual JSON of protobuf
// makes of bytes.
func TraceID(text string) string { return id(text, traceDigits) }

// SpanID is TraceID for spans, with 16 digits.
func SpanID(text string) string { return id(text, spanDigits) }

func id(text string, digits int) string {
	if text == "" || len(text) > digits {
		return ""
	}
	raw := strings.ToLower(text)
	if strings.Trim(raw, "0123456789abcdef") != "" {
		decoded, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(decoded)*2 != digits {
			return ""
		}
		raw = hex.EncodeToString(decoded)
	}
	if strings.Trim(raw, "0") == "" { // OTLP: all zeros is no ID
		return ""
	}
	return strings.Repeat("0", digits-len(raw)) + raw
}

func idOf(raw []byte, digits int) string {
	if len(raw)*2 != digits {
		return ""
	}
	return id(hex.EncodeToString(raw), digits)
}
