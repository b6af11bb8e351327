package commands

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/ops/action"
	"github.com/gctl-dev/gctl/rpc"
)

// faultOptions are those of fault latency and fault status.
type faultOptions struct {
	changeFlags
	f       *Factory
	service string
	name    string
	method  string
	percent float64
}

func newFault(f *Factory) *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "fault",
		Short: "Make calls of an instance slow or fail on purpose",
		Long: `Make a share of the calls that an instance serves slow, or fail, for a while: to
see what its callers do about it. Health, reflection and the control API are
never met. The instance must have a control API.`,
		Example: `  gctl fault latency user-3 800ms --ttl 5m
  gctl fault status user-3 UNAVAILABLE --percent 10
  gctl fault list user
  gctl fault end user-3`,
	})
	cmd.AddCommand(newFaultLatency(f), newFaultStatus(f), newFaultList(f), newFaultEnd(f))
	return cmd
}

const faultLong = `

One name, one fault: setting it again replaces it. The name is "latency" or
"status", followed by the method if one is given; --name gives another.

`

func newFaultLatency(f *Factory) *cobra.Command {
	o := &faultOptions{f: f}
	cmd := &cobra.Command{
		Use:   "latency INSTANCE DURATION",
		Short: "Hold calls up",
		Long:  "Hold calls that an instance serves up, by at most a minute, for a while." + faultLong + changeExits,
		Example: `  gctl fault latency user-3 800ms --ttl 5m
  gctl fault latency user-3 2s --percent 50 --method GetUser`,
		Args:              instanceArgs(f, 1, 1),
		ValidArgsFunction: firstOnly(completeInstances(f)),
		RunE: func(cmd *cobra.Command, given []string) error {
			name, rest := cutInstance(f, given)
			latency, err := time.ParseDuration(rest[0])
			if err != nil || latency <= 0 || latency > time.Minute {
				return &fleet.Error{Kind: fleet.Usage, What: fmt.Sprintf("%q is no latency", rest[0]), Hint: "for example 800ms; at most 1m"}
			}
			return o.run(cmd.Context(), name, "latency", fleet.Fault{Latency: latency}, "are held up by "+latency.String())
		},
	}
	o.registerFault(cmd)
	return cmd
}

func newFaultStatus(f *Factory) *cobra.Command {
	o := &faultOptions{f: f}
	cmd := &cobra.Command{
		Use:   "status INSTANCE CODE",
		Short: "Fail calls with a gRPC status",
		Long: `Fail calls that an instance serves with a gRPC status, given by its name or
number, for a while.` + faultLong + changeExits,
		Example: `  gctl fault status user-3 UNAVAILABLE --ttl 2m
  gctl fault status user-3 resource_exhausted --percent 10 --method 'user.v1.UserService/*'`,
		Args: instanceArgs(f, 1, 1),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) == 1 {
				return startingWith(strings.ToUpper(toComplete), codeNames()), cobra.ShellCompDirectiveNoFileComp
			}
			return firstOnly(completeInstances(f))(cmd, args, toComplete)
		},
		RunE: func(cmd *cobra.Command, given []string) error {
			name, rest := cutInstance(f, given)
			code, err := parseCode(rest[0])
			if err != nil {
				return err
			}
			return o.run(cmd.Context(), name, "status", fleet.Fault{Code: uint32(code)}, "fail with "+rpc.CodeName(code))
		},
	}
	o.registerFault(cmd)
	return cmd
}

func (o *faultOptions) registerFault(cmd *cobra.Command) {
	flags := cmd.Flags()
	o.registerTTL(flags, 5*time.Minute)
	flags.StringVar(&o.service, "service", "", serviceFlag)
	o.percent = 100
	flags.Var((*percent)(&o.percent), "percent", "meet this `share` of the calls, in percent")
	flags.StringVar(&o.method, "method", "*", "meet calls of this `method`: package.Service/Method, package.Service/* or *; a short name is looked up in the schema that the instance shows")
	_ = cmd.RegisterFlagCompletionFunc("method", completeMethods(o.f)) // there is this flag
	flags.StringVar(&o.name, "name", "", "call the fault `name`")
}

