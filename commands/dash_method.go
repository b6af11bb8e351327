package commands

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"google.golang.org/protobuf/proto"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/reflection"
	"github.com/gctl-dev/gctl/rpc"
	"github.com/gctl-dev/gctl/tui/screen"
)

// contextConn is how the context says that instances are reached.
func contextConn() *connFlags {
	c := &connFlags{}
	c.registerRPC(pflag.NewFlagSet("", pflag.ContinueOnError))
	return c
}

// serviceMethods lists the methods of a service, those of gRPC itself last.
func serviceMethods(ctx context.Context, f *Factory, service string) ([]reflection.MethodName, error) {
	t, err := contextConn().target(ctx, f, &schemaFlags{}, "")
	if err != nil {
		return nil, err
	}
	defer t.close()
	locator, err := t.newLocator()
	if err != nil {
		return nil, err
	}
	schema, _, err := locator.Service(ctx, service)
	if err != nil {
		return nil, err
	}
	methods := schema.Methods()
	slices.SortStableFunc(methods, func(a, b reflection.MethodName) int {
		return boolRank(plumbing(a.Service)) - boolRank(plumbing(b.Service))
	})
	return methods, nil
}

func plumbing(service string) bool {
	return strings.HasPrefix(service, "grpc.") || strings.HasPrefix(service, "gctl.control.")
}

func boolRank(b bool) int {
	if b {
		return 1
	}
	return 0
}

// openMethod finds a method and who has it, as gctl call does. Each call of it goes
// over a connection of its own.
func openMethod(ctx context.Context, f *Factory, name, service string) (*screen.Method, error) {
	o := &callOptions{f: f, method: name, format: "json"}
	o.conn.registerRPC(pflag.NewFlagSet("", pflag.ContinueOnError))
	t, err := o.conn.target(ctx, f, &schemaFlags{service: service}, "")
	if err != nil {
		return nil, err
	}
	defer t.close()
	c := &call{f: f, callOptions: o, target: t}
	if err := c.locate(ctx, name); err != nil {
		return nil, err
	}
	instances, err := c.choose(ctx, "", true)
	if err != nil {
		return nil, err
	}
	if err := c.refreshAfterDeployment(ctx, instances); err != nil {
		return nil, err
	}
	return &screen.Method{
		Service: c.located.Service, Desc: c.located.Method, Types: c.located.Schema.Types(),
		Lacks: c.located.Schema.MissingTypes(c.located.Method), Instances: instances, ReadOnly: c.mayCall(),
		Call: func(ctx context.Context, instance string, inv *rpc.Invocation) (*rpc.Result, error) {
			again, err := c.again(ctx, instance)
			if err != nil {
				return nil, err
			}
			defer again.close()
			inv.Method, inv.Headers = again.located.Method, again.headers.rpc
			result, err := again.called.Call(ctx, inv)
			return result, again.explainConnect(err)
		},
		Grpcurl: func(ctx context.Context, instance string, requests []proto.Message) (string, error) {
			again, err := c.again(ctx, instance)
			if err != nil {
				return "", err
			}
			defer again.close()
			in := again.chosen[0]
			return strings.Join(again.grpcurl(ctx, in, &source{all: requests}), " "), nil
		},
	}, nil
}

// anotherCall is a call of the same method over a connection of its own.
type anotherCall struct {
	*call

	chosen []fleet.Instance
}

func (c *call) again(ctx context.Context, instance string) (*anotherCall, error) {
	t, err := c.conn.target(ctx, c.f, &schemaFlags{service: c.located.Service}, "")
	if err != nil {
		return nil, err
	}
	t.located, t.locator = c.located, c.locator
	next := &anotherCall{call: &call{f: c.f, callOptions: c.callOptions, target: t}}
	if next.chosen, err = next.choose(ctx, instance, false); err == nil {
		err = next.connect(next.chosen)
	}
	if err != nil {
		t.close()
		return nil, err
	}
	return next, nil
}
