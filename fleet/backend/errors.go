package backend

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/gctl-dev/gctl/fleet"
)

// ErrNotServed is in the error of an answer that the backend's API would not have
// given at this address: 404, or a web page. Another version of it may have the
// endpoint.
var ErrNotServed = errors.New("not served")

// notServedError is an error that is ErrNotServed and says it in its own words.
type notServedError struct{ error }

// Is tells that it is ErrNotServed.
func (notServedError) Is(target error) bool { return target == ErrNotServed }

// fail is the error of one request.
func (c *Client) fail(req *http.Request, err error, hint string) error {
	u := *req.URL
	u.User, u.RawQuery = nil, ""
	return &fleet.Error{What: fmt.Sprintf("ask %s: %s %s", c.o.Name, req.Method, u.String()), Err: err, Hint: hint}
}

// unreached is a request without an answer.
func (c *Client) unreached(ctx context.Context, req *http.Request, err error) error {
	var unknownCA x509.UnknownAuthorityError
	var dns *net.DNSError
	doctor := "is the address right, and is it running? gctl doctor looks at all backends"
	switch {
	case errors.Is(context.Cause(ctx), errTimeout):
		return c.fail(req, fmt.Errorf("%w (%s)", errTimeout, c.o.Timeout), "it may be hanging or overloaded; gctl doctor looks at all backends")
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &unknownCA):
		return c.fail(req, errors.New("its certificate is signed by an unknown authority"), "name its CA: tls.cacert of "+c.o.Name+" in the context")
	case errors.As(err, &dns):
		return c.fail(req, fmt.Errorf("no such host: %s", dns.Name), doctor)
	case strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return c.fail(req, errors.New("it speaks plain HTTP"), "write http:// instead of https://")
	case strings.Contains(err.Error(), "malformed HTTP"):
		return c.fail(req, errors.New("what answers does not speak HTTP/1.1"), "is it TLS (https://), or another program's port?")
	default:
		return c.fail(req, innermost(err), doctor)
	}
}

// cutOff is an answer that ended in the middle.
func (c *Client) cutOff(ctx context.Context, req *http.Request, err error) error {
	if ctx.Err() != nil && !errors.Is(context.Cause(ctx), errTimeout) {
		return context.Cause(ctx)
	}
	if ctx.Err() != nil {
		err = errTimeout
	}
	return c.fail(req, fmt.Errorf("the answer was cut off: %w", err), "try again; a proxy or a memory limit may be in between")
}

// notTheBackend tells whether an answer is not one that the backend's own API
// would give.
func notTheBackend(resp *http.Response, body []byte) bool {
	switch resp.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusTooManyRequests, http.StatusBadGateway,
		http.StatusGatewayTimeout:
		return !isJSON(body) || resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden ||
			resp.StatusCode == http.StatusTooManyRequests
	default:
		return resp.StatusCode >= 300 && resp.StatusCode < 400 || isPage(resp, body)
	}
}

// refused is an answer that has no data in it.
func (c *Client) refused(req *http.Request, resp *http.Response, body []byte) error {
	what := fmt.Errorf("it answered %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	credentials := "set headers or auth of " + c.o.Name + " in the context"
	switch resp.StatusCode {
	case http.StatusUnauthorized:
		return c.fail(req, what, "it wants credentials: "+credentials)
	case http.StatusForbidden:
		return c.fail(req, what, "these credentials may not read: "+credentials)
	case http.StatusTooManyRequests:
		return c.fail(req, what, retryAfter(resp))
	case http.StatusNotFound:
		return c.fail(req, notServedError{what}, "is the path prefix of the address right? It is part of the URL, as in http://host/"+c.o.Name)
	}
	switch {
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		return c.fail(req, fmt.Errorf("it sends the request on to %s", clean(resp.Header.Get("Location"))), "is there a sign-on page in front of it? "+credentials)
	case isPage(resp, body):
		return c.fail(req, notServedError{fmt.Errorf("it answered %d with a web page", resp.StatusCode)}, "is this the address of "+c.o.Name+"? A sign-on page may be in front of it: "+credentials)
	}
	if text := firstLine(body); text != "" {
		what = fmt.Errorf("%w: %s", what, text)
	}
	if resp.StatusCode >= http.StatusInternalServerError {
		return c.fail(req, what, "it is in trouble itself, and its own log says why; gctl doctor looks at all backends")
	}
	return c.fail(req, what, "is this the address of "+c.o.Name+"? gctl doctor looks at all backends")
}

func retryAfter(resp *http.Response) string {
	after := clean(resp.Header.Get("Retry-After"))
	if _, err := strconv.Atoi(after); err == nil {
		return "it limits requests: try again after " + after + " s"
	}
	if at, err := http.ParseTime(after); err == nil {
		return "it limits requests: try again after " + at.UTC().Format(time.RFC3339)
	}
	return "it limits requests: try again later, or ask less often"
}

// isJSON goes by the body: Jaeger calls its JSON errors text/plain.
func isJSON(body []byte) bool {
	body = bytes.TrimSpace(body)
	return bytes.HasPrefix(body, []byte("{")) && json.Valid(body)
}

func isPage(resp *http.Response, body []byte) bool {
	start := bytes.ToLower(bytes.TrimSpace(body[:min(len(body), 256)]))
	return strings.Contains(resp.Header.Get("Content-Type"), "text/html") ||
		bytes.HasPrefix(start, []byte("<!doctype html")) || bytes.HasPrefix(start, []byte("<html"))
}

// innermost drops the wrapping that repeats the URL.
func innermost(err error) error {
	for {
		next := errors.Unwrap(err)
		var op *net.OpError
		if next == nil || errors.As(err, &op) && op == err { //nolint:errorlint // only the error itself
			return err
		}
		err = next
	}
}

// firstLine is the beginning of a text that a peer sent, fit for one line.
func firstLine(body []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(body[:min(len(body), 1024)])), "\n")
	line = clean(line)
	if r := []rune(line); len(r) > 200 {
		line = string(r[:200]) + "..."
	}
	return line
}

// clean drops what could move a terminal's cursor.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, text)
}
