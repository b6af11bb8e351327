package edge

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"connectrpc.com/connect"
	"connectrpc.com/vanguard"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// router sends each request to what answers it.
type router struct {
	edge       *Edge
	methods    map[string]protoreflect.MethodDescriptor // by path
	routes     routes
	transcoder http.Handler
	files      http.Handler
}

// newHandler returns the handler of everything, inside of what is for all
// requests.
func (e *Edge) newHandler() (http.Handler, error) {
	r := &router{edge: e, methods: map[string]protoreflect.MethodDescriptor{}}
	var services []*vanguard.Service
	for _, sd := range e.services {
		for i := range sd.Methods().Len() {
			md := sd.Methods().Get(i)
			r.methods[methodPath(md)] = md
		}
		services = append(services, vanguard.NewServiceWithSchema(sd, transcoded{called{e.server}, r.methods}))
	}
	r.routes = newRoutes(r.methods, rules())
	var err error
	if r.files, err = e.newFiles(); err != nil {
		return nil, err
	}
	r.transcoder, err = vanguard.NewTranscoder(services,
		vanguard.WithDefaultServiceOptions(
			vanguard.WithTargetProtocols(vanguard.ProtocolGRPC),
			vanguard.WithTargetCodecs(vanguard.CodecProto),
			vanguard.WithMaxMessageBufferBytes(uint32(min(e.options.MaxMessageBytes, 1<<31))),
		),
		vanguard.WithCodec(newJSONCodec),
		vanguard.WithCodec(newProtoCodec),
		vanguard.WithCompression(vanguard.CompressionGzip, newCompressor, newDecompressor(e.options.MaxMessageBytes)),
		vanguard.WithRules(rules()...),
		vanguard.WithUnknownHandler(http.HandlerFunc(r.unknown)),
	)
	if err != nil {
		return nil, fmt.Errorf("edge: %w", err)
	}
	access, err := newOrigins(e.options.Origins)
	if err != nil {
		return nil, err
	}
	return &front{log: e.options.Log, next: access.wrap(r)}, nil
}

// ServeHTTP implements http.Handler.
func (r *router) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	kind := contentType(request)
	md, known := r.methods[request.URL.Path]
	switch {
	case native(kind):
		r.native(w, request)
	case known:
		r.rpc(w, request, kind, md)
	case strings.HasPrefix(request.URL.Path, restPrefix):
		r.rest(w, request, kind)
	case byPath(request):
		r.unknown(w, request)
	default:
		r.files.ServeHTTP(w, request)
	}
}

// rpc answers calls of a method by its path.
func (r *router) rpc(w http.ResponseWriter, request *http.Request, kind string, md protoreflect.MethodDescriptor) {
	streams := md.IsStreamingClient() || md.IsStreamingServer()
	options, _ := md.Options().(*descriptorpb.MethodOptions)
	readable := !streams && options.GetIdempotencyLevel() == descriptorpb.MethodOptions_NO_SIDE_EFFECTS
	switch {
	case request.Method == http.MethodGet && readable:
		request.Header.Del("Content-Type") // a request without a body has none
	case request.Method != http.MethodPost:
		allowed := http.MethodPost
		if readable {
			allowed = "GET, POST"
		}
		w.Header().Set("Allow", allowed)
		refuse(w, request, http.StatusMethodNotAllowed, failure(connect.CodeUnimplemented,
			fmt.Sprintf("%s is called by %s, not by %.20s", md.FullName(), allowed, request.Method)))
		return
	case request.ProtoMajor < 2 && md.IsStreamingClient() && md.IsStreamingServer():
		refuse(w, request, http.StatusHTTPVersionNotSupported, failure(connect.CodeUnimplemented, string(md.FullName())+
			" streams in both directions and needs HTTP/2: call by https, or in plaintext with HTTP/2 from the start (curl --http2-prior-knowledge)"))
		return
	case !slices.Contains(kinds(streams), kind):
		r.wrongKind(w, request, kind, string(md.FullName())+" takes "+strings.Join(kinds(streams), ", "))
		return
	case strings.HasPrefix(kind, "application/grpc-web"):
	default:
		request.Header.Set("Content-Type", kind) // without a charset, which can only be UTF-8
	}
	if !strings.HasPrefix(kind, "application/grpc-web") {
		if err := checkConnect(request); err != nil {
			refuse(w, request, http.StatusBadRequest, err)
			return
		}
		if !streams {
			request.Header.Set("Connect-Protocol-Version", "1") // plain JSON is Connect without its header
		}
	}
	r.call(w, request, kind, streams)
}

// kinds returns the content types of Connect and gRPC-Web for methods with a
// stream, and for the others.
func kinds(streams bool) []string {
	web := []string{"application/grpc-web", "application/grpc-web+proto", "application/grpc-web+json"}
	if streams {
		return append([]string{"application/connect+json", "application/connect+proto"}, web...)
	}
	return append([]string{"application/json", "application/proto"}, web...)
}

// wrongKind answers a request whose content type is not for what it asks.
func (r *router) wrongKind(w http.ResponseWriter, request *http.Request, kind, right string) {
	refuse(w, request, http.StatusUnsupportedMediaType, failure(connect.CodeInvalidArgument,
		fmt.Sprintf("%s, and gRPC over HTTP/2, but the content type is %.100q", right, kind)))
}

