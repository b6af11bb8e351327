package edge

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// called serves gRPC and remembers how the call ended, whoever ended it.
type called struct{ server *grpc.Server }

// ServeHTTP implements http.Handler.
func (c called) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.server.ServeHTTP(w, r)
	seen := outcomeOf(r.Context())
	if seen == nil {
		return
	}
	h := w.Header()
	code, err := strconv.ParseUint(h.Get("Grpc-Status"), 10, 8)
	switch {
	case err == nil:
		seen.code.Store(int64(code) + 1)
	case r.Context().Err() != nil: // nobody was there to get a status
		seen.code.Store(int64(status.FromContextError(r.Context().Err()).Code()) + 1)
	}
	seen.retry.Store(retryIn(h.Get("Grpc-Status-Details-Bin")))
}

// retryIn returns the whole seconds of the RetryInfo in the details of a status,
// 1 at least, or 0 without.
func retryIn(details string) int64 {
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(details, "="))
	s := &statuspb.Status{}
	if err != nil || proto.Unmarshal(raw, s) != nil {
		return 0
	}
	info := &errdetails.RetryInfo{}
	for _, d := range s.GetDetails() {
		if d.MessageIs(info) && d.UnmarshalTo(info) == nil {
			wait := info.GetRetryDelay().AsDuration()
			return max(1, int64((wait+time.Second-1)/time.Second))
		}
	}
	return 0
}

// transcoded serves requests that the transcoder has made gRPC.
type transcoded struct {
	called

	methods map[string]protoreflect.MethodDescriptor
}

// ServeHTTP implements http.Handler.
func (t transcoded) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	request.Body = &transcodedBody{
		ReadCloser: request.Body, seen: outcomeOf(request.Context()), many: t.methods[request.URL.Path].IsStreamingClient(),
	}
	t.called.ServeHTTP(w, request)
}

// transcodedBody is the transcoder's body without its false ends.
//
// Together with the envelope of an empty message it returns io.EOF, and the
// messages behind it would be lost. Its true end comes alone.
//
// A message that it cannot read it answers itself, and then it looks like the end
// of the requests, with which the call would go well, or fail as if that were the
// edge's fault. There an empty message comes instead, whose call the forwarder
// refuses: it is logged and measured as what the caller got.
type transcodedBody struct {
	io.ReadCloser

	seen *outcome
	many bool // messages may come
	some bool // came

	refused bool // the empty message was given
}

// Read implements io.Reader.
func (b *transcodedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.some = true
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return n, err
	}
	if b.refused {
		return 0, io.EOF
	}
	why := b.refusal(err)
	if why == nil || len(p) < len(emptyFrame) {
		return n, err
	}
	b.refused = true
	b.seen.refused.Store(&why)
	return copy(p, emptyFrame), nil
}

// emptyFrame is a message of no bytes on the wire.
const emptyFrame = "\x00\x00\x00\x00\x00"

// refusal returns what an end of the body means that is none, or nil.
func (b *transcodedBody) refusal(err error) error {
	if b.seen == nil {
		return nil
	}
	var failed *connect.Error
	switch {
	case errors.As(err, &failed):
		return status.Error(codes.Code(failed.Code()), failed.Message())
	case !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return nil // the caller is gone
	case b.many && !b.seen.body.ended.Load(), !b.many && !b.some:
		return status.Error(codes.InvalidArgument, "the request cannot be read")
	default:
		return nil
	}
}

// refused returns why a call is not to be forwarded, or nil.
func refused(ctx context.Context) error {
	if seen := outcomeOf(ctx); seen != nil {
		if err := seen.refused.Load(); err != nil {
			return *err
		}
	}
	return nil
}
