package kit

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// Config is what the operator of a service decides.
type Config struct {
	Listen      string // host:port of the API, health and reflection
	TLSCert     string // PEM files
	TLSKey      string
	TLSClientCA string        // clients must present a certificate of this CA
	Plaintext   bool          // serve without TLS
	Consul      string        // address or URL of the agent to register with; empty: not registered
	Advertise   string        // host:port that clients dial; empty: the listening address
	Instance    string        // name of this instance; empty: service, host and port
	Zone        string        // published in the catalog
	DrainWait   time.Duration // between leaving the catalog and refusing calls
}

// Flags adds a flag for each setting to flags.
func (c *Config) Flags(flags *pflag.FlagSet) {
	flags.StringVar(&c.Listen, "listen", "127.0.0.1:9090", "serve the API, health and reflection on `HOST:PORT`")
	flags.StringVar(&c.TLSCert, "tls-cert", "", "PEM `FILE` with the certificate chain of the server")
	flags.StringVar(&c.TLSKey, "tls-key", "", "PEM `FILE` with the key of the certificate")
	flags.StringVar(&c.TLSClientCA, "tls-client-ca", "", "PEM `FILE`: clients must present a certificate of this CA")
	flags.BoolVar(&c.Plaintext, "plaintext", false, "serve without TLS")
	flags.StringVar(&c.Consul, "consul", "", "register with the Consul agent at `ADDR`")
	flags.StringVar(&c.Advertise, "advertise", "", "`HOST:PORT` that clients dial (default the listening address)")
	flags.StringVar(&c.Instance, "instance", "", "`ID` of this instance (default service, host and port)")
	flags.StringVar(&c.Zone, "zone", "", "`ZONE` to publish in the catalog")
	flags.DurationVar(&c.DrainWait, "drain-wait", 5*time.Second, "how long clients get to notice, after SIGTERM, before calls are refused")
}

// FromEnv sets every flag that was not given on the command line from the
// environment: --tls-cert from PREFIX_TLS_CERT. --help and --version have no
// variable. lookup is os.LookupEnv outside of tests. The error names the
// variable, not its value.
func FromEnv(flags *pflag.FlagSet, prefix string, lookup func(string) (string, bool)) error {
	var errs []error
	flags.VisitAll(func(f *pflag.Flag) {
		name := prefix + "_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		value, ok := lookup(name)
		if !ok || f.Changed || f.Name == "help" || f.Name == "version" {
			return
		}
		if err := flags.Set(f.Name, value); err != nil {
			errs = append(errs, fmt.Errorf("%s is no valid value for --%s", name, f.Name))
		}
	})
	return errors.Join(errs...)
}

// Check tells what is missing or contradictory, before anything is started.
// New does it too; a main that calls it can tell wrong usage from failure.
func (c *Config) Check() error {
	switch {
	case c.Plaintext && (c.TLSCert != "" || c.TLSKey != "" || c.TLSClientCA != ""):
		return errors.New("--plaintext contradicts the --tls flags")
	case !c.Plaintext && (c.TLSCert == "" || c.TLSKey == ""):
		return errors.New("give --tls-cert and --tls-key, or --plaintext to serve without TLS")
	case c.DrainWait < 0:
		return errors.New("--drain-wait cannot be negative")
	}
	if c.Advertise != "" {
		if _, _, err := net.SplitHostPort(c.Advertise); err != nil {
			return fmt.Errorf("--advertise: %w", err)
		}
	}
	return nil
}

// advertised returns the address to register. The address that a server
// listens on serves clients too, unless it stands for all of the machine's.
func (c *Config) advertised(listening string) (string, error) {
	if c.Advertise != "" {
		return c.Advertise, nil
	}
	host, _, err := net.SplitHostPort(listening)
	if ip := net.ParseIP(host); err != nil || ip == nil || ip.IsUnspecified() {
		return "", fmt.Errorf("which address do clients dial? --listen %s does not say: give --advertise", c.Listen)
	}
	return listening, nil
}