// rest answers calls in the form of REST.
func (r *router) rest(w http.ResponseWriter, request *http.Request, kind string) {
	found, allowed := r.routes.find(request)
	request.Header.Del("Connect-Protocol-Version")
	switch {
	case found == nil && len(allowed) > 0:
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		refuse(w, request, http.StatusMethodNotAllowed, failure(connect.CodeUnimplemented, fmt.Sprintf(
			"%.20s is not allowed here, but %s", request.Method, strings.Join(allowed, ", "))))
		return
	case found == nil:
		r.unknown(w, request)
		return
	case kind == "application/json":
		request.Header.Set("Content-Type", kind)
	case kind != "":
		refuse(w, request, http.StatusUnsupportedMediaType, failure(connect.CodeInvalidArgument,
			fmt.Sprintf("REST takes application/json, but the content type is %.100q", kind)))
		return
	}
	switch err := found.check(request); {
	case err != nil:
		refuse(w, request, http.StatusBadRequest, asConnect(err))
	case found.body == "" && request.ContentLength != 0:
		refuse(w, request, http.StatusBadRequest, failure(connect.CodeInvalidArgument,
			request.Method+" of "+string(found.method.Name())+" takes no body, only parameters in the path and the query"))
	case !isSeconds(request.Header.Get(restTimeout)):
		refuse(w, request, http.StatusBadRequest, badTimeout(request, restTimeout, "seconds"))
	default:
		request.URL.Path = found.path
		r.call(w, request, kind, false)
	}
}

// contentType returns the media type of a request, without parameters that say
// nothing new.
func contentType(r *http.Request) string {
	kind, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || parameters["charset"] != "" && !strings.EqualFold(parameters["charset"], "utf-8") {
		return r.Header.Get("Content-Type")
	}
	return kind
}

// call has the transcoder answer. Who sends one message must do so in the time
// that the whole call has; who gets a stream must take some of it now and then.
func (r *router) call(w http.ResponseWriter, request *http.Request, kind string, streams bool) {
	o := &r.edge.options
	control := http.NewResponseController(w)
	switch {
	case streams:
		w = &eagerWriter{patientWriter{ResponseWriter: w, control: control, timeout: o.WriteTimeout}}
	case strings.HasPrefix(kind, "application/grpc-web"):
		request.Body = newTimedBody(request.Body, control, o.UnaryTimeout)
	case request.Method != http.MethodGet:
		body, err := io.ReadAll(http.MaxBytesReader(w, newTimedBody(request.Body, control, o.UnaryTimeout), int64(o.MaxMessageBytes)))
		if err != nil {
			r.unread(w, request, err)
			return
		}
		if len(body) == 0 && kind == "application/json" {
			body = []byte(" ") // no JSON either, but the transcoder says so
		}
		request.Body, request.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	r.transcoder.ServeHTTP(w, request)
}

// unread answers a request whose body could not be read.
func (r *router) unread(w http.ResponseWriter, request *http.Request, err error) {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		refuse(w, request, http.StatusTooManyRequests, tooLarge(large.Limit))
	case errors.Is(err, os.ErrDeadlineExceeded):
		refuse(w, request, http.StatusRequestTimeout, failure(connect.CodeDeadlineExceeded, "the request did not come in time"))
	default:
		refuse(w, request, http.StatusBadRequest, failure(connect.CodeInvalidArgument, "the request ended too early"))
	}
}

// native serves gRPC itself, which needs no transcoding.
func (r *router) native(w http.ResponseWriter, request *http.Request) {
	if request.ProtoMajor < 2 {
		refuse(w, request, http.StatusHTTPVersionNotSupported, failure(connect.CodeUnimplemented,
			"gRPC needs HTTP/2; over HTTP/1.1 speak gRPC-Web or Connect"))
		return
	}
	called{r.edge.server}.ServeHTTP(&patientWriter{
		ResponseWriter: w, control: http.NewResponseController(w), timeout: r.edge.options.WriteTimeout,
	}, request)
}

// unknown answers calls of what is not forwarded.
func (r *router) unknown(w http.ResponseWriter, request *http.Request) {
	refuse(w, request, http.StatusNotFound, failure(connect.CodeUnimplemented, fmt.Sprintf(
		"no method is served at %s %.200q; served are those of %s, REST under %s, and their schema at %s",
		request.Method, request.URL.Path, strings.Join(r.edge.Services(), ", "), restPrefix, schemaPath)))
}

// patientWriter gives a client time for each write, not for all of them.
type patientWriter struct {
	http.ResponseWriter

	control *http.ResponseController
	timeout time.Duration
}

// Unwrap lets http.ResponseController reach the writer.
func (w *patientWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Write implements io.Writer.
func (w *patientWriter) Write(b []byte) (int, error) {
	defer w.limit()()
	return w.ResponseWriter.Write(b)
}

// Flush implements http.Flusher.
func (w *patientWriter) Flush() {
	defer w.limit()()
	_ = w.control.Flush() // a client that is gone ends the call
}

// limit sets a deadline and returns what lifts it.
func (w *patientWriter) limit() (lift func()) {
	if w.control.SetWriteDeadline(time.Now().Add(w.timeout)) != nil {
		return func() {}
	}
	return func() { _ = w.control.SetWriteDeadline(time.Time{}) }
}

// timedBody is a body that must come within a time. Behind its end the time does
// not count any more: a deadline that passes there would look like a client that
// went away.
type timedBody struct {
	io.ReadCloser

	control *http.ResponseController
}

func newTimedBody(body io.ReadCloser, control *http.ResponseController, limit time.Duration) *timedBody {
	// Not every writer of a test has deadlines; those of net/http do.
	_ = control.SetReadDeadline(time.Now().Add(limit))
	return &timedBody{body, control}
}

// Read implements io.Reader.
func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		_ = b.control.SetReadDeadline(time.Time{})
	}
	return n, err
}

// eagerWriter sends the headers of a stream when they are known: the transcoder
// would keep them until the first message.
type eagerWriter struct{ patientWriter }

// WriteHeader implements http.ResponseWriter.
func (w *eagerWriter) WriteHeader(code int) {
	w.ResponseWriter.WriteHeader(code)
	w.Flush()
}
