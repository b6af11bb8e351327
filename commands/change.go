package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	osuser "os/user"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/pflag"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/config"
	"github.com/gctl-dev/gctl/internal/term"
	"github.com/gctl-dev/gctl/ops/action"
)

// changeExits is the part of a command's help that all commands have which change
// something.
const changeExits = `Before anything is changed gctl shows what will be, and asks; --dry-run stops
there. Without a terminal it wants --yes and --reason. A context that is
read_only refuses; one that is protected wants its name typed, or
--yes-i-mean NAME. "gctl actions" lists what was changed from here, "gctl undo"
reverts it.

Exit codes: 0 done and verified; 1 an instance could not be changed, its effect
was not seen, or you said no; 2 wrong usage, an unknown name, or refused.`

// changeFlags are the flags of commands that change running instances.
type changeFlags struct {
	reason    string
	ttl       time.Duration
	dryRun    bool
	yes       bool
	yesIMean  string
	flags     *pflag.FlagSet
	temporary bool // there is a --ttl
}

func (c *changeFlags) register(flags *pflag.FlagSet) {
	c.flags = flags
	flags.StringVar(&c.reason, "reason", "", "a `text` that says why, for the log and for who looks next; on a terminal it may be left out")
	flags.BoolVar(&c.dryRun, "dry-run", false, "let the instances check it, show what would be, and change nothing")
	flags.BoolVar(&c.yes, "yes", false, "do not ask")
	flags.StringVar(&c.yesIMean, "yes-i-mean", "", "do not ask, and change what the protected context called `name` has")
}

// registerTTL adds --ttl.
func (c *changeFlags) registerTTL(flags *pflag.FlagSet, usual time.Duration) {
	c.register(flags)
	c.temporary, c.ttl = true, usual
	flags.Var((*seconds)(&c.ttl), "ttl", "after this `duration` the change reverts by itself: 1s to 24h")
}

// change is one change of some instances on its way to being made.
type change struct {
	*changeFlags

	f        *Factory
	command  string // as it is written down: "fault latency"
	what     string // what will be, in one line
	notes    []string
	undoes   string
	steps    []action.Step
	release  bool // nothing holds for a time
	noTTL    bool // that a change by the catalog does not end by itself was accepted
	operator *action.Operator
	authors  action.Authors // of what is in force
}

// gate refuses what must not be, before anybody is asked anything.
func (c *changeFlags) gate(f *Factory) error {
	if err := c.may(f); err != nil {
		return err
	}
	return c.consent(f)
}

// may refuses what is wrong in itself, and what the context forbids.
func (c *changeFlags) may(f *Factory) error {
	context, err := f.Context()
	if err != nil {
		return err
	}
	usage := func(what, hint string) error { return &fleet.Error{Kind: fleet.Usage, What: what, Hint: hint} }
	switch {
	case c.temporary && (c.ttl < fleet.MinTTL || c.ttl > fleet.MaxTTL):
		return usage(fmt.Sprintf("--ttl %s is not between 1s and 24h", c.ttl), "a change reverts by itself; repeat it to make it hold longer")
	case utf8.RuneCountInString(c.reason) > maxReason || len(c.reason) > 2*maxReason:
		return usage(fmt.Sprintf("--reason is longer than %d characters", maxReason), "")
	case c.yesIMean != "" && c.yesIMean != context.Name:
		return usage(fmt.Sprintf("--yes-i-mean %s, and the context is %s", c.yesIMean, contextName(&context)), "nothing was changed")
	case c.dryRun:
		return nil
	case context.ReadOnly:
		return readOnly(&context)
	default:
		return nil
	}
}

// consent refuses what nobody can be asked about and nobody has answered by a flag.
func (c *changeFlags) consent(f *Factory) error {
	context, err := f.Context()
	if err != nil {
		return err
	}
	usage := func(what, hint string) error { return &fleet.Error{Kind: fleet.Usage, What: what, Hint: hint} }
	asks := f.Streams.InTTY && f.Streams.ErrTTY
	switch {
	case c.dryRun:
		return nil
	case context.Protected && c.yesIMean == "" && !asks:
		return usage("the context "+context.Name+" is protected", "if you mean it: --yes-i-mean "+context.Name)
	case !asks && !c.yes && c.yesIMean == "":
		return usage("there is no terminal to ask on", "pass --yes, or see by --dry-run what would be")
	case !asks && c.reason == "":
		return usage("a change without a terminal needs a reason", "say why: --reason 'text'")
	default:
		return nil
	}
}

