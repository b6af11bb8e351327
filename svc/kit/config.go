package kit

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/spf13/pflag"

	"github.com/gctl-dev/gctl/svc/kit/auth"
)

const defaultDrainTimeout = 20 * time.Second

// Config is what the operator of a service decides.
type Config struct {
	Listen        string // host:port of the API, health and reflection
	AdminListen   string // host:port of the control API, channelz and reflection; empty: none
	MetricsListen string // host:port of /metrics, /livez and /readyz over HTTP; empty: none

	TLSCert     string // PEM files, watched for changes
	TLSKey      string
	TLSClientCA string   // clients must present a certificate of this CA
	TLSServerCA string   // of servers that are called; empty: TLSClientCA, or else the system's
	TLSCRL      string   // revocation lists of TLSClientCA
	Plaintext   bool     // serve and call without TLS
	Allow       []string // identities that may call the API; empty: all that the CA signed
	AdminAllow  []string // identities that may use the control API

	Consul    string // address or URL of the agent to register with; empty: not registered
	Advertise string // host:port that clients dial; empty: the listening address
	Instance  string // name of this instance; empty: service, host and port
	Zone      string // published in the catalog; instances of the same zone are preferred

	RateLimits       []string      // METHODS=RATE, see package limit
	ConcurrencyLimit string        // MIN..MAX, see package limit; empty: none
	CallerHeader     string        // metadata key in which those of TrustCallers name whom they call for; empty: none
	TrustCallers     []string      // identities, or "*"; in plaintext "*" is everybody; empty: nobody is believed
	DeadlineFloor    time.Duration // calls with less time left are refused

	OTLP          string     // host:port of a collector of traces (OTLP over gRPC); empty: no traces
	OTLPPlaintext bool       // reach it without TLS
	TraceRatio    float64    // share of the traces that begin here, 0 to 1
	LogLevel      slog.Level // until it is changed by the control API
	LegacyMetrics bool       // the metric names of go-grpc-prometheus too

	DrainWait    time.Duration // between leaving the catalog and refusing calls
	DrainTimeout time.Duration // for calls in flight, once new ones are refused; 20 s if 0
}

// Flags adds a flag for each setting to flags.
func (c *Config) Flags(flags *pflag.FlagSet) {
	flags.StringVar(&c.Listen, "listen", "127.0.0.1:9090", "serve the API, health and reflection on `HOST:PORT`")
	flags.StringVar(&c.AdminListen, "admin-listen", "", "serve the control API and channelz on `HOST:PORT`; in plaintext only on loopback")
	flags.StringVar(&c.MetricsListen, "metrics-listen", "", "serve /metrics, /livez and /readyz over HTTP on `HOST:PORT`")

	flags.StringVar(&c.TLSCert, "tls-cert", "", "PEM `FILE` with the certificate chain of the server; the TLS files are watched for changes")
	flags.StringVar(&c.TLSKey, "tls-key", "", "PEM `FILE` with the key of the certificate")
	flags.StringVar(&c.TLSClientCA, "tls-client-ca", "", "PEM `FILE`: clients must present a certificate of this CA")
	flags.StringVar(&c.TLSServerCA, "tls-server-ca", "", "PEM `FILE`: servers that are called must present a certificate of this CA (default that of --tls-client-ca, else the system's)")
	flags.StringVar(&c.TLSCRL, "tls-crl", "", "PEM `FILE` with revocation lists of the CA of --tls-client-ca")
	flags.BoolVar(&c.Plaintext, "plaintext", false, "serve and call without TLS")
	flags.StringArrayVar(&c.Allow, "allow", nil, "`ID` of a client that may call the API, for example spiffe://example.org/edge; repeatable (default all that the CA signed)")
	flags.StringArrayVar(&c.AdminAllow, "admin-allow", nil, "`ID` of a client that may use the control API; repeatable")

	flags.StringVar(&c.Consul, "consul", "", "register with the Consul agent at `ADDR`")
	flags.StringVar(&c.Advertise, "advertise", "", "`HOST:PORT` that clients dial (default the listening address)")
	flags.StringVar(&c.Instance, "instance", "", "`ID` of this instance (default service, host and port)")
	flags.StringVar(&c.Zone, "zone", "", "`ZONE` of this instance; published, and preferred in calls")

	flags.StringArrayVar(&c.RateLimits, "rate-limit", nil, "`METHODS=RATE` for each caller, for example '*=1000/s,burst=200'; repeatable")
	flags.StringVar(&c.ConcurrencyLimit, "concurrency-limit", "", "`MIN..MAX` calls at once, adapted to the latency, for example 20..200")
	flags.StringVar(&c.CallerHeader, "caller-header", "", "metadata `KEY` in which the callers of --trust-caller name whom they call for, which rate limits then tell apart")
	flags.StringArrayVar(&c.TrustCallers, "trust-caller", nil, "`ID` of a client whose --caller-header is believed; repeatable, '*' for all")
	flags.DurationVar(&c.DeadlineFloor, "deadline-floor", 0, "refuse calls that have less time left than that")

	flags.StringVar(&c.OTLP, "otlp", "", "send traces to the collector at `HOST:PORT` (OTLP over gRPC)")
	flags.BoolVar(&c.OTLPPlaintext, "otlp-plaintext", false, "reach the collector without TLS (loopback addresses always are)")
	flags.Float64Var(&c.TraceRatio, "trace-ratio", 1, "share of the traces that begin here, 0 to 1; others are the caller's decision")
	flags.TextVar(&c.LogLevel, "log-level", slog.LevelInfo, "least `LEVEL` that is logged: debug, info, warn or error")
	flags.BoolVar(&c.LegacyMetrics, "legacy-metrics", false, "write the metric names of go-grpc-prometheus too")

	flags.DurationVar(&c.DrainWait, "drain-wait", 5*time.Second, "how long clients get to notice, after SIGTERM, before calls are refused")
	flags.DurationVar(&c.DrainTimeout, "drain-timeout", defaultDrainTimeout, "how long calls in flight may take after that")
}

