package edge

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"
	"time"

	"connectrpc.com/connect"
	"connectrpc.com/vanguard"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// router sends each request to what answers it.
type router struct {
	edge       *Edge
	methods    map[string]protoreflect.MethodDescriptor // by path
	transcoder http.Handler
	files      http.Handler
	errors     *connect.ErrorWriter
}

// newHandler returns the handler of everything, inside of what is for all
// requests.
func (e *Edge) newHandler() (http.Handler, error) {
	r := &router{edge: e, methods: map[string]protoreflect.MethodDescriptor{}, errors: connect.NewErrorWriter()}
	var services []*vanguard.Service
	for _, sd := range e.services {
		for i := range sd.Methods().Len() {
			md := sd.Methods().Get(i)
			r.methods[methodPath(md)] = md
		}
		services = append(services, vanguard.NewServiceWithSchema(sd, transcoded{e.server}))
	}
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
	case kind == "application/grpc" || strings.HasPrefix(kind, "application/grpc+"):
		r.native(w, request)
	case known && request.ProtoMajor < 2 && md.IsStreamingClient() && md.IsStreamingServer():
		r.refuse(w, request, http.StatusHTTPVersionNotSupported, connect.CodeUnimplemented, string(md.FullName())+
			" streams in both directions and needs HTTP/2: call by https, or in plaintext with HTTP/2 from the start (curl --http2-prior-knowledge)")
	case known && kind == "application/json" && (md.IsStreamingClient() || md.IsStreamingServer()):
		r.refuse(w, request, http.StatusUnsupportedMediaType, connect.CodeInvalidArgument, string(md.FullName())+
			" is a stream: send application/connect+json, or gRPC-Web")
	case known || strings.HasPrefix(request.URL.Path, restPrefix):
		if kind == "application/json" {
			request.Header.Set("Content-Type", kind) // without a charset, which can only be UTF-8
			if known {                               // plain JSON is Connect without its header
				request.Header.Set("Connect-Protocol-Version", "1")
			}
		}
		r.call(w, request, kind, known && (md.IsStreamingClient() || md.IsStreamingServer()))
	case rpcPath(request):
		r.unknown(w, request)
	default:
		r.files.ServeHTTP(w, request)
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
		r.refuse(w, request, http.StatusTooManyRequests, connect.CodeResourceExhausted,
			fmt.Sprintf("the message is larger than %d bytes", large.Limit))
	case errors.Is(err, os.ErrDeadlineExceeded):
		r.refuse(w, request, http.StatusRequestTimeout, connect.CodeDeadlineExceeded, "the request did not come in time")
	default:
		r.refuse(w, request, http.StatusBadRequest, connect.CodeInvalidArgument, "the request ended too early")
	}
}

// native serves gRPC itself, which needs no transcoding.
func (r *router) native(w http.ResponseWriter, request *http.Request) {
	if request.ProtoMajor < 2 {
		writeError(w, http.StatusHTTPVersionNotSupported, connect.CodeUnimplemented,
			"gRPC needs HTTP/2; over HTTP/1.1 speak gRPC-Web or Connect")
		return
	}
	r.edge.server.ServeHTTP(&patientWriter{
		ResponseWriter: w, control: http.NewResponseController(w), timeout: r.edge.options.WriteTimeout,
	}, request)
}

// rpcPath tells whether a request is meant for a method.
func rpcPath(r *http.Request) bool {
	service, method, ok := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	return ok && r.Method == http.MethodPost && strings.Contains(service, ".") && !strings.Contains(method, "/")
}

// unknown answers calls of what is not forwarded.
func (r *router) unknown(w http.ResponseWriter, request *http.Request) {
	r.refuse(w, request, http.StatusNotFound, connect.CodeUnimplemented, fmt.Sprintf(
		"no method is served at %s %.200q; served are those of %s, REST under %s, and their schema at %s",
		request.Method, request.URL.Path, strings.Join(r.edge.Services(), ", "), restPrefix, schemaPath))
}

// refuse answers with an error that is the edge's own, in the caller's protocol
// where that has frames, else with an HTTP status and JSON.
func (r *router) refuse(w http.ResponseWriter, request *http.Request, code int, status connect.Code, text string) {
	kind := contentType(request)
	framed := strings.HasPrefix(kind, "application/grpc") || strings.HasPrefix(kind, "application/connect+")
	if framed && r.errors.IsSupported(request) && r.errors.Write(w, request, connect.NewError(status, errors.New(text))) == nil {
		return
	}
	writeError(w, code, status, text)
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
