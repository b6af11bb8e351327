package otlp

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"

	"github.com/gctl-dev/gctl/fleet/dialect/spans"
)

// handler serves OTLP over HTTP and, for readers, the paths of Jaeger's newer API.
func (r *Receiver) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/traces", r.receive)
	mux.HandleFunc("GET /api/v3/services", r.serveServices)
	mux.HandleFunc("GET /api/v3/operations", r.serveOperations)
	mux.HandleFunc("GET /api/v3/traces", r.serveSearch)
	mux.HandleFunc("GET /api/v3/traces/{id}", r.serveTrace)
	return mux
}

// receive takes an OTLP request in protobuf or JSON and answers in the same.
func (r *Receiver) receive(w http.ResponseWriter, req *http.Request) {
	kind, _, _ := mime.ParseMediaType(req.Header.Get("Content-Type"))
	var read func([]byte) ([]spans.Span, int, error)
	switch kind {
	case "application/x-protobuf":
		read = spans.FromProto
	case "application/json":
		read = spans.FromJSON
	default:
		http.Error(w, "OTLP is application/x-protobuf or application/json", http.StatusUnsupportedMediaType)
		return
	}
	body, err := requestBody(w, req)
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong):
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	list, left, err := read(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	rejected := r.take(list, left)
	w.Header().Set("Content-Type", kind)
	if kind == "application/x-protobuf" {
		_, _ = w.Write(exportResponse(rejected))
		return
	}
	answer := "{}"
	if rejected > 0 {
		answer = fmt.Sprintf(`{"partialSuccess":{"rejectedSpans":"%d","errorMessage":%s}}`, rejected, strconv.Quote(rejection))
	}
	_, _ = io.WriteString(w, answer)
}

// requestBody reads a body of at most maxMessage bytes, before and after
// decompression.
func requestBody(w http.ResponseWriter, req *http.Request) ([]byte, error) {
	body := http.MaxBytesReader(w, req.Body, maxMessage)
	switch encoding := req.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
	case "gzip":
		unzipped, err := gzip.NewReader(body)
		if err != nil {
			return nil, err
		}
		body = http.MaxBytesReader(w, unzipped, maxMessage)
	default:
		return nil, fmt.Errorf("content encoding %q is not known", encoding)
	}
	return io.ReadAll(body)
}

// answer writes JSON.
func answer(w http.ResponseWriter, code int, v any) {
	raw, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(raw)
}

// refuse writes an error as Jaeger does.
func refuse(w http.ResponseWriter, code int, message string) {
	answer(w, code, map[string]any{"error": map[string]any{"httpCode": code, "message": message}})
}