// Check tells what is missing or contradictory, before anything is started.
// New does it too; a main that calls it can tell wrong usage from failure.
func (c *Config) Check() error {
	return errors.Join(c.checkTLS(), c.checkAdmin(), c.checkLists(), c.checkRest(), c.checkCatalog())
}

// checkLists reads what has a language of its own.
func (c *Config) checkLists() error {
	_, err := newLimits(c)
	errs := []error{err}
	for flag, list := range map[string][]string{"--allow": c.Allow, "--admin-allow": c.AdminAllow} {
		if _, err := auth.NewList(list...); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", flag, err))
		}
	}
	return errors.Join(errs...)
}

func (c *Config) checkTLS() error {
	switch {
	case c.Plaintext && (c.TLSCert != "" || c.TLSKey != "" || c.TLSClientCA != "" || c.TLSServerCA != "" || c.TLSCRL != ""):
		return errors.New("--plaintext contradicts the --tls flags")
	case !c.Plaintext && (c.TLSCert == "" || c.TLSKey == ""):
		return errors.New("give --tls-cert and --tls-key, or --plaintext to serve without TLS")
	case len(c.Allow) > 0 && c.TLSClientCA == "":
		return errors.New("--allow needs --tls-client-ca: without a certificate nobody has an identity")
	}
	return nil
}

// checkAdmin keeps the control API from being open to everybody.
func (c *Config) checkAdmin() error {
	switch {
	case c.AdminListen == "":
		if len(c.AdminAllow) > 0 {
			return errors.New("--admin-allow is of no use without --admin-listen")
		}
	case c.Plaintext && len(c.AdminAllow) > 0:
		return errors.New("--admin-allow needs --tls-client-ca: in plaintext nobody has an identity")
	case c.Plaintext && !onLoopback(c.AdminListen):
		return errors.New("--admin-listen: in plaintext only on a loopback address, for example 127.0.0.1:9091")
	case !c.Plaintext && (c.TLSClientCA == "" || len(c.AdminAllow) == 0):
		return errors.New("--admin-listen needs --tls-client-ca and --admin-allow: who may use the control API?")
	}
	return nil
}

func (c *Config) checkRest() error {
	switch {
	case c.DrainWait < 0 || c.DrainTimeout < 0 || c.DeadlineFloor < 0:
		return errors.New("--drain-wait, --drain-timeout and --deadline-floor cannot be negative")
	case c.CallerHeader == "" && len(c.TrustCallers) > 0:
		return errors.New("--trust-caller is of no use without --caller-header")
	case c.TraceRatio < 0 || c.TraceRatio > 1:
		return errors.New("--trace-ratio is a share from 0 to 1")
	}
	for flag, addr := range map[string]string{
		"--listen": c.Listen, "--admin-listen": c.AdminListen, "--metrics-listen": c.MetricsListen,
	} {
		if addr == "" {
			continue
		}
		if err := checkAddr(addr); err != nil {
			return fmt.Errorf("%s: %w", flag, err)
		}
	}
	if c.Advertise != "" {
		if err := checkDialed(c.Advertise); err != nil {
			return fmt.Errorf("--advertise: %w", err)
		}
	}
	return nil
}

// checkDialed tells what keeps a text from being a host:port to connect to.
func checkDialed(addr string) error {
	if err := checkAddr(addr); err != nil {
		return err
	}
	_, port, _ := net.SplitHostPort(addr)
	if n, _ := strconv.ParseUint(port, 10, 16); n == 0 {
		return fmt.Errorf("nobody can dial %q: port 0 stands for any that is free, and only to listen on", addr)
	}
	return nil
}

// checkAddr tells what keeps a text from being host:port.
func checkAddr(addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("%q is not HOST:PORT", addr)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("%q is not HOST:PORT: the port is a number up to 65535", addr)
	}
	return nil
}

func onLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// checkCatalog tells whether clients could dial what the catalog would get to
// know. New knows it better where a name is given to listen on.
func (c *Config) checkCatalog() error {
	if c.Consul == "" || c.Listen == "" {
		return nil
	}
	_, err := c.advertised(c.Listen)
	return err
}

// advertised returns the address to register. The address that a server
// listens on serves clients too, unless it stands for all of the machine's.
func (c *Config) advertised(listening string) (string, error) {
	if c.Advertise != "" {
		if !dialable(c.Advertise) {
			return "", fmt.Errorf("--advertise: clients cannot dial %s: give the address or the name of this machine instead", c.Advertise)
		}
		return c.Advertise, nil
	}
	if !dialable(listening) {
		return "", fmt.Errorf("--consul: which address do clients dial? --listen %s does not say: give %s", cmp.Or(c.Listen, listening), advice(listening))
	}
	return listening, nil
}

// dialable tells whether an address can be one of a single machine.
func dialable(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil || host == "" {
		return false
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return !ip.Unmap().IsUnspecified() && ip.Zone() == "" // which only this machine knows
	}
	return true // a name
}

// advice is a setting that would do: with an address of this machine, where it has
// one that others may reach, and with the port to listen on.
func advice(listening string) string {
	_, port, err := net.SplitHostPort(listening)
	if err != nil || port == "0" {
		port = "PORT"
	}
	addrs, _ := net.InterfaceAddrs() // without them there is no example
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() {
			return fmt.Sprintf("--advertise HOST:%s, for example --advertise %s", port, net.JoinHostPort(n.IP.String(), port))
		}
	}
	return "--advertise HOST:" + port
}
