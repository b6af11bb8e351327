package rpc

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// webStream is the RPC of an exchange as grpc-go's streams are: requests are
// sent and responses received by one goroutine each.
type webStream struct {
	ctx      context.Context //nolint:containedctx // of this one RPC, as in grpc.ClientStream
	exchange *exchange
	desc     *grpc.StreamDesc
	path     string

	requests *io.PipeWriter // of a stream of requests
	answered chan struct{}  // closed when what follows is known
	response *http.Response // nil if there is none
	header   metadata.MD
	trailer  metadata.MD // complete when the receiver has seen the end
	failed   error       // what RecvMsg returns instead of a message; io.EOF is the good end
}

// Context implements grpc.ClientStream.
func (s *webStream) Context() context.Context { return s.ctx }

// Trailer implements grpc.ClientStream.
func (s *webStream) Trailer() metadata.MD { return s.trailer }

// Header implements grpc.ClientStream.
func (s *webStream) Header() (metadata.MD, error) {
	<-s.answered // the request ends with its context
	if s.response == nil {
		return nil, s.failed
	}
	return s.header, nil
}

// CloseSend implements grpc.ClientStream.
func (s *webStream) CloseSend() error {
	if s.requests == nil {
		return nil
	}
	return s.requests.Close()
}

// SendMsg implements grpc.ClientStream. One message is sent with the request,
// those of a stream when they come.
func (s *webStream) SendMsg(m any) error {
	raw, err := proto.Marshal(m.(proto.Message)) //nolint:forcetypeassert // as everywhere in this package
	if err != nil {
		return status.Errorf(codes.Internal, "cannot encode the request: %v", err)
	}
	x := s.exchange
	flags := byte(0)
	if x.web.opts.Compress != "" {
		raw, flags = compress(raw), flagCompressed
	}
	if x.wire != connectUnary {
		raw = enveloped(flags, raw)
	}
	if !s.desc.ClientStreams {
		s.start(nil, raw)
		return nil
	}
	if _, err := s.requests.Write(raw); err != nil {
		return io.EOF // the receiver learns why
	}
	return nil
}

// start has the request made; a nil body is a stream.
func (s *webStream) start(body *io.PipeReader, whole []byte) {
	s.exchange.round.Go(func() {
		defer close(s.answered)
		if body != nil { // who waits for more of it, or to send more, must not outlive the RPC
			context.AfterFunc(s.ctx, func() { body.CloseWithError(s.ctx.Err()) })
		}
		resp, err := s.exchange.send(s, body, whole) //nolint:bodyclose // closed by the exchange
		if err != nil {
			s.failed = s.broken(err)
			return
		}
		s.response = resp
		s.header, s.trailer = responseMetadata(s.exchange.wire, resp.Header)
		s.failed = s.judge(resp)
	})
}

// broken is the status of an RPC whose connection failed, or whose time is over.
func (s *webStream) broken(err error) error {
	switch {
	case s.ctx.Err() != nil:
		return status.FromContextError(s.ctx.Err()).Err()
	case isConnectError(err):
		return err
	default:
		return status.Error(codes.Unavailable, "the connection failed: "+err.Error())
	}
}

// RecvMsg implements grpc.ClientStream.
func (s *webStream) RecvMsg(m any) error {
	<-s.answered
	if s.failed != nil {
		return s.failed
	}
	s.failed = s.receive(m.(proto.Message)) //nolint:forcetypeassert // as everywhere in this package
	return s.failed
}

// receive reads the next response. Where there is one only, what follows it
// says whether it counts.
func (s *webStream) receive(m proto.Message) error {
	if s.exchange.wire == connectUnary {
		raw, err := s.whole()
		if err != nil {
			return err
		}
		return decode(raw, m)
	}
	raw, err := s.next()
	if err != nil {
		return s.ended(err)
	}
	if err := decode(raw, m); err != nil || s.desc.ServerStreams {
		return err
	}
	switch _, err := s.next(); err {
	case io.EOF: //nolint:errorlint // next returns it as it is
		return nil
	case nil:
		return status.Error(codes.Internal, "the server sent more than one response to a method that has one")
	default:
		return err
	}
}

// ended judges an end before any response: OK is none where there must be one.
func (s *webStream) ended(err error) error {
	if err == io.EOF && !s.desc.ServerStreams { //nolint:errorlint // the end is returned as it is
		return status.Error(codes.Internal, "the server ended the call with OK and without a response")
	}
	return err
}

func decode(raw []byte, m proto.Message) error {
	if err := proto.Unmarshal(raw, m); err != nil {
		return status.Errorf(codes.Internal, "cannot decode the response: %v", err)
	}
	return nil
}

// whole reads the body of a unary response.
func (s *webStream) whole() ([]byte, error) {
	limit := s.exchange.web.opts.maxMsgSize()
	raw, err := io.ReadAll(io.LimitReader(s.response.Body, int64(limit)+1))
	if err != nil {
		return nil, s.broken(err)
	}
	if len(raw) > limit {
		return nil, oversize(max(int64(len(raw)), s.response.ContentLength), limit)
	}
	if s.response.Header.Get("Content-Encoding") == "gzip" {
		return decompress(raw, limit)
	}
	return raw, nil
}

