package commands

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gctl-dev/gctl/fleet"
)

// group makes cmd a parent that does nothing itself: without a sub-command it
// prints its help, with an unknown one it fails.
func group(cmd *cobra.Command) *cobra.Command {
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return unknownCommand(cmd, args[0])
		}
		return nil
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	return cmd
}

func unknownCommand(parent *cobra.Command, name string) error {
	var names []string
	for _, c := range parent.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return &fleet.Error{
		Kind: fleet.Usage,
		What: fmt.Sprintf("unknown command %q for %q", name, parent.CommandPath()),
		Hint: didYouMean(name, names, parent.CommandPath()+" ") + "see " + parent.CommandPath() + " --help",
	}
}

// flagError adds to what pflag found wrong which flag was probably meant.
func flagError(cmd *cobra.Command, err error) error {
	hint := "see " + cmd.CommandPath() + " --help"
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		hint = didYouMean(specified(unknown), flagNames(cmd), "--") + hint
		if specified(unknown) == "version" {
			hint = "gctl version prints it"
		}
	}
	return &fleet.Error{Kind: fleet.Usage, What: err.Error(), Hint: hint}
}

// specified returns the name that was probably meant. What stands behind a
// single dash may be a long name in the manner of Go's flag package.
func specified(e *pflag.NotExistError) string {
	if letters := e.GetSpecifiedShortnames(); len(letters) > 1 {
		name, _, _ := strings.Cut(letters, "=")
		return name
	}
	return e.GetSpecifiedName()
}

func flagNames(cmd *cobra.Command) []string {
	var names []string
	collect := func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	}
	cmd.LocalFlags().VisitAll(collect)
	cmd.InheritedFlags().VisitAll(collect)
	return names
}

// args checks the number of a command's arguments and says what they are.
func args(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, given []string) error {
		var what string
		switch {
		case len(given) < least:
			what = "an argument is missing"
		case most >= 0 && len(given) > most:
			what = fmt.Sprintf("unexpected argument %q", given[most])
		default:
			return nil
		}
		return &fleet.Error{Kind: fleet.Usage, What: what, Hint: "usage: " + cmd.UseLine()}
	}
}

// oneOrAddr wants one argument, which --addr may stand for.
func oneOrAddr(f *Factory) cobra.PositionalArgs {
	return func(cmd *cobra.Command, given []string) error {
		if f.Global.Addr != "" || f.Getenv(variable("addr")) != "" {
			return args(0, 1)(cmd, given)
		}
		return args(1, 1)(cmd, given)
	}
}
