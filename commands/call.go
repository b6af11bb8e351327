package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/output"
	"github.com/gctl-dev/gctl/internal/term"
	"github.com/gctl-dev/gctl/rpc"
	"github.com/gctl-dev/gctl/rpc/message"
)

const callLong = `Call a method of a service. The name may be full (user.v1.UserService/GetUser),
the end of it (UserService.GetUser), or just the method (GetUser) where only one
service has it.

The request is JSON, or the protobuf text format with --format text. -d takes
it, '@FILE' reads it from a file, '@' from stdin; without -d an empty message is
sent. A stream of requests is one JSON value after the other (with --format text
separated by the byte 0x1e); from a terminal it is read line by line until ctrl-d.

The call goes to one of a few passing instances, chosen at random, or to the one
of --instance or --addr. Addresses of this machine are asked whether they speak
TLS, all others get TLS unless the flags, the context or the catalog say
otherwise.

Headers of -H go with the RPC and with reflection at its service. While gctl
looks for that service among several of the catalog they are held back; name it
with --service where reflection wants them, or use --reflect-header.

--protocol grpc-web or connect calls the method as a browser would, at a server or
gateway for those, over HTTP/1.1 or HTTP/2. The schema still comes from native
reflection at the same address where that answers, or from the cache; else pass
--protoset.

-o jsonl prints one line for each response, -o envelope one document with
status, headers, trailers and timing. -v prints headers and trailers on stderr.

--trace sends a traceparent with the call and draws the trace on stderr once its
spans have come to the Jaeger of the context, with gctl's own span as its root. It
waits for them 10 s at most, and does not change how the call ends.

Exit codes: 0 OK; 1 no connection, or a request that does not fit after others
were sent; 2 wrong usage, an unknown name, a request that does not fit (nothing
was sent); 3 the instances of --each-instance disagree;
64+code the RPC ended with that status (68 DEADLINE_EXCEEDED, 69 NOT_FOUND, 78
UNAVAILABLE, ...), a local deadline included; 130 interrupted.`

type callOptions struct {
	f      *Factory
	conn   connFlags
	schema schemaFlags

	method       string
	data         string
	hasData      bool
	format       string
	maxTime      time.Duration
	emitDefaults bool
	allowUnknown bool
	compress     string
	instance     string
	each         bool
	dryRun       bool
	timing       bool
	trace        bool
}

// callOutputs are the formats of call. The table is that of --each-instance.
const callOutputs = "json,jsonl,envelope,table,wide,yaml,name"

