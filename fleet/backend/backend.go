// Package backend is the way to a backend that is asked by HTTP: Prometheus,
// Jaeger, an instance's own /metrics.
//
// A Client knows the backend's address with its path prefix, sends the headers,
// the token and the certificate that the user configured, reads no more of an
// answer than it was allowed to, and turns what goes wrong into an error that
// says what was asked, and what to do. It is all that the sources behind HTTP
// share.
package backend

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// The defaults of Options.
const (
	DefaultTimeout  = 10 * time.Second
	DefaultMaxBytes = 64 << 20
)

// Options say where a backend is and how it is spoken to.
type Options struct {
	Name    string            // what it is called in errors: "prometheus"
	URL     string            // http:// or https://, with its path prefix; user and password are sent as basic auth
	Headers map[string]string // sent with every request
	TLS     TLS
	Proxy   string // socks5:// or http:// URL; empty: HTTP_PROXY, HTTPS_PROXY and NO_PROXY

	// Authorization returns the header of that name, nil for none. It is asked
	// once: a run of gctl is shorter than the life of a token.
	Authorization func(context.Context) (string, error)

	Timeout  time.Duration // of one request; 0: DefaultTimeout
	MaxBytes int64         // of one answer; 0: DefaultMaxBytes
}

// Client speaks to one backend. It may be used by several goroutines at once.
type Client struct {
	o    Options
	base *url.URL
	http *http.Client
	auth *Credentials[string]
}

// New checks the options; nobody is asked. What is wrong is a *fleet.Error of
// kind Usage.
func New(o Options) (*Client, error) {
	base, err := url.Parse(o.URL)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, &fleet.Error{
			Kind: fleet.Usage, What: fmt.Sprintf("the address of %s is no URL", o.Name), Hint: "for example http://127.0.0.1:9090/prefix",
		}
	}
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	transport, err := o.transport()
	if err != nil {
		return nil, err
	}
	c := &Client{o: o, base: base, auth: &Credentials[string]{Ask: o.Authorization}}
	c.http = &http.Client{
		Transport: transport,
		// Headers and tokens are for this backend. A backend behind a sign-on
		// page sends everybody to another host.
		CheckRedirect: func(next *http.Request, via []*http.Request) error {
			if next.URL.Host != base.Host || next.URL.Scheme != base.Scheme || len(via) > 3 {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}
	return c, nil
}

// Close ends idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Source names the backend as provenance does: "prometheus http://host:9090".
func (c *Client) Source() string {
	shown := *c.base
	shown.User = nil
	return c.o.Name + " " + strings.TrimRight(shown.String(), "/")
}

// URL returns the address of an endpoint below the backend's prefix. Parts of
// the path such as ":name" are replaced by args.
func (c *Client) URL(endpoint string, args map[string]string) *url.URL {
	u := *c.base
	for name, value := range args {
		endpoint = strings.ReplaceAll(endpoint, ":"+name, url.PathEscape(value))
	}
	u.Path = strings.TrimRight(c.base.Path, "/") + path.Clean("/"+endpoint)
	u.User = nil
	return &u
}

// Get reads an endpoint. An answer other than 200 is an error: see Do.
func (c *Client) Get(ctx context.Context, endpoint string, query url.Values) ([]byte, error) {
	u := c.URL(endpoint, nil)
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, body, err := c.Do(ctx, req) //nolint:bodyclose // Do has read and closed it
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, c.refused(req, resp, body)
	}
	return body, nil
}

// Do sends a request and reads the answer, as the Prometheus client's
// api.Client wants it. It fails where there is no answer, where it is longer than
// allowed or cut off, where the status says that it was not the backend that
// answered or that it would not (3xx, 401, 403, 404, 429, 502, 503, 504), and
// where the answer is a web page. Other answers are the caller's to read.
func (c *Client) Do(ctx context.Context, req *http.Request) (*http.Response, []byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.o.Timeout, errTimeout)
	defer cancel()
	req = req.WithContext(ctx)
	if err := c.dress(req); err != nil {
		return nil, nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, nil, c.unreached(ctx, req, err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode == http.StatusUnauthorized {
		c.auth.Refused()
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, c.o.MaxBytes+1))
	switch {
	case err != nil:
		return nil, nil, c.cutOff(ctx, req, err)
	case int64(len(body)) > c.o.MaxBytes:
		return nil, nil, c.fail(req, fmt.Errorf("the answer is longer than %d MiB", c.o.MaxBytes>>20), "ask for less: a shorter range, fewer series")
	case notTheBackend(resp, body):
		return nil, nil, c.refused(req, resp, body)
	}
	return resp, body, nil
}

// dress puts the user's headers and credentials on a request.
func (c *Client) dress(req *http.Request) error {
	for _, name := range sortedKeys(c.o.Headers) {
		req.Header.Set(name, c.o.Headers[name])
	}
	if c.base.User != nil && req.Header.Get("Authorization") == "" {
		password, _ := c.base.User.Password()
		req.SetBasicAuth(c.base.User.Username(), password)
	}
	value, err := c.auth.Get(req.Context())
	if err != nil || c.auth.Ask == nil {
		return err
	}
	req.Header.Set("Authorization", value)
	return nil
}

var errTimeout = errors.New("no answer in time")
