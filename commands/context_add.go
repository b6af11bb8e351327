package commands

import (
	"maps"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gctl-dev/gctl/internal/config"
)

type contextAddOptions struct {
	f         *Factory
	change    config.Context // what the flags say; only what was given counts
	plaintext bool
	headers   []string
}

func newContextAdd(f *Factory) *cobra.Command {
	o := &contextAddOptions{f: f}
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Add a context, or change what is given of one that is there",
		Long: `Add a context to the configuration file. If it is there, what the flags give is
changed and the rest of it stays. Comments in the file are kept.

Exit codes: 0 written; 1 the file could not be written; 2 wrong usage.`,
		Example: `  gctl context add prod --catalog consul://consul.example:8500 --cacert /etc/ssl/prod.pem
  gctl context add prod --prometheus https://mon.example/prometheus --jaeger https://jaeger.example --protected
  gctl context add prod --plaintext
  gctl context add laptop --catalog file:///srv/fleet.yaml
  gctl context add edge --catalog dns:///edge.example:9090 --auth 'print-token edge'`,
		Args:              args(1, 1),
		ValidArgsFunction: firstOnly(completeContexts(f)),
		RunE:              func(cmd *cobra.Command, given []string) error { return o.run(cmd, given[0]) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.change.Catalog, "catalog", "", "where the services are listed: a consul://, file:// or dns:// `url`")
	flags.BoolVar(&o.plaintext, "plaintext", false, "the services speak no TLS; =false says that they do")
	flags.BoolVar(&o.change.TLS.Insecure, "insecure", false, "do not verify the services' certificates")
	flags.StringVar(&o.change.TLS.CACert, "cacert", "", "verify the services by the certificate authorities in `file`")
	flags.StringVar(&o.change.TLS.Cert, "cert", "", "show the services the client certificate in `file`")
	flags.StringVar(&o.change.TLS.Key, "key", "", "the private key of the client certificate, in `file`")
	flags.StringVar(&o.change.TLS.ServerName, "servername", "", "the `name` that the services' certificates must have")
	flags.StringArrayVar(&o.headers, "header", nil, "send this `'name: value'` with every call; repeatable")
	flags.StringVar(&o.change.Auth, "auth", "", "a `command` that prints a bearer token")
	flags.StringVar(&o.change.Proxy, "proxy", "", "connect by way of this socks5:// or http:// `url`")
	flags.StringVar(&o.change.Prometheus.URL, "prometheus", "", "the `url` of Prometheus, with its path prefix")
	flags.StringVar(&o.change.Jaeger.URL, "jaeger", "", "the `url` of Jaeger's query service, with its path prefix")
	flags.BoolVar(&o.change.ReadOnly, "read-only", false, "refuse every change of a running service by way of this context")
	flags.BoolVar(&o.change.Protected, "protected", false, "want the context's name typed before a running service is changed")
	for _, name := range []string{"cacert", "cert", "key"} {
		_ = cmd.MarkFlagFilename(name)
	}
	return cmd
}

func (o *contextAddOptions) run(cmd *cobra.Command, name string) error {
	file, err := o.f.Config()
	if err != nil {
		return err
	}
	c, known := file.Contexts[name]
	c.Name = name
	if err := o.apply(cmd, &c); err != nil {
		return err
	}
	if err := file.Put(c); err != nil {
		return err
	}
	if known {
		o.f.Notef("changed %s in %s", name, file.Path)
		return nil
	}
	o.f.Notef("added %s to %s", name, file.Path)
	if file.Current != name {
		o.f.Notef("hint: gctl context use %s", name)
	}
	return nil
}

// apply puts the flags that were given over c.
func (o *contextAddOptions) apply(cmd *cobra.Command, c *config.Context) error {
	given := cmd.Flags().Changed
	for _, s := range []struct {
		flag     string
		to, from *string
		file     bool
	}{
		{"catalog", &c.Catalog, &o.change.Catalog, false},
		{"cacert", &c.TLS.CACert, &o.change.TLS.CACert, true},
		{"cert", &c.TLS.Cert, &o.change.TLS.Cert, true},
		{"key", &c.TLS.Key, &o.change.TLS.Key, true},
		{"servername", &c.TLS.ServerName, &o.change.TLS.ServerName, false},
		{"auth", &c.Auth, &o.change.Auth, false},
		{"proxy", &c.Proxy, &o.change.Proxy, false},
		{"prometheus", &c.Prometheus.URL, &o.change.Prometheus.URL, false},
		{"jaeger", &c.Jaeger.URL, &o.change.Jaeger.URL, false},
	} {
		if !given(s.flag) {
			continue
		}
		*s.to = *s.from
		if s.file && *s.to != "" {
			abs, err := filepath.Abs(*s.to)
			if err != nil {
				return err
			}
			*s.to = abs
		}
	}
	if given("plaintext") {
		c.TLS.Plaintext = &o.plaintext
	}
	for flag, s := range map[string]struct{ to, from *bool }{
		"insecure":  {&c.TLS.Insecure, &o.change.TLS.Insecure},
		"read-only": {&c.ReadOnly, &o.change.ReadOnly},
		"protected": {&c.Protected, &o.change.Protected},
	} {
		if given(flag) {
			*s.to = *s.from
		}
	}
	return o.applyHeaders(c)
}

func (o *contextAddOptions) applyHeaders(c *config.Context) error {
	headers := map[string]string{}
	maps.Copy(headers, c.Headers)
	for _, h := range o.headers {
		name, _, err := ParseHeader(h)
		if err != nil {
			return err
		}
		_, value, _ := strings.Cut(h, ":")
		headers[name] = strings.TrimSpace(value)
	}
	if len(headers) > 0 {
		c.Headers = headers
	}
	return nil
}
