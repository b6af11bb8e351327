package edge

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"connectrpc.com/connect"
)

// preflightAge is how long a browser may remember that it may call.
const preflightAge = 2 * time.Hour

// anyOrigin lets the pages of everybody call.
const anyOrigin = "*"

// origins says which pages may call from a browser (https://fetch.spec.whatwg.org,
// section 3.2). Credentials that a browser sends by itself are never asked for.
type origins struct {
	allowed []string
	guard   *http.CrossOriginProtection
}

func newOrigins(allowed []string) (*origins, error) {
	o := &origins{guard: http.NewCrossOriginProtection()}
	for _, origin := range allowed {
		if origin == anyOrigin {
			o.allowed = append(o.allowed, origin)
			continue
		}
		u, err := url.Parse(origin)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Scheme+"://"+u.Host != origin {
			return nil, fmt.Errorf("origin %q: not of the form https://host, https://host:port, or *", origin)
		}
		if err := o.guard.AddTrustedOrigin(origin); err != nil {
			return nil, fmt.Errorf("origin %q: %w", origin, err)
		}
		o.allowed = append(o.allowed, origin)
	}
	return o, nil
}

// allows tells whether pages of an origin may call: those that are configured,
// and those of the host that is called.
func (o *origins) allows(r *http.Request, origin string) bool {
	if slices.Contains(o.allowed, anyOrigin) || slices.Contains(o.allowed, origin) {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && u.Host == r.Host
}

// wrap answers preflights, refuses what pages of others want changed, and lets
// browsers show the answers to the pages that may see them.
func (o *origins) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		if origin == "" {
			o.check(w, r, next)
			return
		}
		w.Header().Add("Vary", "Origin")
		if o.allows(r, origin) {
			w.Header().Set("Access-Control-Allow-Origin", origin)
		}
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			o.preflight(w, r, origin)
			return
		}
		if o.allows(r, origin) {
			w.Header().Set("Access-Control-Expose-Headers", strings.Join(exposed(), ", "))
			next.ServeHTTP(&exposing{ResponseWriter: w}, r)
			return
		}
		o.check(w, r, next)
	})
}

// check refuses what a browser sends on behalf of a page of others: some of it
// goes out without a preflight.
func (o *origins) check(w http.ResponseWriter, r *http.Request, next http.Handler) {
	if err := o.guard.Check(r); err != nil && !slices.Contains(o.allowed, anyOrigin) {
		refuse(w, r, http.StatusForbidden, failure(connect.CodePermissionDenied, "pages of this origin may not call"))
		return
	}
	next.ServeHTTP(w, r)
}

func (o *origins) preflight(w http.ResponseWriter, r *http.Request, origin string) {
	if !o.allows(r, origin) {
		refuse(w, r, http.StatusForbidden, failure(connect.CodePermissionDenied, "pages of this origin may not call"))
		return
	}
	h := w.Header()
	h.Add("Vary", "Access-Control-Request-Method")
	h.Add("Vary", "Access-Control-Request-Headers")
	h.Set("Access-Control-Allow-Methods", "GET, POST, PATCH, DELETE")
	h.Set("Access-Control-Max-Age", strconv.Itoa(int(preflightAge.Seconds())))
	// Who may call may send metadata; what is not forwarded is taken out later.
	if wanted := r.Header.Get("Access-Control-Request-Headers"); wanted != "" && isNames(wanted) {
		h.Set("Access-Control-Allow-Headers", wanted)
	}
	w.WriteHeader(http.StatusNoContent)
}

// isNames tells whether a header is a list of header names.
func isNames(list string) bool {
	return strings.IndexFunc(list, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_, ", r)
	}) < 0
}

// exposed are the headers that a page may read in any case.
func exposed() []string {
	return []string{
		"Grpc-Status", "Grpc-Message", "Grpc-Status-Details-Bin",
		"Content-Encoding", "Connect-Content-Encoding", requestID, retryAfter,
	}
}

// exposing lets pages read the metadata of an answer too: what it is called is
// known only when it is there.
type exposing struct {
	http.ResponseWriter

	done bool
}

// Unwrap lets http.ResponseController reach the writer.
func (e *exposing) Unwrap() http.ResponseWriter { return e.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (e *exposing) WriteHeader(code int) {
	e.expose()
	e.ResponseWriter.WriteHeader(code)
}

// Write implements io.Writer.
func (e *exposing) Write(b []byte) (int, error) {
	e.expose()
	return e.ResponseWriter.Write(b)
}

// Flush implements http.Flusher.
func (e *exposing) Flush() {
	e.expose()
	_ = http.NewResponseController(e.ResponseWriter).Flush()
}

func (e *exposing) expose() {
	if e.done {
		return
	}
	e.done = true
	names := exposed()
	for name := range e.Header() {
		switch {
		case name == "Vary", name == "Date", name == "Trailer", strings.HasPrefix(name, "Access-Control-"), strings.HasPrefix(name, http.TrailerPrefix):
		case !slices.Contains(names, name):
			names = append(names, name)
		}
	}
	slices.Sort(names)
	e.Header().Set("Access-Control-Expose-Headers", strings.Join(names, ", "))
}