func newCall(f *Factory) *cobra.Command {
	o := &callOptions{f: f}
	cmd := &cobra.Command{
		Use:   "call METHOD",
		Short: "Call a method of a service",
		Long:  callLong,
		Example: `  gctl call UserService.GetUser -d '{"id":"u-1"}'
  gctl call UserService.GetUser -d @request.json --instance user-2 -v
  gctl call UserService.ImportUsers -d @ < users.json
  gctl --addr 127.0.0.1:9090 call grpc.health.v1.Health/Check
  gctl call UserService.ListUsers --each-instance
  gctl call UserService.GetUser -d '{"id":"u-1"}' --trace
  gctl --addr edge.example.com:443 call UserService.GetUser -d '{"id":"u-1"}' --protocol grpc-web
  gctl call UserService.GetUser -d '{"id":"u-1"}' -o envelope --jq .status.code`,
		Args:              callArgs,
		ValidArgsFunction: firstOnly(completeMethods(f)),
		Annotations:       map[string]string{outputs: callOutputs},
		RunE: func(cmd *cobra.Command, given []string) error {
			o.method, o.hasData = given[0], cmd.Flags().Changed("data")
			if !o.each && !cmd.Flag("output").Changed && tabular(f.Global.Output) {
				f.Global.Output = "" // a variable's wish for all commands, not for this one
			}
			return o.run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&o.data, "data", "d", "", "the `request`, @FILE, or @ for stdin")
	flags.StringVar(&o.format, "format", "json", "the `language` of requests and responses, json or text")
	flags.Var((*seconds)(&o.maxTime), "max-time", "end the RPC after this `duration`, 5s or bare seconds (default 10s for unary methods, none for streams)")
	flags.BoolVar(&o.emitDefaults, "emit-defaults", false, "print fields that have their default value too")
	flags.BoolVar(&o.allowUnknown, "allow-unknown-fields", false, "drop fields that the schema does not have")
	flags.StringVar(&o.compress, "compress", "", "compress requests with `gzip`")
	flags.StringVar(&o.instance, "instance", "", "call the instance with this `id` or address")
	flags.BoolVar(&o.each, "each-instance", false, "call every instance and compare the answers")
	flags.BoolVar(&o.dryRun, "dry-run", false, "send nothing; print the request and the same call for grpcurl")
	flags.BoolVar(&o.timing, "timing", false, "say on stderr where the time went")
	flags.BoolVar(&o.trace, "trace", false, "begin a trace, and draw it on stderr afterwards")
	o.conn.registerRPC(flags)
	o.schema.register(flags)
	return cmd
}

// callArgs says how a request is passed to those who put it behind the method.
func callArgs(cmd *cobra.Command, given []string) error {
	err := args(1, 1)(cmd, given)
	var e *fleet.Error
	if len(given) > 1 && errors.As(err, &e) && strings.HasPrefix(strings.TrimSpace(given[1]), "{") {
		e.Hint = "the request is passed with -d: gctl call " + given[0] + " -d " + term.Quote(given[1])
	}
	return err
}

// check refuses what contradicts itself, before anything is asked.
func (o *callOptions) check() error {
	usage := func(format string, args ...any) error {
		return &fleet.Error{Kind: fleet.Usage, What: fmt.Sprintf(format, args...)}
	}
	format, out := message.Format(o.format), o.f.Global.Output
	switch {
	case format != message.JSON && format != message.Text:
		return usage("--format %q is neither json nor text", o.format)
	case o.compress != "" && o.compress != "gzip":
		return usage("--compress %q: only gzip is known", o.compress)
	case o.each && o.instance != "":
		return usage("--each-instance contradicts --instance")
	case o.each && o.timing:
		return usage("--each-instance contradicts --timing")
	case o.each && o.trace:
		return usage("--each-instance contradicts --trace")
	case o.dryRun && o.trace:
		return usage("--dry-run contradicts --trace: nothing is sent")
	case format == message.Text && o.emitDefaults:
		return usage("--format text contradicts --emit-defaults: only JSON can show them")
	case o.each && out == "envelope":
		return usage("--each-instance prints a row for each instance, not -o envelope")
	case tabular(out) && !o.each:
		return usage("-o %s needs --each-instance: a response is a document", out)
	case format == message.Text && (out != "" || o.f.Global.JQ != ""):
		return usage("--format text contradicts -o and --jq")
	}
	return o.conn.check()
}

// tabular tells whether a format is for rows.
func tabular(format string) bool {
	return format == "table" || format == "wide" || format == "yaml" || format == "name"
}

// call is one run of the command.
type call struct {
	f *Factory
	*callOptions
	*target
}

// mayCall refuses a change by the control API where the context allows none. What
// other services do is the user's own business.
func (c *call) mayCall() error {
	context, err := c.f.Context()
	if err != nil {
		return err
	}
	method, ours := strings.CutPrefix(rpc.Path(c.located.Method), "/gctl.control.v1.ControlService/")
	reads := strings.HasPrefix(method, "List") || strings.HasPrefix(method, "Watch")
	if ours && !reads && context.ReadOnly && !c.dryRun {
		return readOnly(&context)
	}
	return nil
}

func (o *callOptions) run(ctx context.Context) error {
	if err := o.check(); err != nil {
		return err
	}
	if err := o.conn.adjust(&o.f.Global); err != nil {
		return err
	}
	t, err := o.conn.target(ctx, o.f, &o.schema, o.compress)
	if err != nil {
		return err
	}
	defer t.close()
	c := &call{f: o.f, callOptions: o, target: t}
	if err := c.locate(ctx, o.method); err != nil {
		return err
	}
	if err := c.mayCall(); err != nil {
		return err
	}
	if err := c.protocol.Carries(c.located.Method); err != nil {
		return err
	}
	instances, err := c.choose(ctx, o.instance, o.each)
	if err != nil {
		return err
	}
	if err := c.refreshAfterDeployment(ctx, instances); err != nil {
		return err
	}
	if missing := c.located.Schema.MissingTypes(c.located.Method); len(missing) > 0 {
		o.f.Notef("warning: the schema lacks %s; fields of these types cannot be set or shown", strings.Join(missing, ", "))
	}
	if o.each && !o.dryRun {
		return c.eachInstance(ctx, instances)
	}
	if err := c.connect(instances); err != nil {
		return err
	}
	src, err := c.source(ctx)
	if err != nil {
		return err
	}
	if o.dryRun {
		return c.printDryRun(ctx, src, instances[0])
	}
	return c.invoke(ctx, src)
}

// invoke runs the RPC and prints what comes.
func (c *call) invoke(ctx context.Context, src *source) error {
	p, err := c.newPrinter()
	if err != nil {
		return err
	}
	traced, err := c.traceparent()
	if err != nil {
		return err
	}
	c.verboseHeaders(">", c.headers.rpc)
	var given atomic.Int64
	next := func() (proto.Message, error) {
		m, err := src.next()
		if err == nil {
			given.Add(1)
		}
		return m, err
	}
	result, err := c.called.Call(ctx, &rpc.Invocation{
		Method: c.located.Method, Headers: c.headers.rpc, MaxTime: c.limit(),
		Next: next, OnHeader: p.header, OnMessage: p.message,
	})
	if err != nil {
		return c.explainConnect(wasSent(tooLate(err, int(given.Load()))))
	}
	traced.end(result)
	if err := p.end(result); err != nil { //nolint:contextcheck // the printer has it
		return wasSent(err)
	}
	c.verboseHeaders("<", result.Trailer)
	if c.timing {
		c.printTiming(result.Timing)
	}
	c.draw(ctx, traced)
	return c.statusError(ctx, result)
}

// wasSent makes a jq expression that does not fit the answer a failure: wrong usage
// would mean that nothing was sent.
func wasSent(err error) error {
	var query *output.QueryError
	if errors.As(err, &query) {
		return &fleet.Error{What: err.Error(), Hint: "the request was sent; without --jq the answer is printed whole"}
	}
	return err
}

// tooLate makes a request that does not fit a failure where others went before it:
// wrong usage would mean that nothing was sent.
func tooLate(err error, before int) error {
	var bad *message.InputError
	var e *fleet.Error
	if before == 0 || !errors.As(err, &bad) || !errors.As(err, &e) {
		return err
	}
	return &fleet.Error{
		What: err.Error(), Hint: e.Hint,
		Details: append(slices.Clone(e.Details), plural(before, "message")+" before it may have been sent; the RPC was cancelled"),
	}
}

// limit is the time that the RPC may take.
func (c *call) limit() time.Duration {
	md := c.located.Method
	if c.maxTime == 0 && !md.IsStreamingClient() && !md.IsStreamingServer() {
		return 10 * time.Second
	}
	return c.maxTime
}

// methodName is the method as people write it.
func (c *call) methodName() string {
	return strings.TrimPrefix(rpc.Path(c.located.Method), "/")
}
