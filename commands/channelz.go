package commands

import (
	"context"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/ops/channels"
)

const channelzLong = `Show what a gRPC process knows of its connections (grpc.channelz.v1): as a client
its channels, their subchannels (one an address) and sockets (connections), as a
server the connections that it has accepted. The argument is an address
(HOST:PORT) or a service of the catalog, whose instances are all asked. channelz
is read at the address of the meta "admin" where an instance publishes one, as
the kit does, by the credentials of the context's admin where it has any, and at
the instance's own address elsewhere.

What may be the matter is named under the table:
  stuck    something was sent on a connection and nothing came since, for
           --silence, while calls are open or fail
  failing  an address cannot be reached; with the last error
  held     calls came in on a connection and nothing was answered for --silence
  uneven   one of the ready addresses of a channel has far more or fewer calls
           than its share
These are signs, not verdicts. The connection by which it was read is marked
"ours". Counts are since a connection was made; times are
by the clock of the instance. At most 500 connections of an instance are read.

-o json: {"instances": [{"service","id","address","error","unread","channels":
[{"id","parent","target","state","calls","last_error","subchannels": [{"id",
"target","state","calls","last_error","sockets"}]}],"servers": [{"id","listen",
"calls","sockets"}]}], "findings": [{"service","instance","kind","part","id",
"where","since","text"}]}; calls are {"started","succeeded","failed","open",
"last"}; a socket is {"id","local","remote","security","streams",
"messages_sent","messages_received","keepalives_sent","last_sent",
"last_received","own"}; last_error is {"at","text"}. A time that is not known is
null. -o jsonl: the rows of the table.

Exit codes: 0 done, whatever was found; 1 the catalog or all instances could not
be asked; 2 wrong usage or an unknown service; 130 interrupted.`

type channelzOptions struct {
	f       *Factory
	conn    connFlags
	maxTime time.Duration
	silence time.Duration
}

func newChannelz(f *Factory) *cobra.Command {
	o := &channelzOptions{f: f}
	cmd := &cobra.Command{
		Use:   "channelz ADDR|SERVICE",
		Short: "Show the channels and connections of processes, and which are stuck",
		Long:  channelzLong,
		Example: `  gctl channelz 127.0.0.1:9191
  gctl channelz edge
  gctl channelz edge --silence 3s -o wide
  gctl channelz edge -o json --jq '.findings[] | .instance + " " + .text'`,
		Args: func(cmd *cobra.Command, given []string) error {
			if f.Global.Addr != "" || f.Getenv(variable("addr")) != "" {
				return args(0, 1)(cmd, given)
			}
			return args(1, 1)(cmd, given)
		},
		ValidArgsFunction: firstOnly(completeServices(f)),
		RunE: func(cmd *cobra.Command, given []string) error {
			return o.run(cmd.Context(), given)
		},
	}
	flags := cmd.Flags()
	o.conn.register(flags)
	flags.Var((*seconds)(&o.maxTime), "max-time", "give up on an instance after this `duration` (default 5s)")
	flags.Var((*seconds)(&o.silence), "silence", "a connection on which nothing came for this `duration` is stuck (default 10s)")
	for _, flag := range []string{"max-time", "silence"} {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.NoFileCompletions)
	}
	return cmd
}

func (o *channelzOptions) run(ctx context.Context, given []string) error {
	if len(given) == 0 {
		if err := o.conn.adjust(&o.f.Global); err != nil {
			return err
		}
	}
	reader, err := o.reader(ctx)
	if err != nil {
		return err
	}
	p, err := o.f.Printer()
	if err != nil {
		return err
	}
	instances, err := o.instances(ctx, given)
	if err != nil {
		return err
	}
	read := make([]channelsOf, len(instances))
	fleet.Each(len(instances), func(i int) {
		tree, err := reader.Channels(ctx, instances[i])
		read[i] = channelsOf{instances[i], &tree, err}
	})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var found []channels.Finding
	for i := range read {
		if read[i].err == nil {
			found = append(found, channels.Find(read[i].tree, o.silence)...)
		}
	}
	if err := o.failed(read); err != nil {
		return err
	}
	return o.print(p, read, found) //nolint:contextcheck // the printer has it
}

// channelsOf is what was read of an instance.
type channelsOf struct {
	in   fleet.Instance
	tree *fleet.ChannelTree
	err  error
}

func (o *channelzOptions) reader(ctx context.Context) (fleet.ChannelReader, error) {
	cc, err := o.f.Context()
	if err != nil {
		return nil, err
	}
	p := ProbeOptions{Timeout: o.maxTime}
	if p.RPC, err = o.conn.options(&cc); err != nil {
		return nil, err
	}
	headers, err := o.conn.headerSet(ctx, &cc, o.f.Getenv)
	if err != nil {
		return nil, err
	}
	p.Headers = headers.reflect
	return o.f.Channels(p)
}

// instances finds what is to be read: the address, or the instances of a service.
func (o *channelzOptions) instances(ctx context.Context, given []string) ([]fleet.Instance, error) {
	name := o.f.Global.Addr
	if len(given) > 0 {
		name = given[0]
		if o.conn.unix && !strings.HasPrefix(name, "unix:") {
			name = "unix:" + name
		}
	}
	if strings.HasPrefix(name, "unix:") {
		return []fleet.Instance{{ID: name, Addr: name}}, nil
	}
	if err := checkExplained(name); err != nil {
		return nil, err
	}
	if _, _, err := net.SplitHostPort(name); err == nil {
		return []fleet.Instance{{ID: name, Addr: name}}, nil
	}
	list, err := listInstances(ctx, o.f, name)
	if err == nil && len(list.Instances) == 0 {
		err = &fleet.Error{What: name + " has no instances", Hint: "an address has a port: HOST:PORT"}
	}
	return list.Instances, err
}

// failed tells which instances could not be read; an error if none could.
func (o *channelzOptions) failed(read []channelsOf) error {
	if !slices.ContainsFunc(read, func(r channelsOf) bool { return r.err == nil }) {
		e, ok := read[0].err.(*fleet.Error) //nolint:errorlint // it may be inside of one that says more
		if len(read) == 1 || !ok {
			return read[0].err
		}
		return &fleet.Error{What: "of no instance channelz could be read", Err: read[0].err, Hint: e.Hint}
	}
	for _, r := range read {
		if r.err != nil {
			o.f.Notef("warning: %s: %s", r.in.ID, inShort(r.err))
		}
	}
	return nil
}
