package rpc

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// jsonError is an error of Connect (https://connectrpc.com/docs/protocol#error-end-stream).
type jsonError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Details []struct {
		Type  string `json:"type"`
		Value string `json:"value"` // base64 of the message
	} `json:"details"`
}

// jsonEnd is the last envelope of a Connect stream.
type jsonEnd struct {
	Error    *jsonError          `json:"error"`
	Metadata map[string][]string `json:"metadata"`
}

func parseEnd(raw []byte) (*jsonEnd, error) {
	end := &jsonEnd{}
	if err := json.Unmarshal(raw, end); err != nil {
		return nil, err
	}
	return end, nil
}

// parseError reads an error; JSON without a code is somebody else's.
func parseError(raw []byte) (*jsonError, error) {
	e := &jsonError{}
	if err := json.Unmarshal(raw, e); err != nil {
		return nil, err
	}
	if e.Code == "" {
		return nil, errors.New("no code")
	}
	return e, nil
}

// status returns the error as gRPC has it, with fallback for a code that does
// not exist. A detail that cannot be read is left out.
func (e *jsonError) status(fallback codes.Code) *status.Status {
	st := &spb.Status{Code: int32(connectCode(e.Code, fallback)), Message: e.Message}
	for _, d := range e.Details {
		if raw, err := decodeBase64(d.Value); err == nil {
			name := d.Type
			if !strings.Contains(name, "/") {
				name = "type.googleapis.com/" + name
			}
			st.Details = append(st.Details, &anypb.Any{TypeUrl: name, Value: raw})
		}
	}
	return status.FromProto(st)
}

// connectCode returns the code with a name of Connect, which are those of gRPC
// in small letters but for one. OK is no error.
func connectCode(name string, fallback codes.Code) codes.Code {
	if name == "canceled" {
		return codes.Canceled
	}
	if i := slices.Index(codeNames[:], strings.ToUpper(name)); i > 0 && name == strings.ToLower(name) {
		return codes.Code(i)
	}
	return fallback
}

// codeOfHTTP returns the code that an HTTP status stands for, the same in gRPC
// (https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md) and
// in Connect.
func codeOfHTTP(code int) codes.Code {
	switch code {
	case http.StatusBadRequest:
		return codes.Internal
	case http.StatusUnauthorized:
		return codes.Unauthenticated
	case http.StatusForbidden:
		return codes.PermissionDenied
	case http.StatusNotFound:
		return codes.Unimplemented
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return codes.Unavailable
	default:
		return codes.Unknown
	}
}

// trailerBlock reads the trailers of gRPC-Web, written as HTTP/1 writes headers.
func trailerBlock(raw []byte) (http.Header, error) {
	r := textproto.NewReader(bufio.NewReader(io.MultiReader(bytes.NewReader(raw), strings.NewReader("\r\n\r\n"))))
	h, err := r.ReadMIMEHeader()
	if err != nil {
		return nil, status.Errorf(codes.Internal, "the trailers are malformed: %v", err)
	}
	return http.Header(h), nil
}

// statusOf returns what trailers of gRPC say, io.EOF for OK.
func statusOf(h http.Header) error {
	n, err := strconv.ParseInt(h.Get("Grpc-Status"), 10, 32)
	if err != nil || n < 0 {
		return status.Errorf(codes.Internal, "the trailers say no status: %s", printable([]byte("grpc-status "+strconv.Quote(h.Get("Grpc-Status")))))
	}
	if n == 0 {
		return io.EOF
	}
	st := &spb.Status{Code: int32(n), Message: percentDecoded(h.Get("Grpc-Message"))}
	if raw, err := decodeBase64(h.Get("Grpc-Status-Details-Bin")); err == nil && len(raw) > 0 {
		full := &spb.Status{}
		if proto.Unmarshal(raw, full) == nil && full.GetCode() == st.GetCode() {
			st.Details = full.GetDetails()
		}
	}
	return status.FromProto(st).Err()
}

// percentDecoded decodes a grpc-message; one that is not encoded stays as it is.
func percentDecoded(s string) string {
	if decoded, err := url.PathUnescape(s); err == nil {
		return decoded
	}
	return s
}
