package edge

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"connectrpc.com/connect"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// refuse answers with an error that is the edge's own, as the caller's protocol
// has it: in its frames, or else with an HTTP status and JSON, which is
// Connect's for who calls a method by its path, and a google.rpc.Status for all
// others. Who sends another content type than there is gets no frames of it.
func refuse(w http.ResponseWriter, r *http.Request, code int, err *connect.Error) {
	writer := connect.NewErrorWriter()
	if framed(r) && code != http.StatusUnsupportedMediaType {
		_ = writer.Write(w, r, err) // fails where nobody is there to see
		return
	}
	h := w.Header()
	h.Del("Content-Length")
	h.Set("X-Content-Type-Options", "nosniff")
	if byPath(r) {
		_ = writer.Write(coded{w, code}, &http.Request{}, err)
		return
	}
	h.Set("Content-Type", "application/json")
	w.WriteHeader(code)
	raw, failed := protojson.Marshal(asStatus(err))
	if failed == nil {
		_, _ = w.Write(raw) //nolint:gosec // JSON, and said to be
	}
}

// framed tells whether the caller's protocol has its own place for errors.
func framed(r *http.Request) bool {
	kind := contentType(r)
	switch {
	case !byPath(r) || r.Method != http.MethodPost:
		return false
	case native(kind):
		return r.ProtoMajor >= 2
	default:
		return slices.Contains(kinds(true), kind)
	}
}

// native tells whether a content type is that of gRPC itself.
func native(kind string) bool {
	return kind == "application/grpc" || strings.HasPrefix(kind, "application/grpc+")
}

// byPath tells whether the path of a request is that of a method, be there one or
// not.
func byPath(r *http.Request) bool {
	service, method, ok := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	return ok && strings.Contains(service, ".") && !strings.Contains(method, "/")
}

// coded writes the status that says more than Connect's own.
type coded struct {
	http.ResponseWriter

	code int
}

// WriteHeader implements http.ResponseWriter.
func (c coded) WriteHeader(int) { c.ResponseWriter.WriteHeader(c.code) }

// failure is an error of the edge with a code.
func failure(code connect.Code, text string) *connect.Error {
	return connect.NewError(code, errors.New(text))
}

// asConnect returns a status with its details as Connect has it.
func asConnect(err error) *connect.Error {
	s := status.Convert(err)
	failed := failure(connect.Code(s.Code()), s.Message())
	for _, d := range s.Details() {
		if m, ok := d.(proto.Message); ok {
			if detail, err := connect.NewErrorDetail(m); err == nil {
				failed.AddDetail(detail)
			}
		}
	}
	return failed
}

// asStatus is the way back.
func asStatus(err *connect.Error) *statuspb.Status {
	s := &statuspb.Status{Code: int32(err.Code()), Message: err.Message()}
	for _, d := range err.Details() {
		s.Details = append(s.Details, &anypb.Any{TypeUrl: "type.googleapis.com/" + d.Type(), Value: d.Bytes()})
	}
	return s
}

// codeOf returns the code for an HTTP status of which nothing else is known.
func codeOf(status int) connect.Code {
	switch {
	case status == http.StatusNotFound:
		return connect.CodeNotFound
	case status == http.StatusMethodNotAllowed, status == http.StatusHTTPVersionNotSupported:
		return connect.CodeUnimplemented
	case status == http.StatusTooManyRequests:
		return connect.CodeResourceExhausted
	case status >= http.StatusInternalServerError:
		return connect.CodeInternal
	default:
		return connect.CodeInvalidArgument
	}
}
