package commands

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gctl-dev/gctl/internal/config"
	"github.com/gctl-dev/gctl/internal/output"
)

const contextLong = `A context names one fleet: where its catalog is and how its services are
reached. Contexts are in the configuration file,
$XDG_CONFIG_HOME/gctl/config.yaml or ~/.config/gctl/config.yaml. The context in
use is the one of --context, else of GCTL_CONTEXT, else the file's current one,
else the Consul agent at its default address.

Catalogs:
  consul://HOST:PORT        a Consul agent, consul+https:// where it speaks TLS;
                            ?datacenter=NAME and ?namespace=NAME choose there;
                            the token and certificates come from Consul's own
                            variables, CONSUL_HTTP_TOKEN and the rest
  file:///PATH/fleet.yaml   a list of services and addresses, watched for changes
  dns:///NAME:PORT          the addresses of a name, or of its SRV records`

func newContext(f *Factory) *cobra.Command {
	cmd := group(&cobra.Command{
		Use:     "context",
		Short:   "Choose between fleets, and say how each is reached",
		Long:    contextLong,
		Example: "  gctl context list",
	})
	cmd.AddCommand(newContextList(f), newContextUse(f), newContextAdd(f), newContextShow(f))
	return cmd
}

// contextRow is a context as JSON in the list.
type contextRow struct {
	Name    string `json:"name"`
	Current bool   `json:"current"`
	Catalog string `json:"catalog"`
	TLS     string `json:"tls"` // plaintext, insecure, mtls, tls, auto
}

var contextTable = output.Rows[contextRow]{
	Columns: []output.Column[contextRow]{
		{Name: "NAME", Cell: func(r contextRow) output.Cell { return output.Text(r.Name) }},
		{Name: "CURRENT", Cell: func(r contextRow) output.Cell {
			if r.Current {
				return output.Cell{Text: "current", Style: output.Good}
			}
			return output.Cell{}
		}},
		{Name: "CATALOG", Cell: func(r contextRow) output.Cell { return output.Text(r.Catalog) }},
		{Name: "TLS", Cell: func(r contextRow) output.Cell { return output.Text(r.TLS) }},
	},
	Key: func(r contextRow) string { return r.Name },
}

func newContextList(f *Factory) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the contexts",
		Long: `List the contexts of the configuration file and how each reaches its services.

Exit codes: 0 done; 1 the file cannot be read; 2 wrong usage.`,
		Example: `  gctl context list
  gctl context list -o name`,
		Args: args(0, 0),
		RunE: func(*cobra.Command, []string) error { return runContextList(f) },
	}
}

func runContextList(f *Factory) error {
	p, err := f.Printer()
	if err != nil {
		return err
	}
	file, err := f.Config()
	if err != nil {
		return err
	}
	current := f.Global.Context
	if current == "" {
		current = file.Current
	}
	rows := make([]contextRow, 0, len(file.Contexts))
	for _, name := range file.Names() {
		c := file.Contexts[name].Redacted()
		rows = append(rows, contextRow{Name: name, Current: name == current, Catalog: c.Catalog, TLS: tlsWord(c.TLS)})
	}
	if len(rows) == 0 {
		f.Notef("note: %s has no contexts; gctl asks the Consul agent at its default address", file.Path)
	}
	return contextTable.Print(p, rows, nil)
}

// tlsWord says in a word how a context's services are reached.
func tlsWord(t config.TLS) string {
	switch {
	case t.Plaintext != nil && *t.Plaintext:
		return "plaintext"
	case t.Insecure:
		return "insecure"
	case t.Cert != "":
		return "mtls"
	case t != (config.TLS{}):
		return "tls"
	default:
		return "auto"
	}
}

func newContextUse(f *Factory) *cobra.Command {
	return &cobra.Command{
		Use:   "use NAME",
		Short: "Make a context the current one",
		Long: `Make a context the current one: it is used where neither --context nor
GCTL_CONTEXT names another.

Exit codes: 0 done; 1 the file could not be written; 2 no such context.`,
		Example:           "  gctl context use prod",
		Args:              args(1, 1),
		ValidArgsFunction: firstOnly(completeContexts(f)),
		RunE: func(_ *cobra.Command, given []string) error {
			file, err := f.Config()
			if err != nil {
				return err
			}
			if err := file.Use(given[0]); err != nil {
				return err
			}
			f.Notef("%s is the current context", given[0])
			if other := f.Getenv(variable("context")); other != "" && other != given[0] {
				f.Notef("note: GCTL_CONTEXT=%s still outranks it", other)
			}
			return nil
		},
	}
}

// contextView is a context as JSON when it is shown alone.
type contextView struct {
	Name    string            `json:"name"`
	File    string            `json:"file"`
	Catalog string            `json:"catalog"`
	TLS     tlsView           `json:"tls"`
	Headers map[string]string `json:"headers"`
	Auth    string            `json:"auth"`
	Proxy   string            `json:"proxy"`

	Prometheus string                  `json:"prometheus"`
	Jaeger     string                  `json:"jaeger"`
	SLO        map[string]config.SLO   `json:"slo"`
	Map        map[string]config.Names `json:"map"`
	ReadOnly   bool                    `json:"read_only"`
	Protected  bool                    `json:"protected"`
}

type tlsView struct {
	Mode       string `json:"mode"`
	CACert     string `json:"cacert"`
	Cert       string `json:"cert"`
	Key        string `json:"key"`
	ServerName string `json:"servername"`
}

func newContextShow(f *Factory) *cobra.Command {
	return &cobra.Command{
		Use:   "show [NAME]",
		Short: "Show a context, secrets hidden",
		Long: `Show a context; without a name the one in use. Values of headers, passwords in
URLs and arguments of the auth command are hidden.

Exit codes: 0 done; 1 the file cannot be read; 2 no such context.`,
		Example: `  gctl context show
  gctl context show prod -o json`,
		Args:              args(0, 1),
		Annotations:       map[string]string{outputs: "yaml,json,jsonl"},
		ValidArgsFunction: firstOnly(completeContexts(f)),
		RunE: func(_ *cobra.Command, given []string) error {
			if len(given) > 0 {
				f.Global.Context = given[0]
			}
			return runContextShow(f)
		},
	}
}

func runContextShow(f *Factory) error {
	if f.Global.Output == "" && f.Global.JQ == "" {
		f.Global.Output = string(output.YAML)
	}
	p, err := f.Printer()
	if err != nil {
		return err
	}
	file, err := f.Config()
	if err != nil {
		return err
	}
	c, err := f.Context()
	if err != nil {
		return err
	}
	if c.Name == "" {
		f.Notef("note: no context is chosen; gctl asks the Consul agent at its default address")
	}
	c = c.Redacted()
	v := contextView{
		Name: c.Name, File: file.Path, Catalog: c.Catalog, Headers: c.Headers, Auth: c.Auth, Proxy: c.Proxy,
		Prometheus: c.Prometheus.URL, Jaeger: c.Jaeger.URL, SLO: c.SLO, Map: c.Map, ReadOnly: c.ReadOnly, Protected: c.Protected,
	}
	v.TLS = tlsView{tlsWord(c.TLS), c.TLS.CACert, c.TLS.Cert, c.TLS.Key, c.TLS.ServerName}
	if v.Headers == nil {
		v.Headers = map[string]string{}
	}
	if err := p.Value(v); err != nil {
		return fmt.Errorf("print the context: %w", err)
	}
	return nil
}
