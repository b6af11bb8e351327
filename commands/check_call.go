package commands

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/term"
	"github.com/gctl-dev/gctl/ops/check"
	"github.com/gctl-dev/gctl/ops/health"
	"github.com/gctl-dev/gctl/rpc"
	"github.com/gctl-dev/gctl/rpc/message"
)

// health returns what asks instances for their health, nil if the flags do not
// allow it.
func (o *checkOptions) health(ctx context.Context) func(context.Context, []fleet.Instance, string) []fleet.Health {
	asking := &healthOptions{f: o.f, conn: o.conn, unimplemented: "unhealthy"}
	if err := asking.prepare(ctx); err != nil {
		return func(_ context.Context, instances []fleet.Instance, name string) []fleet.Health {
			return health.Unasked(instances, name, err)
		}
	}
	return func(ctx context.Context, instances []fleet.Instance, name string) []fleet.Health {
		return health.Ask(ctx, asking.prober, instances, health.Questions{Names: []string{name}})
	}
}

// call makes the call of a check. That nobody can be reached is an answer:
// UNAVAILABLE, as a client of the service would see it.
func (a *asking) call(ctx context.Context, about *check.Subject) (check.Reply, error) {
	reply, _, err := a.invoke(ctx, about, false)
	return reply, err
}

// trace makes the call of a check and waits for its trace.
func (a *asking) trace(ctx context.Context, about *check.Subject) (check.Reply, fleet.Trace, error) {
	return a.invoke(ctx, about, true)
}

func (a *asking) invoke(ctx context.Context, about *check.Subject, traced bool) (check.Reply, fleet.Trace, error) {
	options := &callOptions{
		f: a.f, conn: a.conn, schema: a.schema, method: about.Method, format: string(message.JSON), instance: about.Instance, trace: traced,
	}
	options.schema.service = about.Service
	reply := check.Reply{Command: callCommand(about)}
	t, err := options.conn.target(ctx, a.f, &options.schema, "")
	if err != nil {
		return reply, fleet.Trace{}, err
	}
	defer t.close()
	for name, value := range about.Headers {
		key, decoded, err := ParseHeader(name + ": " + value)
		if err != nil {
			return reply, fleet.Trace{}, err
		}
		t.headers.rpc.Set(key, decoded)
	}
	c := &call{f: a.f, callOptions: options, target: t}
	begun, err := c.reply(ctx, about, &reply)
	if err != nil || !traced || begun == nil {
		return reply, fleet.Trace{}, err
	}
	found, _, err := c.fetch(ctx, begun)
	if err == nil && len(found.Spans) == 0 {
		err = &fleet.Error{What: "no span of trace " + begun.id + " came", Hint: "does the service send its traces there? (userd: --otlp)"}
	}
	return reply, found, err
}

// reply makes the call and notes how it was answered. It returns the trace that the
// call began, nil where nobody could be reached.
func (c *call) reply(ctx context.Context, about *check.Subject, reply *check.Reply) (*callTrace, error) {
	var begun *callTrace
	var result *rpc.Result
	err := c.locate(ctx, c.method)
	if err == nil {
		err = c.mayCall()
	}
	if err == nil {
		begun, err = c.traceparent()
	}
	if err == nil {
		result, reply.Messages, err = c.collect(ctx, string(about.Data))
	}
	var unreached *rpc.ConnectError
	switch {
	case errors.As(err, &unreached), errors.Is(err, errNoInstance):
		reply.Code, reply.Message = "UNAVAILABLE", err.Error()
		return nil, nil //nolint:nilnil // the reply says it
	case err != nil:
		return nil, err
	}
	begun.end(result)
	reply.Code, reply.Message = rpc.CodeName(result.Status.Code()), result.Status.Message()
	reply.Instance, reply.Latency = result.Instance.ID, result.Timing.LastByte
	return begun, nil
}

// collect calls the located method with the given requests and keeps what comes.
func (c *call) collect(ctx context.Context, data string) (*rpc.Result, []json.RawMessage, error) {
	instances, err := c.choose(ctx, c.instance, false)
	if err != nil {
		return nil, nil, err
	}
	if err := c.refreshAfterDeployment(ctx, instances); err != nil {
		return nil, nil, err
	}
	if err := c.connect(instances); err != nil {
		return nil, nil, err
	}
	var requests []proto.Message
	if data != "" {
		if requests, err = c.readWhole(ctx, strings.NewReader(data)); err != nil {
			return nil, nil, err
		}
	}
	src, err := c.fixed(requests)
	if err != nil {
		return nil, nil, err
	}
	encoder := message.Encoder{Format: message.JSON, Types: c.located.Schema.Types(), Compact: true}
	var messages []json.RawMessage
	result, err := c.called.Call(ctx, &rpc.Invocation{
		Method: c.located.Method, Headers: c.headers.rpc, MaxTime: c.limit(), Next: src.next,
		OnMessage: func(m proto.Message) error {
			if len(messages) == maxCollected {
				return &fleet.Error{What: "the stream has more than " + plural(maxCollected, "response"), Hint: "a check is for calls that end"}
			}
			raw, err := encoder.Encode(m)
			messages = append(messages, append(json.RawMessage(nil), raw...))
			return err
		},
	})
	return result, messages, err
}

// maxCollected bounds the responses that a check keeps.
const maxCollected = 10_000

// callCommand is the command that makes the same call. Headers may be secret
// and are left out.
func callCommand(about *check.Subject) string {
	words := []string{"gctl call", about.Method}
	if data := strings.TrimSpace(string(about.Data)); data != "" {
		words = append(words, "-d", term.Quote(data))
	}
	if about.Service != "" {
		words = append(words, "--service", about.Service)
	}
	if about.Instance != "" {
		words = append(words, "--instance", about.Instance)
	}
	return strings.Join(words, " ")
}
