package edge

import (
	"maps"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/grpc/codes"
)

// retryAfter is the header that says how many seconds to wait.
const retryAfter = "Retry-After"

// answer is what every answer passes last: it remembers what was answered, gives
// it the headers that are for all, and turns an error in plain text, as net/http
// and the libraries here write it, into one of the caller's protocol.
type answer struct {
	http.ResponseWriter

	request *http.Request
	id      string // of the request
	seen    *outcome
	code    int
	bytes   int64
	plain   int  // the status of an error in plain text, whose text is awaited
	broken  bool // by a panic
}

// Unwrap lets http.ResponseController reach the writer.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(code int) {
	if a.code != 0 || a.plain != 0 {
		return
	}
	h := a.Header()
	if kind, _, _ := mime.ParseMediaType(h.Get("Content-Type")); code >= http.StatusBadRequest && kind == "text/plain" {
		a.plain = code
		return
	}
	a.code = code
	h.Set(requestID, a.id) // in place of those on the way here
	switch code {
	case http.StatusServiceUnavailable:
		h.Set(retryAfter, strconv.FormatInt(max(1, a.seen.retry.Load()), 10))
	case http.StatusTooManyRequests:
		if seconds := a.seen.retry.Load(); seconds > 0 { // else nothing is known, or it never helps
			h.Set(retryAfter, strconv.FormatInt(seconds, 10))
		}
	}
	a.ResponseWriter.WriteHeader(code)
}

// Write implements io.Writer.
func (a *answer) Write(b []byte) (int, error) {
	if a.plain != 0 {
		a.explain(strings.TrimSpace(string(b)))
		return len(b), nil
	}
	if a.code == 0 {
		a.WriteHeader(http.StatusOK)
	}
	n, err := a.ResponseWriter.Write(b)
	a.bytes += int64(n)
	return n, err
}

// explain sends the error whose text was awaited.
func (a *answer) explain(text string) {
	code := a.plain
	a.plain = 0
	switch code {
	case http.StatusMethodNotAllowed:
		text = a.request.Method + " is not allowed here, but " + a.Header().Get("Allow")
	case http.StatusNotFound:
		text = "there is nothing at this path"
	}
	a.Header().Del("Content-Type")
	refuse(a, a.request, code, failure(codeOf(code), text))
}

// end sends what was kept.
func (a *answer) end() {
	if a.plain != 0 {
		a.explain(http.StatusText(a.plain))
	}
}

// fail answers in place of what panicked before it answered.
func (a *answer) fail() {
	a.plain = 0
	// Headers of an answer that does not come, but for a goodbye and those by which
	// a page may read it.
	maps.DeleteFunc(a.Header(), func(name string, _ []string) bool {
		return name != "Connection" && name != "Vary" && !strings.HasPrefix(name, "Access-Control-")
	})
	refuse(a, a.request, http.StatusInternalServerError, failure(connect.CodeInternal, "internal error"))
}

// Flush implements http.Flusher.
func (a *answer) Flush() {
	if a.plain != 0 {
		return
	}
	if a.code == 0 {
		a.WriteHeader(http.StatusOK)
	}
	_ = http.NewResponseController(a.ResponseWriter).Flush()
}

// status returns how the call of a method ended, or false where none was made.
func (o *outcome) status() (codes.Code, bool) {
	n := o.code.Load()
	return codes.Code(max(n-1, 0)), n > 0
}
