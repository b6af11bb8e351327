// Package consul is service discovery over Consul's HTTP API: listing services
// and endpoints, watching a service by blocking queries, and registering a
// process with its check.
//
// A Client keeps to what Consul asks of its clients: an index that goes
// backwards is forgotten, an empty answer is an answer, failures are retried
// with growing and jittered pauses, and answers are bounded in time and size.
package consul

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/hashicorp/consul/api"
)

// Config says where Consul is and what to ask it for. Whatever is empty is
// taken from the environment that Consul's own tools read (CONSUL_HTTP_ADDR,
// CONSUL_HTTP_TOKEN, CONSUL_HTTP_SSL, CONSUL_CACERT, CONSUL_NAMESPACE, ...).
type Config struct {
	// Address of the HTTP API: host:port, or a URL with the scheme http, https,
	// unix, consul (http, or https if CONSUL_HTTP_SSL says so) or consul+https.
	// The default is 127.0.0.1:8500.
	Address    string
	Token      string   // ACL token
	Datacenter string   // the agent's own if empty
	Namespace  string   // Consul Enterprise only
	Tags       []string // only instances with all of these tags

	// Timeout bounds one request, its connection and its answer included;
	// 10 s if 0. A blocking query may take WaitTime longer.
	Timeout time.Duration
	// WaitTime is how long Consul may hold a blocking query; 5 min if 0.
	WaitTime time.Duration
	// MaxStale is how long Watch keeps the last good list while Consul cannot
	// be asked; 1 h if 0.
	MaxStale time.Duration
	// MaxAnswer bounds the bytes of one answer; 256 MiB if 0.
	MaxAnswer int64
}

// Client talks to one Consul agent. It is safe for concurrent use and keeps
// idle connections; Close drops them.
type Client struct {
	cfg       Config
	http      *http.Client
	blocking  *http.Client // for blocking queries
	scheme    string
	host      string // host:port, or "consul" for a socket
	prefix    string // path in front of /v1, behind a reverse proxy
	shown     string // the address as people read it
	auth      *api.HttpBasicAuth
	partition string
}

// New returns a Client. Nothing is sent; an error is about the configuration.
func New(cfg Config) (*Client, error) {
	env := api.DefaultConfig()
	c := &Client{cfg: cfg, scheme: env.Scheme, auth: env.HttpAuth, partition: env.Partition}
	c.cfg.Timeout = orDefault(cfg.Timeout, 10*time.Second)
	c.cfg.WaitTime = orDefault(cfg.WaitTime, 5*time.Minute)
	c.cfg.MaxStale = orDefault(cfg.MaxStale, time.Hour)
	c.cfg.MaxAnswer = orDefault(cfg.MaxAnswer, 256<<20)
	c.cfg.Namespace = orDefault(cfg.Namespace, env.Namespace)
	if err := c.setToken(env); err != nil {
		return nil, err
	}
	address := cfg.Address
	if address == "" {
		address = os.Getenv(api.HTTPAddrEnvName)
	}
	if err := c.setAddress(address, env.Transport); err != nil {
		return nil, err
	}
	// An agent on this machine has nothing to save by compressing its answers.
	env.Transport.DisableCompression = c.isLocal()
	dial := env.Transport.DialContext
	env.Transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &patientConn{Conn: conn, wrote: make(chan struct{})}, nil
	}
	client, err := api.NewHttpClient(env.Transport, env.TLSConfig)
	if err != nil {
		return nil, fmt.Errorf("TLS configuration for Consul: %w", err)
	}
	// A redirect would carry the token to somewhere nobody named.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.http = client
	// net/http silently sends a request again when a connection that it had used
	// before breaks. A blocking query sent again to a restarted Consul would wait
	// for an index of the old one, so each gets a connection of its own.
	once := env.Transport.Clone()
	once.DisableKeepAlives = true
	c.blocking = &http.Client{Transport: once, CheckRedirect: client.CheckRedirect}
	return c, nil
}

func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

// setToken follows the precedence of Consul's tools: the explicit token, then
// the file, then the variable.
func (c *Client) setToken(env *api.Config) error {
	if c.cfg.Token != "" {
		return nil
	}
	c.cfg.Token = env.Token
	if env.TokenFile == "" {
		return nil
	}
	data, err := os.ReadFile(env.TokenFile)
	if err != nil {
		return fmt.Errorf("%s: %w", api.HTTPTokenFileEnvName, err)
	}
	if token := strings.TrimSpace(string(data)); token != "" {
		c.cfg.Token = token
	}
	return nil
}

// setAddress reads the address in all the forms that Config allows.
func (c *Client) setAddress(address string, transport *http.Transport) error {
	rest := address
	if scheme, after, ok := strings.Cut(address, "://"); ok {
		rest = after
		switch scheme {
		case "consul", "http":
		case "https", "consul+https":
			c.scheme = "https"
		case "unix":
			c.host, c.shown = "consul", address
			transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
				var d net.Dialer
				return d.DialContext(ctx, "unix", rest)
			}
			return nil
		default:
			return fmt.Errorf("address %q: unknown scheme %q (consul, consul+https, http, https or unix)", withoutUser(address), scheme)
		}
	}
	if strings.Contains(rest, "@") {
		return fmt.Errorf("address %q: who asks is not said there but by CONSUL_HTTP_AUTH or CONSUL_HTTP_TOKEN", withoutUser(address))
	}
	host, path, _ := strings.Cut(rest, "/")
	if path = strings.Trim(path, "/"); path != "" {
		c.prefix = "/" + path
	}
	if host == "" {
		host = "127.0.0.1:8500"
	}
	if _, _, err := net.SplitHostPort(host); err != nil {
		host = net.JoinHostPort(strings.Trim(host, "[]"), "8500")
	}
	if strings.ContainsAny(host, " ?#") {
		return fmt.Errorf("address %q: not HOST:PORT", address)
	}
	c.host, c.shown = host, host
	return nil
}

// withoutUser leaves out what stands before the last "@", which may be a
// password.
func withoutUser(address string) string {
	i := strings.LastIndex(address, "@")
	if i < 0 {
		return address
	}
	return "…" + address[i:]
}

func (c *Client) isLocal() bool {
	host, _, err := net.SplitHostPort(c.host)
	ip := net.ParseIP(host)
	return err != nil || host == "localhost" || ip != nil && ip.IsLoopback()
}

// Address returns the address of the agent as people read it.
func (c *Client) Address() string { return c.shown }

// HasToken tells whether requests carry an ACL token.
func (c *Client) HasToken() bool { return c.cfg.Token != "" }

// Close drops idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }
