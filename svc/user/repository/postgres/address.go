package postgres

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gctl-dev/gctl/svc/kit/telemetry/pgxtrace"
	"github.com/gctl-dev/gctl/svc/user/repository"
)

const form = "not of the form postgres://user:password@host:port/database?sslmode=verify-full; " +
	"in a password, / is written %2F, ? %3F, # %23, @ %40 and % %25"

// parse reads the URL and adds the limits that it does not set itself.
func parse(store string, o Options) (*pgxpool.Config, error) {
	u, err := url.Parse(store)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return nil, &repository.AddressError{Problem: form} // err would show the URL
	}
	config, err := pgxpool.ParseConfig(store)
	// The driver's own default falls back to plaintext. Hosts may come from elsewhere
	// than the URL: from the environment, or from a service file.
	if q := u.Query(); err == nil && q.Get("sslmode") == "" && !guarded(config.ConnConfig) {
		q.Set("sslmode", "verify-full")
		u.RawQuery = q.Encode()
		config, err = pgxpool.ParseConfig(u.String())
	}
	if err != nil {
		return nil, unusable(u)
	}
	if !u.Query().Has("pool_max_conns") {
		config.MaxConns = maxConns
	}
	config.PingTimeout = pingTimeout
	c := config.ConnConfig
	if c.ConnectTimeout == 0 || c.ConnectTimeout > o.Timeout {
		c.ConnectTimeout = min(connectTimeout, o.Timeout)
	}
	if o.TracerProvider != nil {
		c.Tracer = pgxtrace.New(o.TracerProvider)
	}
	for name, value := range map[string]string{
		"application_name":                    "userd",
		"statement_timeout":                   milliseconds(o.Timeout),
		"lock_timeout":                        milliseconds(o.Timeout),
		"idle_in_transaction_session_timeout": milliseconds(o.Timeout),
		// A machine that vanished must not keep its locks either.
		"tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3",
	} {
		if _, set := c.RuntimeParams[name]; !set {
			c.RuntimeParams[name] = value
		}
	}
	return config, nil
}

// unusable says what is wrong with a URL: what the driver says of it without what is
// secret in it, and without the URL, which it quotes.
func unusable(u *url.URL) error {
	public := *u
	if u.User != nil {
		public.User = url.User(u.User.Username())
	}
	q := u.Query()
	q.Del("password")
	q.Del("sslpassword")
	public.RawQuery = q.Encode()
	if _, err := pgxpool.ParseConfig(public.String()); err != nil {
		if _, reason, ok := strings.Cut(err.Error(), "`: "); ok {
			return &repository.AddressError{Problem: "the URL of the PostgreSQL database cannot be used: " + reason}
		}
	}
	return &repository.AddressError{Problem: form}
}

// address is what to tell people of where the database is.
func address(c *pgx.ConnConfig) string {
	hosts := []string{net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port)))}
	for _, f := range c.Fallbacks { // other hosts, or the same with and without TLS
		if host := net.JoinHostPort(f.Host, strconv.Itoa(int(f.Port))); !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	u := url.URL{Scheme: "postgres", User: url.User(c.User), Host: strings.Join(hosts, ","), Path: "/" + c.Database}
	return u.String()
}

func milliseconds(d time.Duration) string { return fmt.Sprint(d.Milliseconds()) }

// guarded tells whether every way to the database that may be tried stays on this
// machine or is one by TLS to a server whose certificate is verified.
func guarded(c *pgx.ConnConfig) bool {
	safe := func(host string, port uint16, t *tls.Config) bool {
		return local(host, port) || t != nil && (!t.InsecureSkipVerify || t.VerifyPeerCertificate != nil || t.VerifyConnection != nil)
	}
	return safe(c.Host, c.Port, c.TLSConfig) && !slices.ContainsFunc(c.Fallbacks, func(f *pgconn.FallbackConfig) bool {
		return !safe(f.Host, f.Port, f.TLSConfig)
	})
}

// local tells whether a host is this machine: a socket or a loopback address.
func local(host string, port uint16) bool {
	network, _ := pgconn.NetworkAddress(host, port)
	ip := net.ParseIP(host)
	return network == "unix" || host == "localhost" || ip != nil && ip.IsLoopback()
}
