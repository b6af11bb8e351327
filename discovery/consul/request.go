package consul

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// StatusError is an answer of Consul that is not 200.
type StatusError struct {
	Code int    // HTTP status
	Body string // what Consul says, one line, cut after 500 bytes
	HTML bool   // the answer is a page, so it is probably not Consul's
}

// Error implements error.
func (e *StatusError) Error() string {
	text := strconv.Itoa(e.Code) + " " + http.StatusText(e.Code)
	if e.Body == "" || e.HTML {
		return text
	}
	return text + ": " + e.Body
}

// FormatError is an answer with status 200 that is not what Consul sends.
type FormatError struct {
	ContentType string
	Err         error // what the decoder says, nil if the content type says it all
}

// Error implements error.
func (e *FormatError) Error() string {
	if e.Err == nil {
		return "answer is " + e.ContentType + ", not JSON"
	}
	return "answer cannot be read: " + e.Err.Error()
}

// Unwrap returns the decoder's error.
func (e *FormatError) Unwrap() error { return e.Err }

// ErrTooLarge is the cause of an answer that is longer than Config.MaxAnswer.
var ErrTooLarge = errors.New("answer is too large")

// ErrTimeout is the cause of a request that Consul did not answer in time.
var ErrTimeout = errors.New("no answer in time")

// answer is what the headers of an answer say.
type answer struct {
	index  uint64
	hidden bool // ACLs filtered results out
	blind  bool // no token was sent, and the default is to deny
}

// hides tells whether an answer with n results may be incomplete. To a request
// without a token Consul does not say that it filtered; then an empty answer
// where everything is denied by default is one that says nothing.
func (a answer) hides(n int) bool { return a.hidden || a.blind && n == 0 }

// get asks for path and hands the body to decode. The whole takes at most
// timeout; the end of ctx itself is reported as such, the end of the time as
// ErrTimeout.
func (c *Client) get(ctx context.Context, path string, params url.Values, timeout time.Duration, decode func(*json.Decoder) error) (answer, error) {
	return c.read(ctx, path, params, timeout, func(body io.Reader) error { return decode(json.NewDecoder(body)) })
}

// read is get for a body that is no business of the JSON decoder.
func (c *Client) read(ctx context.Context, path string, params url.Values, timeout time.Duration, use func(io.Reader) error) (answer, error) {
	resp, cancel, err := c.do(ctx, http.MethodGet, path, params, nil, timeout)
	if err != nil {
		return answer{}, err
	}
	defer cancel()
	defer resp.Body.Close()
	var a answer
	// A missing or odd index stays 0, with which nobody can block.
	a.index, _ = strconv.ParseUint(resp.Header.Get("X-Consul-Index"), 10, 64)
	a.hidden = resp.Header.Get("X-Consul-Results-Filtered-By-Acls") == "true"
	a.blind = c.cfg.Token == "" && resp.Header.Get("X-Consul-Default-Acl-Policy") == "deny"
	body := &limited{r: resp.Body, left: c.cfg.MaxAnswer}
	if err := use(body); err != nil {
		if body.err != nil && !errors.Is(body.err, io.EOF) {
			return a, body.err
		}
		return a, &FormatError{ContentType: resp.Header.Get("Content-Type"), Err: err}
	}
	// Reading to the end lets the connection be used again.
	_, _ = io.CopyN(io.Discard, body, 4096)
	return a, nil
}

// nothing is the decoder of an answer that nobody needs.
func nothing(*json.Decoder) error { return nil }

// put sends in as JSON, where there is one, and expects nothing back.
func (c *Client) put(ctx context.Context, path string, params url.Values, in any) error {
	var data []byte
	if in != nil {
		var err error
		if data, err = json.Marshal(in); err != nil {
			return fmt.Errorf("encode request: %w", err)
		}
	}
	resp, cancel, err := c.do(ctx, http.MethodPut, path, params, data, c.cfg.Timeout)
	if err != nil {
		return err
	}
	defer cancel()
	_, _ = io.CopyN(io.Discard, resp.Body, 4096)
	return resp.Body.Close()
}

// do sends a request and returns an answer of status 200 whose body ends with
// the timeout. The caller closes the body, then calls cancel.
func (c *Client) do(ctx context.Context, method, path string, params url.Values, data []byte, timeout time.Duration) (*http.Response, context.CancelFunc, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("%w (%s)", ErrTimeout, timeout))
	req, err := c.request(ctx, method, path, params, data)
	if err != nil {
		cancel()
		return nil, nil, err
	}
	client := c.http
	if params.Has("index") {
		client = c.blocking
	}
	resp, err := client.Do(req)
	if err != nil {
		err = cause(ctx, err)
		cancel()
		return nil, nil, err
	}
	resp.Body = &causedBody{ReadCloser: resp.Body, ctx: ctx}
	if err := c.checkAnswer(resp); err != nil {
		resp.Body.Close()
		cancel()
		return nil, nil, err
	}
	return resp, cancel, nil
}

func (c *Client) request(ctx context.Context, method, path string, params url.Values, data []byte) (*http.Request, error) {
	if params == nil {
		params = url.Values{}
	}
	setIf(params, "dc", c.cfg.Datacenter)
	setIf(params, "ns", c.cfg.Namespace)
	setIf(params, "partition", c.partition)
	target := url.URL{Scheme: c.scheme, Host: c.host, Path: c.prefix + path, RawQuery: params.Encode()}
	req, err := http.NewRequestWithContext(ctx, method, target.String(), bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("request to Consul: %w", err)
	}
	if data == nil {
		req.Body, req.ContentLength = http.NoBody, 0
	} else {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.cfg.Token != "" {
		req.Header.Set("X-Consul-Token", c.cfg.Token)
	}
	if c.auth != nil {
		req.SetBasicAuth(c.auth.Username, c.auth.Password)
	}
	return req, nil
}

func setIf(params url.Values, key, value string) {
	if value != "" {
		params.Set(key, value)
	}
}

// checkAnswer tells an answer that can be decoded from all others.
func (c *Client) checkAnswer(resp *http.Response) error {
	contentType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	html := contentType == "text/html"
	if resp.StatusCode != http.StatusOK {
		body, err := io.ReadAll(io.LimitReader(resp.Body, 500))
		if err != nil && len(body) == 0 {
			return err
		}
		words := strings.FieldsFunc(string(body), func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })
		return &StatusError{Code: resp.StatusCode, Body: strings.Join(words, " "), HTML: html}
	}
	if html {
		return &FormatError{ContentType: contentType}
	}
	return nil
}

// cause replaces the error of a request whose context ended by the reason: which
// time ran out, or that the caller gave up.
func cause(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return context.Canceled
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var u *url.Error // its text repeats the URL
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// causedBody reports the reason when reading ends with the context.
type causedBody struct {
	io.ReadCloser
	ctx context.Context //nolint:containedctx // lives as long as the body
}

func (b *causedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = cause(b.ctx, err)
	}
	return n, err
}

// limited fails where io.LimitReader would pretend that the answer ends, and
// remembers the error, which the JSON decoder may hide.
type limited struct {
	r    io.Reader
	left int64
	err  error
}

func (l *limited) Read(p []byte) (int, error) {
	if l.err != nil {
		return 0, l.err
	}
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		n, err = n-1, ErrTooLarge
	}
	l.err = err
	return n, err
}
