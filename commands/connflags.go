package commands

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/config"
	"github.com/gctl-dev/gctl/rpc"
)

// connFlags are the flags of commands that connect to instances. They have the
// names that grpcurl's users know.
type connFlags struct {
	plaintext, insecure, unix           bool
	cacert, cert, key                   string
	serverName, authority, userAgent    string
	connectTimeout, keepalive           time.Duration
	maxMsgSize                          int
	headers, rpcHeaders, reflectHeaders []string
	expand                              bool
	protocol                            string

	set *pflag.FlagSet
}

func (c *connFlags) register(flags *pflag.FlagSet) {
	c.set = flags
	flags.BoolVar(&c.plaintext, "plaintext", false, "speak plaintext; --plaintext=false speaks TLS (default: as the context, the catalog and the address say)")
	flags.BoolVar(&c.insecure, "insecure", false, "do not verify the server's certificate")
	flags.StringVar(&c.cacert, "cacert", "", "trust the CA certificates in `file` (PEM)")
	flags.StringVar(&c.cert, "cert", "", "present the client certificate in `file` (PEM)")
	flags.StringVar(&c.key, "key", "", "the key of the client certificate, in `file` (PEM)")
	flags.StringVar(&c.serverName, "servername", "", "the `name` that the server's certificate must have")
	flags.StringVar(&c.authority, "authority", "", "send `name` as :authority")
	flags.BoolVar(&c.unix, "unix", false, "--addr is the path of a Unix socket")
	flags.StringVar(&c.userAgent, "user-agent", "", "put `text` before the user agent")
	flags.Var((*seconds)(&c.connectTimeout), "connect-timeout", "give up connecting after this `duration`, 5s or bare seconds (default 5s)")
	flags.StringArrayVarP(&c.headers, "header", "H", nil, "send the header `'name: value'` with RPCs and reflection; a name in -bin takes base64")
	flags.StringArrayVar(&c.reflectHeaders, "reflect-header", nil, "send the header `'name: value'` with reflection only")
	flags.BoolVar(&c.expand, "expand-headers", false, "replace ${NAME} in headers by the environment's variable")
}

// registerRPC registers the flags of commands that call methods of the user.
func (c *connFlags) registerRPC(flags *pflag.FlagSet) {
	c.register(flags)
	flags.Var((*seconds)(&c.keepalive), "keepalive-time", "ping an idle connection after this `duration`")
	flags.IntVar(&c.maxMsgSize, "max-msg-sz", 0, "accept messages of at most this many `bytes` (default 4194304)")
	flags.StringVar(&c.protocol, "protocol", "grpc", "speak this `protocol` with the method: "+strings.Join(rpc.Protocols(), ", "))
	flags.StringArrayVar(&c.rpcHeaders, "rpc-header", nil, "send the header `'name: value'` with RPCs, but not with reflection")
}

// options merges the flags over the context's settings.
func (c *connFlags) options(cc *config.Context) (rpc.Options, error) {
	if err := c.check(); err != nil {
		return rpc.Options{}, err
	}
	o := rpc.Options{
		Plaintext: cc.TLS.Plaintext, Insecure: cc.TLS.Insecure, CACert: cc.TLS.CACert,
		Cert: cc.TLS.Cert, Key: cc.TLS.Key, ServerName: cc.TLS.ServerName,
		Authority: c.authority, UserAgent: c.userAgent, Proxy: cc.Proxy,
		ConnectTimeout: c.connectTimeout, KeepaliveTime: c.keepalive, MaxMsgSize: c.maxMsgSize,
	}
	if c.setsTLS() { // the flags ask for TLS whatever the context says
		o.Plaintext = nil
	}
	if c.set.Changed("plaintext") {
		o.Plaintext = &c.plaintext
	}
	if c.set.Changed("insecure") || c.cacert != "" { // who names a CA wants it checked
		o.Insecure = c.insecure
	}
	over(&o.CACert, c.cacert)
	over(&o.ServerName, c.serverName)
	if c.cert != "" {
		o.Cert, o.Key = c.cert, c.key
	}
	o.Secret = cc.Auth != "" || len(cc.Headers) > 0 || c.secretHeaders()
	return o, nil
}

func over(value *string, flag string) {
	if flag != "" {
		*value = flag
	}
}

func (c *connFlags) setsTLS() bool {
	return c.insecure || c.cacert != "" || c.cert != "" || c.serverName != ""
}

// check refuses flags that contradict each other.
func (c *connFlags) check() error {
	contradiction := func(format string, args ...any) error {
		return &fleet.Error{Kind: fleet.Usage, What: fmt.Sprintf(format, args...), Hint: "leave one of them out"}
	}
	if c.plaintext {
		for _, name := range []string{"insecure", "cacert", "cert", "key", "servername"} {
			if f := c.set.Lookup(name); f.Changed && f.Value.String() != "false" {
				return contradiction("--plaintext contradicts --%s", name)
			}
		}
	}
	switch {
	case c.insecure && c.cacert != "":
		return contradiction("--insecure contradicts --cacert")
	case c.cert != "" && c.key == "":
		return &fleet.Error{Kind: fleet.Usage, What: "--cert needs --key", Hint: "pass the file of the certificate's key with --key"}
	case c.key != "" && c.cert == "":
		return &fleet.Error{Kind: fleet.Usage, What: "--key needs --cert", Hint: "pass the file of the client certificate with --cert"}
	case c.set != nil && c.set.Lookup("protocol") != nil && !slices.Contains(rpc.Protocols(), c.protocol):
		return &fleet.Error{
			Kind: fleet.Usage, What: fmt.Sprintf("--protocol %q is not known", c.protocol),
			Hint: strings.TrimSpace("the protocols are " + strings.Join(rpc.Protocols(), ", ") + ". " + didYouMean(c.protocol, rpc.Protocols(), "")),
		}
	case c.web() && c.keepalive > 0:
		return contradiction("--protocol %s contradicts --keepalive-time: only connections of native gRPC are pinged", c.protocol)
	case c.maxMsgSize < 0:
		return &fleet.Error{Kind: fleet.Usage, What: fmt.Sprintf("--max-msg-sz %d is negative", c.maxMsgSize)}
	}
	return nil
}

// seconds is a duration flag that takes bare seconds too, as grpcurl does.
type seconds time.Duration

func (s *seconds) String() string {
	if *s == 0 {
		return ""
	}
	return time.Duration(*s).String()
}

func (s *seconds) Type() string { return "duration" }

func (s *seconds) Set(text string) error {
	d, err := time.ParseDuration(text)
	if n, floatErr := strconv.ParseFloat(text, 64); floatErr == nil {
		d, err = time.Duration(n*float64(time.Second)), nil
	}
	if err == nil && d < 0 {
		return fmt.Errorf("%q is negative", text)
	}
	if err != nil {
		return fmt.Errorf("%q is no duration such as 5s, 500ms or 2.5", text)
	}
	*s = seconds(d)
	return nil
}
