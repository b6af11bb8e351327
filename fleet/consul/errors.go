package consul

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"strings"
	"syscall"

	"github.com/gctl-dev/gctl/discovery/consul"
	"github.com/gctl-dev/gctl/fleet"
)

const whereHint = "is Consul running there? Its address is the context's catalog (consul://HOST:PORT) or CONSUL_HTTP_ADDR"

// explain turns a failure into an error that says what to do about it. The end
// of ctx itself stays what it is.
func (c *Catalog) explain(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return context.Canceled
	}
	var status *consul.StatusError
	if errors.As(err, &status) {
		return c.explainStatus(ctx, status)
	}
	at := "Consul at " + c.client.Address()
	var format *consul.FormatError
	if errors.As(err, &format) || errors.Is(err, consul.ErrTooLarge) {
		return &fleet.Error{What: at + " does not answer as Consul does", Err: err,
			Hint: "another server or a proxy may be listening there; check the address"}
	}
	const hangs = "the agent or its servers hang; `consul operator raft list-peers` shows the servers, --timeout allows more time"
	switch {
	case errors.Is(err, consul.ErrTimeout): // which says itself that there was no answer
		return &fleet.Error{What: at, Err: err, Hint: hangs}
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return &fleet.Error{What: at + " gave no answer in time", Err: err, Hint: hangs}
	}
	return c.explainConnection(at, err)
}

func (c *Catalog) explainConnection(at string, err error) error {
	var (
		name *net.DNSError
		cert *tls.CertificateVerificationError
		auth x509.UnknownAuthorityError
		tlsr tls.RecordHeaderError
	)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return &fleet.Error{What: at + " refuses connections", Hint: whereHint}
	case errors.As(err, &name):
		return &fleet.Error{What: at + ": the host name cannot be resolved", Err: err, Hint: whereHint}
	case errors.As(err, &cert) || errors.As(err, &auth):
		return &fleet.Error{What: at + ": its certificate is not trusted", Err: err,
			Hint: "CONSUL_CACERT=FILE names the authority that signed it, CONSUL_TLS_SERVER_NAME the name in it"}
	case errors.As(err, &tlsr) || strings.Contains(err.Error(), "HTTP response to HTTPS client"):
		return &fleet.Error{What: at + " speaks plain HTTP, not HTTPS", Err: err,
			Hint: "unset CONSUL_HTTP_SSL, or use http:// or consul:// in the address"}
	default:
		return &fleet.Error{What: at + " cannot be reached", Err: err, Hint: whereHint}
	}
}

// explainStatus explains an answer other than 200.
func (c *Catalog) explainStatus(ctx context.Context, s *consul.StatusError) error {
	at := "Consul at " + c.client.Address()
	has := func(part string) bool { return strings.Contains(s.Body, part) }
	switch {
	case s.HTML || s.Code < 400 || s.Code == http.StatusNotFound:
		return &fleet.Error{What: at + " does not answer as Consul does", Err: s,
			Hint: "another server or a proxy may be listening there; check the address"}
	case s.Code == http.StatusForbidden || s.Code == http.StatusUnauthorized || has("ACL not found"):
		return &fleet.Error{What: at + " does not permit this", Err: s, Hint: c.tokenHint()}
	case s.Code == http.StatusTooManyRequests:
		return &fleet.Error{What: at + " turns requests away", Err: s,
			Hint: "one client address may hold 200 connections to an agent (limits.http_max_conns_per_client): stop other watchers or ask again later"}
	case has("No cluster leader"):
		return &fleet.Error{What: at + " has no cluster leader", Err: s,
			Hint: "its servers are electing one or have lost their majority; `consul operator raft list-peers` shows them"}
	case has("No path to datacenter"):
		return &fleet.Error{Kind: fleet.Usage, What: at + " knows no datacenter " + quote(c.opts.Datacenter), Hint: c.datacenterHint(ctx)}
	case has("Namespaces are a Consul Enterprise feature"):
		return &fleet.Error{Kind: fleet.Usage, What: at + " has no namespaces: they are a feature of Consul Enterprise",
			Hint: "leave out --namespace, and unset CONSUL_NAMESPACE"}
	case has("HTTP request to an HTTPS server"):
		return &fleet.Error{What: at + " wants HTTPS", Err: s, Hint: "set CONSUL_HTTP_SSL=true, or use consul+https:// in the address"}
	default:
		return &fleet.Error{What: at + " could not answer", Err: s, Hint: "it is in trouble itself, and its own log says why: `consul monitor`"}
	}
}

func (c *Catalog) tokenHint() string {
	if c.client.HasToken() {
		return "the token in use needs service:read and node:read; CONSUL_HTTP_TOKEN sets another one"
	}
	return "set CONSUL_HTTP_TOKEN to a token with service:read and node:read"
}

// datacenterHint names the datacenters that there are, if Consul tells.
func (c *Catalog) datacenterHint(ctx context.Context) string {
	names, err := c.client.Datacenters(ctx)
	if err != nil || len(names) == 0 {
		return "`consul catalog datacenters` lists them"
	}
	if near := fleet.Nearest(c.opts.Datacenter, names, 1); len(near) == 1 {
		return "did you mean " + near[0] + "?"
	}
	return "it knows " + strings.Join(names, ", ")
}

func quote(s string) string { return `"` + s + `"` }
