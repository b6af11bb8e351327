package commands

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/output"
)

// Global are the values of the flags that every command has.
type Global struct {
	Context    string
	Addr       string // HOST:PORT, skips the catalog
	Tags       []string
	Datacenter string
	Namespace  string
	Output     string
	JQ         string
	Timeout    time.Duration // of the whole command, 0 for none
	NoColor    bool
	Verbose    bool
}

func (g *Global) register(flags *pflag.FlagSet) {
	flags.StringVar(&g.Context, "context", "", "use the context called `name` instead of the current one")
	flags.StringVar(&g.Addr, "addr", "", "talk to the instance at `host:port`, without a catalog")
	flags.StringSliceVar(&g.Tags, "tag", nil, "only instances with this `tag`; repeat it for instances with all of them")
	flags.StringVar(&g.Datacenter, "datacenter", "", "ask the catalog about the datacenter called `name`")
	flags.StringVar(&g.Namespace, "namespace", "", "ask the catalog about the namespace called `name`")
	flags.StringVarP(&g.Output, "output", "o", "", "print the answer in `format`: table, json, jsonl, yaml, name or wide; metrics --since has csv too")
	flags.StringVar(&g.JQ, "jq", "", "filter the JSON answer by a jq `expression`; strings are printed raw")
	flags.Var((*seconds)(&g.Timeout), "timeout", "end the whole command after this `duration`, 5s or bare seconds")
	flags.BoolVar(&g.NoColor, "no-color", false, "print without colour (also NO_COLOR)")
	flags.BoolVarP(&g.Verbose, "verbose", "v", false, "say on stderr where answers come from")
}

// variable is the environment variable of a global flag.
func variable(flag string) string {
	return "GCTL_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// applyEnv gives each global flag that was not on the command line the value of
// its variable. A format that cmd does not have is no mistake in a variable,
// which is a wish for all commands.
func applyEnv(f *Factory, cmd *cobra.Command) error {
	var failed error
	cmd.Root().PersistentFlags().VisitAll(func(flag *pflag.Flag) {
		value := f.Getenv(variable(flag.Name))
		if flag.Changed || value == "" || failed != nil {
			return
		}
		if flag.Name == "output" && commonFormat(value) && !slices.Contains(formatsOf(cmd), value) {
			return
		}
		if err := flag.Value.Set(value); err != nil {
			failed = &fleet.Error{Kind: fleet.Usage, What: fmt.Sprintf("%s=%q", variable(flag.Name), value), Err: err}
		}
	})
	return failed
}

func commonFormat(name string) bool { return slices.Contains(output.Formats(), output.Format(name)) }

// outputs names the formats of a command that has others than the common ones.
const outputs = "gctl:outputs"

func formatsOf(cmd *cobra.Command) []string {
	if own := cmd.Annotations[outputs]; own != "" {
		return strings.Split(own, ",")
	}
	var names []string
	for _, f := range output.Formats() {
		names = append(names, string(f))
	}
	return names
}

// checkOutput refuses a format that the command does not have and an expression
// that contradicts it, before anything is asked.
func checkOutput(f *Factory, cmd *cobra.Command) error {
	if formats := formatsOf(cmd); f.Global.Output != "" && !slices.Contains(formats, f.Global.Output) {
		return &fleet.Error{
			Kind: fleet.Usage,
			What: fmt.Sprintf("unknown output format %q", f.Global.Output),
			Hint: didYouMean(f.Global.Output, formats, "") + "formats of " + cmd.CommandPath() + ": " + strings.Join(formats, ", "),
		}
	}
	if f.Global.JQ == "" {
		return nil
	}
	_, err := f.Printer()
	return err
}

// didYouMean returns "did you mean ...? " with the nearest of the candidates,
// or "" if none is near.
func didYouMean(name string, candidates []string, prefix string) string {
	near := fleet.Nearest(name, candidates, 3)
	if len(near) == 0 {
		return ""
	}
	for i := range near {
		near[i] = prefix + near[i]
	}
	return "did you mean " + strings.Join(near, " or ") + "? "
}