// next reads the next message of a response in envelopes, io.EOF behind the last.
func (s *webStream) next() ([]byte, error) {
	flags, raw, err := readEnvelope(s.response.Body, s.exchange.web.opts.maxMsgSize())
	if err == io.EOF { //nolint:errorlint // readEnvelope returns it as it is
		return nil, status.Error(codes.Internal, "the answer ended without saying how: its trailers are missing, which a proxy may have dropped")
	}
	if _, isStatus := status.FromError(err); err != nil && !isStatus {
		return nil, s.broken(err)
	}
	if err != nil {
		return nil, err
	}
	encoding, _ := s.exchange.wire.encodings()
	if flags&flagCompressed != 0 && s.response.Header.Get(encoding) != "gzip" {
		return nil, status.Errorf(codes.Internal, "the response is compressed by %q, which was not offered", s.response.Header.Get(encoding))
	}
	end := flags &^ flagCompressed
	if flags&flagCompressed != 0 {
		if raw, err = decompress(raw, envelopeLimit(flags, s.exchange.web.opts.maxMsgSize())); err != nil {
			return nil, err
		}
	}
	switch {
	case end == 0:
		return raw, nil
	case end == flagEndStream && s.exchange.wire == connectStream:
		return nil, s.endOfConnect(raw)
	case end == flagTrailers && s.exchange.wire == grpcWeb:
		return nil, s.endOfWeb(raw)
	default:
		return nil, status.Errorf(codes.Internal, "the answer has an envelope with the unknown flags %#x", flags)
	}
}

// endOfWeb reads the trailers of gRPC-Web.
func (s *webStream) endOfWeb(raw []byte) error {
	h, err := trailerBlock(raw)
	if err != nil {
		return err
	}
	addMetadata(s.trailer, h, isGRPCHeader)
	return statusOf(h)
}

// endOfConnect reads the last envelope of a Connect stream.
func (s *webStream) endOfConnect(raw []byte) error {
	end, err := parseEnd(raw)
	if err != nil {
		return status.Errorf(codes.Internal, "the end of the stream is malformed: %v", err)
	}
	addMetadata(s.trailer, end.Metadata, nil)
	if end.Error == nil {
		return io.EOF
	}
	return end.Error.status(codes.Unknown).Err()
}

// judge tells whether an answer is one of the protocol; the error is what the
// answer says at once, or what it stands for.
func (s *webStream) judge(resp *http.Response) error {
	wire, kind := s.exchange.wire, mediaType(resp.Header)
	switch {
	case wire == grpcWeb && (kind == "application/grpc-web+proto" || kind == "application/grpc-web"):
		if resp.Header.Get("Grpc-Status") != "" { // nothing but trailers
			addMetadata(s.trailer, resp.Header, isGRPCHeader)
			return s.ended(statusOf(resp.Header))
		}
		if resp.StatusCode == http.StatusOK {
			return nil
		}
	case wire != grpcWeb && resp.StatusCode == http.StatusOK && kind == wire.contentType():
		return nil
	case wire == connectUnary && resp.StatusCode != http.StatusOK && kind == "application/json":
		if st, ok := s.connectError(resp); ok {
			return st.Err()
		}
	}
	return s.foreign(resp, kind)
}

// maxErrorBody bounds what is read of an answer that is an error, in bytes.
const maxErrorBody = 256 << 10

// connectError reads the JSON of an error; false if it is another's.
func (s *webStream) connectError(resp *http.Response) (*status.Status, bool) {
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	if err != nil {
		return nil, false
	}
	if resp.Header.Get("Content-Encoding") == "gzip" {
		if raw, err = decompress(raw, maxErrorBody); err != nil {
			return nil, false
		}
	}
	resp.Body = io.NopCloser(bytes.NewReader(raw)) // for who reads it as text
	e, err := parseError(raw)
	if err != nil {
		return nil, false
	}
	return e.status(codeOfHTTP(resp.StatusCode)), true
}

// maxShown is as much of a foreign answer as is shown, in bytes.
const maxShown = 200

// foreign is the error for an answer that is not of the protocol.
func (s *webStream) foreign(resp *http.Response, kind string) error {
	x := s.exchange
	if kind == "application/grpc" || kind == "application/grpc+proto" {
		return status.Errorf(codes.Unimplemented, "the server speaks gRPC itself, not %s: it answered HTTP %d", x.web.protocol, resp.StatusCode)
	}
	begin, _ := io.ReadAll(io.LimitReader(resp.Body, maxShown)) // what there is of it
	if !x.first.secure && resp.StatusCode == http.StatusBadRequest &&
		(bytes.Contains(begin, []byte("HTTPS server")) || bytes.Contains(begin, []byte("HTTPS port"))) { // net/http's words, nginx' words
		return connectError([]attempt{x.peer}, tlsServer)
	}
	text := fmt.Sprintf("the answer is not %s: HTTP %s", x.web.protocol, printable([]byte(resp.Status)))
	if kind != "" {
		text += ", " + printable([]byte(kind))
	}
	if len(begin) > 0 {
		text += ": " + printable(bytes.TrimSpace(begin))
	}
	return status.Error(codeOfHTTP(resp.StatusCode), text)
}