// readOnly is the error of a change by way of a context that allows none.
func readOnly(c *config.Context) error {
	return &fleet.Error{
		Kind: fleet.Usage, What: "the context " + contextName(c) + " is read_only",
		Hint: "nothing is changed by way of it; --dry-run only checks, and another context is chosen by --context",
	}
}

// maxReason is what control APIs take, in characters.
const maxReason = 256

func contextName(c *config.Context) string {
	if c.Name == "" {
		return "the default one"
	}
	return c.Name
}

// why is the reason that is sent.
func (c *changeFlags) why(f *Factory) string {
	if reason := strings.TrimSpace(term.CleanLine(c.reason)); reason != "" {
		return reason
	}
	return "by hand, " + who(f)
}

// who is user@host.
func who(f *Factory) string {
	user := f.Getenv("USER")
	if user == "" {
		user = f.Getenv("USERNAME")
	}
	if me, err := osuser.Current(); user == "" && err == nil {
		user = me.Username
	}
	if user == "" {
		user = "somebody"
	}
	host, err := os.Hostname()
	if err != nil {
		host = "this machine"
	}
	return term.CleanLine(user + "@" + host)
}

// newOperator opens what changes are made with.
func newOperator(f *Factory) (*action.Operator, error) {
	cc, err := f.Context()
	if err != nil {
		return nil, err
	}
	o := &action.Operator{Now: f.Now, Context: cc.Name, Addr: f.Global.Addr, By: who(f)}
	var errs [3]error
	o.Catalog, errs[0] = f.Catalog()
	o.Plane, errs[1] = f.ControlPlane()
	o.Prober = NewProber(f)
	o.Journal, errs[2] = f.Actions()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return o, nil
}

// perform shows the change, asks, makes it, and tells what became of it. gate has
// let it through.
func (c *change) perform(ctx context.Context) error {
	for i := range c.steps {
		m := &c.steps[i].Wish.Mutation
		m.Reason = c.why(c.f)
		if c.temporary && !c.release {
			m.TTL = c.ttl
		}
	}
	c.operator.Prepare(ctx, c.steps)
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if err := c.refuse(); err != nil {
		return err
	}
	c.authors = Authors(c.f)
	c.preview()
	if c.dryRun || c.idle() {
		return c.tell("", dryResults(c.steps)) //nolint:contextcheck // the printer has it
	}
	if err := c.confirm(ctx); err != nil {
		return err
	}
	id, results := c.operator.Run(ctx, c.command, c.undoes, c.steps)
	return c.tell(id, results) //nolint:contextcheck // the printer has it
}

// idle tells that there is nothing to do.
func (c *change) idle() bool {
	for i := range c.steps {
		if c.steps[i].Err == nil && !c.steps[i].Nothing {
			return false
		}
	}
	return true
}

// refuse fails where no instance can be changed, and where the catalog could only
// do it without an end.
func (c *change) refuse() error {
	var failed []error
	for i := range c.steps {
		s := &c.steps[i]
		if s.Err != nil {
			failed = append(failed, s.Err)
			continue
		}
		if s.Way == action.ByCatalog && !s.Wish.Release && !c.noTTL {
			return &fleet.Error{
				Kind: fleet.Usage, What: "it serves no control API: Consul's maintenance does not end by itself", Instance: s.Instance.ID,
				Hint: "to take it out until somebody releases it: --no-ttl, and later gctl release " + term.Quote(s.Instance.ID),
			}
		}
	}
	if len(failed) == 0 || len(failed) < len(c.steps) {
		return nil
	}
	var first *fleet.Error
	if len(failed) == 1 || !errors.As(failed[0], &first) {
		return failed[0]
	}
	told := *first
	for _, err := range failed[1:] {
		told.Details = append(told.Details, err.Error())
	}
	return &told
}

// confirm asks, unless that was answered by a flag.
func (c *change) confirm(ctx context.Context) error {
	cc, err := c.f.Context()
	if err != nil {
		return err
	}
	no := &fleet.Error{What: "nothing was changed"}
	switch {
	case c.yesIMean != "":
		return nil
	case cc.Protected:
		fmt.Fprintf(c.f.Streams.Err, "%s is protected: type its name to go on: ", cc.Name)
		if line, err := readLine(ctx, c.f.Streams.In); err != nil || line != cc.Name {
			no.Hint = "that was not the name of the context"
			return orEnded(ctx, no)
		}
		return nil
	case c.yes:
		return nil
	}
	fmt.Fprint(c.f.Streams.Err, "go on? [y/N] ")
	line, err := readLine(ctx, c.f.Streams.In)
	if answer := strings.ToLower(line); err != nil || answer != "y" && answer != "yes" {
		return orEnded(ctx, no)
	}
	return nil
}

func orEnded(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
