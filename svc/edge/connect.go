package edge

import (
	"encoding/base64"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"connectrpc.com/connect"
	"connectrpc.com/vanguard"
	"google.golang.org/protobuf/proto"
)

// The headers that say how long a call may take.
const (
	connectTimeout = "Connect-Timeout-Ms"
	restTimeout    = "X-Server-Timeout"
)

// checkConnect returns INVALID_ARGUMENT for a call in the Connect protocol
// (https://connectrpc.com/docs/protocol) that says what it does not have, or says
// it in another form: the transcoder would answer as if the edge had failed.
func checkConnect(request *http.Request) *connect.Error {
	if !isMillis(request.Header.Get(connectTimeout)) {
		return badTimeout(request, connectTimeout, "milliseconds, of at most 10 digits")
	}
	if request.Method != http.MethodGet {
		return nil
	}
	var text string
	query, err := url.ParseQuery(request.URL.RawQuery)
	switch {
	case err != nil:
		text = unreadableQuery
	case request.ContentLength != 0:
		text = "a GET takes no body: the message is a parameter"
	case !query.Has("encoding"):
		text = "the parameter encoding is missing: json or proto"
	case !query.Has("message"):
		text = "the parameter message is missing"
	case query.Has("connect") && query.Get("connect") != "v1":
		text = "the parameter connect is v1 or nothing"
	default:
		text = checkBase64(query.Get("base64"), query.Get("message"))
	}
	if text == "" {
		return nil
	}
	return failure(connect.CodeInvalidArgument, text)
}

// checkBase64 tells what is wrong with a message in a query, or "".
func checkBase64(how, message string) string {
	switch how {
	case "", "0":
		return ""
	case "1":
		_, bare := base64.RawURLEncoding.DecodeString(message)
		_, padded := base64.URLEncoding.DecodeString(message)
		if bare != nil && padded != nil {
			return "the parameter message is no base64 of the kind for URLs (RFC 4648, section 5)"
		}
		return ""
	default:
		return "the parameter base64 is 0, 1 or nothing"
	}
}

// isMillis tells whether a header is a timeout of Connect, or none.
func isMillis(value string) bool {
	const most = 10 // digits
	return len(value) <= most && strings.Trim(value, "0123456789") == ""
}

// isSeconds tells whether a header is a timeout of REST, or none. More than that
// is no timeout.
func isSeconds(value string) bool {
	if value == "" {
		return true
	}
	seconds, err := strconv.ParseFloat(value, 64)
	return err == nil && seconds >= 0 && seconds < math.MaxInt32
}

func badTimeout(request *http.Request, header, unit string) *connect.Error {
	return failure(connect.CodeInvalidArgument, fmt.Sprintf("%s is %.40q, and no number of %s", header, request.Header.Get(header), unit))
}

// protoCodec is protobuf whose errors are the caller's too: of what comes in a
// query, where the transcoder has to read it.
type protoCodec struct{ *vanguard.ProtoCodec }

func newProtoCodec(types vanguard.TypeResolver) vanguard.Codec {
	return protoCodec{vanguard.NewProtoCodec(types)}
}

// Unmarshal implements vanguard.Codec. The error is INVALID_ARGUMENT.
func (c protoCodec) Unmarshal(data []byte, m proto.Message) error {
	if c.ProtoCodec.Unmarshal(data, m) != nil { // which says no more
		return failure(connect.CodeInvalidArgument, "the message is no "+string(m.ProtoReflect().Descriptor().FullName()))
	}
	return nil
}