// codeNames are the statuses with which a call can fail.
func codeNames() []string {
	var names []string
	for c := codes.Canceled; c <= codes.Unauthenticated; c++ {
		names = append(names, rpc.CodeName(c))
	}
	return names
}

func parseCode(text string) (codes.Code, error) {
	names := codeNames()
	if n, err := strconv.Atoi(text); err == nil && n >= 1 && n <= len(names) {
		return codes.Code(n), nil
	}
	wanted := strings.ToUpper(strings.ReplaceAll(text, "-", "_"))
	if i := slices.Index(names, wanted); i >= 0 {
		return codes.Code(i + 1), nil
	}
	return 0, &fleet.Error{
		Kind: fleet.Usage, What: fmt.Sprintf("%q is no status with which a call can fail", text),
		Hint: didYouMean(wanted, names, "") + "for example UNAVAILABLE, or a number from 1 to 16",
	}
}

// faultName is what a fault is called where nobody says it.
func faultName(kind, method string) string {
	if method == "*" {
		return kind
	}
	other := regexp.MustCompile(`[^a-z0-9]+`)
	name := kind + "-" + strings.Trim(other.ReplaceAllString(strings.ToLower(method), "-"), "-")
	if len(name) > maxFaultName { // the method is at the end
		name = kind + "-" + strings.TrimLeft(name[len(name)-(maxFaultName-len(kind)-1):], "-")
	}
	return name
}

const maxFaultName = 63

func (o *faultOptions) run(ctx context.Context, name, kind string, fault fleet.Fault, what string) error {
	fault.Percentage = o.percent
	if !(o.percent > 0 && o.percent <= 100) {
		return &fleet.Error{Kind: fleet.Usage, What: fmt.Sprintf("--percent %g is not above 0 and at most 100", o.percent)}
	}
	if err := o.gate(o.f); err != nil {
		return err
	}
	in, err := findInstance(ctx, o.f, name, o.service)
	if err != nil {
		return err
	}
	if o.method, err = wholeMethod(ctx, o.f, in, o.method); err != nil {
		return err
	}
	fault.Method = o.method
	if o.name == "" {
		o.name = faultName(kind, o.method)
	}
	operator, err := newOperator(o.f)
	if err != nil {
		return err
	}
	c := &change{
		changeFlags: &o.changeFlags, f: o.f, operator: operator, command: "fault " + kind + " " + in.ID,
		what:  fmt.Sprintf("%s of the calls of %s to %s %s", percentText(o.percent), methodText(o.method), in.ID, what),
		steps: []action.Step{{Instance: in, Wish: fleet.Wish{Resource: fleet.ResourceFault + o.name, Fault: fault}}},
	}
	if left, err := operator.Capacity(ctx, in.Service, in.ID); err == nil {
		c.notes = append(c.notes, fmt.Sprintf("%d of %d instances of %s that get traffic are not touched", left.Left, left.Of, in.Service))
	}
	return c.perform(ctx)
}

// percent is a share as a flag: 10 or 10%.
type percent float64

// String implements pflag.Value.
func (p *percent) String() string { return strconv.FormatFloat(float64(*p), 'g', -1, 64) }

// Type implements pflag.Value.
func (*percent) Type() string { return "percent" }

// Set implements pflag.Value.
func (p *percent) Set(text string) error {
	n, err := strconv.ParseFloat(strings.TrimSuffix(text, "%"), 64)
	if err != nil {
		return fmt.Errorf("%q is no share such as 10 or 10%%", text)
	}
	*p = percent(n)
	return nil
}

func percentText(p float64) string { return strconv.FormatFloat(p, 'g', 4, 64) + " %" }

func methodText(method string) string {
	if method == "*" {
		return "all methods"
	}
	return method
}
