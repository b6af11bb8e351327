package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/ops/check"
)

const checkLong = `Check that a fleet is as a file says, for CI and for people. docs/checks.md
describes the file and has snippets for GitHub Actions, GitLab and Jenkins.

Every check is asked at once, each on its own: a backend that is away leaves
undecided what hangs on it and nothing else. What is undecided is never passed.
Mistakes in the file are told all at once, with line and column, before anything
is asked. ${env:NAME} in the file is the environment's variable; its value is
never shown.

--report writes junit=FILE or markdown=FILE, in every case, also when gctl is
interrupted: what was not known by then is undecided. github prints annotations
on stderr and adds to the summary of the job.

-o json: [{"name","kind","outcome","attempts","duration_ms","findings":[{"outcome",
"wanted","got","where","evidence"}]}], worst first; outcome is passed, failed or
undecided.

Exit codes: 0 all passed; 1 none failed, but one could not be decided, or a report
not be written; 2 the file or the usage is wrong; 3 one failed; 130 interrupted.`

type checkOptions struct {
	f      *Factory
	conn   connFlags
	schema schemaFlags

	file        string
	only        []string
	retryFor    time.Duration
	validate    bool
	printSchema bool
	initial     string
	reports     []string
}

func newCheck(f *Factory) *cobra.Command {
	o := &checkOptions{f: f}
	cmd := &cobra.Command{
		Use:   "check -f FILE",
		Short: "Check that a fleet is as a file says, for CI",
		Long:  checkLong,
		Example: `  gctl check --init user > checks.yaml
  gctl check -f checks.yaml
  gctl check -f checks.yaml --retry-for 60s --report junit=checks.xml --report github
  gctl check -f checks.yaml --only 'two users serve' -o json
  gctl check --schema > gctl-checks.schema.json`,
		Args: args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	flags := cmd.Flags()
	flags.StringVarP(&o.file, "file", "f", "", "the `file` of checks, - for stdin")
	flags.StringArrayVar(&o.only, "only", nil, "run only the check called `name`; repeat it for several")
	flags.Var((*seconds)(&o.retryFor), "retry-for", "try again what did not pass, for at most this `duration`")
	flags.BoolVar(&o.validate, "validate", false, "only read the file")
	flags.BoolVar(&o.printSchema, "schema", false, "print a JSON schema of the file for editors")
	flags.StringVar(&o.initial, "init", "", "print a first file for the `service`")
	flags.StringArrayVar(&o.reports, "report", nil, "write a report: `junit=FILE`, markdown=FILE or github; repeat it for several")
	o.conn.register(flags)
	_ = cmd.MarkFlagFilename("file", "yaml", "yml")
	_ = cmd.RegisterFlagCompletionFunc("init", firstOnly(completeServices(f)))
	_ = cmd.RegisterFlagCompletionFunc("report", cobra.FixedCompletions([]cobra.Completion{"junit=", "markdown=", "github"}, cobra.ShellCompDirectiveNoSpace))
	return cmd
}

func (o *checkOptions) run(ctx context.Context) error {
	switch {
	case o.printSchema:
		raw, err := check.Schema()
		if err == nil {
			_, err = fmt.Fprintf(o.f.Streams.Out, "%s\n", raw)
		}
		return err
	case o.initial != "":
		return o.first(ctx)
	case o.file == "":
		return &fleet.Error{Kind: fleet.Usage, What: "no file is given", Hint: "gctl check -f checks.yaml; gctl check --init SERVICE prints a first one"}
	}
	reports, err := parseReports(o.reports)
	if err != nil {
		return err
	}
	file, err := o.read()
	if err != nil {
		return err
	}
	if o.validate {
		o.f.Notef("%s: %s, no mistake", file.Path, plural(len(file.Checks), "check"))
		return nil
	}
	p, err := o.f.Printer()
	if err != nil {
		return err
	}
	results := check.Run(ctx, file, o.sources(ctx), check.Options{RetryFor: o.retryFor, Now: o.f.Now, Done: o.progress(len(file.Checks))})
	reporting := o.report(reports, file, results)
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, errTimeout) {
		if reporting != nil { // an interruption has no words of its own
			o.f.Notef("%v", reporting)
		}
		return cause
	}
	return errors.Join(verdictOf(results), o.print(p, results), reporting) //nolint:contextcheck // the printer has it
}

// read reads the file and leaves of it what --only names.
func (o *checkOptions) read() (*check.File, error) {
	data, err := o.content()
	if err != nil {
		return nil, &fleet.Error{Kind: fleet.Usage, What: "read the checks", Err: err}
	}
	path := o.file
	if path == "-" {
		path = "stdin"
	}
	file, err := check.Parse(path, data, o.f.Getenv)
	if err != nil {
		return nil, err
	}
	for _, name := range o.only {
		if !slices.ContainsFunc(file.Checks, func(c check.Check) bool { return c.Name == name }) {
			var names []string
			for i := range file.Checks {
				names = append(names, file.Checks[i].Name)
			}
			return nil, &fleet.Error{Kind: fleet.Usage, What: fmt.Sprintf("no check is called %q", name), Hint: cmp.Or(strings.TrimSpace(didYouMean(name, names, "")), "there are "+some(names, 10))}
		}
	}
	if len(o.only) > 0 {
		file.Checks = slices.DeleteFunc(file.Checks, func(c check.Check) bool { return !slices.Contains(o.only, c.Name) })
	}
	return file, nil
}

// maxChecksFile is more than the parser takes, so that it is the one to say so.
const maxChecksFile = 2 << 20

func (o *checkOptions) content() ([]byte, error) {
	in := o.f.Streams.In
	if o.file != "-" {
		file, err := os.Open(o.file)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		in = file
	}
	return io.ReadAll(io.LimitReader(in, maxChecksFile))
}

// progress tells on a terminal how far the checks are, and of each that did not
// pass as it ends.
func (o *checkOptions) progress(all int) func(*check.Result) {
	if !o.f.Streams.ErrTTY {
		return nil
	}
	done := 0
	return func(r *check.Result) {
		done++
		o.f.Notef("%d/%d %s: %s", done, all, r.Check.Name, r.Outcome)
	}
}

// first prints a first file for a service.
func (o *checkOptions) first(ctx context.Context) error {
	list, err := listInstances(ctx, o.f, o.initial)
	if err != nil {
		return err
	}
	first := check.First{Service: o.initial}
	for i := range list.Instances {
		in := &list.Instances[i]
		first.Metrics = first.Metrics || in.Meta[fleet.MetaMetrics] != ""
	}
	callers, err := (&asking{checkOptions: o}).breakers(ctx, "", o.initial)
	if err != nil {
		o.f.Notef("note: no check of breakers: %v", err)
	}
	first.Breakers = slices.ContainsFunc(callers.Breakers, func(b fleet.Breaker) bool { return b.Target == o.initial })
	_, err = io.WriteString(o.f.Streams.Out, first.Text())
	return err
}

// verdictOf is the error of results that are not all passed.
func verdictOf(results []check.Result) error {
	failed, undecided := check.Count(results, check.Failed), check.Count(results, check.Undecided)
	switch {
	case failed > 0:
		return firmNoError{&fleet.Error{Kind: fleet.Negative, What: check.Verdict(results)}}
	case undecided > 0:
		return &fleet.Error{What: check.Verdict(results), Hint: "gctl doctor looks at all backends"}
	default:
		return nil
	}
}
