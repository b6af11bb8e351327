package control

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	controlv1 "github.com/gctl-dev/gctl/api/gctl/control/v1"
	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/backend"
	"github.com/gctl-dev/gctl/rpc"
)

// rpcTimeout bounds one unary RPC.
const rpcTimeout = 10 * time.Second

// controller implements fleet.Controller over one connection.
type controller struct {
	controlv1.ControlServiceClient

	conn     *rpc.Conn
	instance fleet.Instance
	at       string // the address of the control API
	headers  *backend.Credentials[metadata.MD]
	now      func() time.Time

	askEvery, patience time.Duration // while it is watched
}

// Close implements fleet.Controller.
func (c *controller) Close() error { return c.conn.Close() }

func (c *controller) provenance(method string) fleet.Provenance {
	return fleet.Provenance{Source: "control " + c.at, Query: controlv1.ControlService_ServiceDesc.ServiceName + "/" + method, At: c.now()}
}

// ready waits for the connection and adds the headers.
func (c *controller) ready(ctx context.Context) (context.Context, error) {
	if err := c.conn.Ready(ctx); err != nil {
		return ctx, err
	}
	headers, err := c.headers.Get(ctx)
	if err != nil {
		return ctx, err
	}
	if len(headers) > 0 {
		ctx = metadata.NewOutgoingContext(ctx, headers)
	}
	return ctx, nil
}

// unary makes one RPC within its time. What says what it is for.
func unary[T any](ctx context.Context, c *controller, what string, call func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, rpcTimeout)
	defer cancel()
	var none T
	sent, err := c.ready(ctx)
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			err = c.explain(ctx, what, status.FromContextError(err).Err())
		}
		return none, err
	}
	response, err := call(sent)
	if err != nil {
		return none, c.explain(ctx, what, err)
	}
	return response, nil
}

// Breakers implements fleet.Controller.
func (c *controller) Breakers(ctx context.Context, target string) ([]fleet.Breaker, error) {
	response, err := unary(ctx, c, "list the breakers", func(ctx context.Context) (*controlv1.ListBreakersResponse, error) {
		return c.ListBreakers(ctx, &controlv1.ListBreakersRequest{Target: target})
	})
	if err != nil {
		return nil, err
	}
	return c.breakers(response.GetBreakers(), "ListBreakers"), nil
}

// Limits implements fleet.Controller.
func (c *controller) Limits(ctx context.Context) ([]fleet.Limit, error) {
	response, err := unary(ctx, c, "list the limits", func(ctx context.Context) (*controlv1.ListLimitsResponse, error) {
		return c.ListLimits(ctx, &controlv1.ListLimitsRequest{})
	})
	if err != nil {
		return nil, err
	}
	list := make([]fleet.Limit, 0, len(response.GetLimits()))
	for _, l := range response.GetLimits() {
		list = append(list, c.limit(l))
	}
	return list, nil
}

// Level implements fleet.Controller. The API tells it in answer to a change that
// is only checked.
func (c *controller) Level(ctx context.Context) (fleet.LogLevel, error) {
	response, err := unary(ctx, c, "read the log level", func(ctx context.Context) (*controlv1.SetLogLevelResponse, error) {
		return c.SetLogLevel(ctx, &controlv1.SetLogLevelRequest{Mutation: &controlv1.Mutation{Reason: "gctl reads it", ValidateOnly: true}})
	})
	return levelFrom(response.GetLevel()), err
}

// Changes implements fleet.Controller.
func (c *controller) Changes(ctx context.Context) (fleet.ChangeList, error) {
	response, err := unary(ctx, c, "list what is changed", func(ctx context.Context) (*controlv1.ListChangesResponse, error) {
		return c.ListChanges(ctx, &controlv1.ListChangesRequest{})
	})
	if err != nil {
		return fleet.ChangeList{}, err
	}
	list := fleet.ChangeList{Provenance: c.provenance("ListChanges")}
	for _, change := range response.GetChanges() {
		list.Changes = append(list.Changes, changeFrom(change))
	}
	return list, nil
}

// changed is a response to a change.
type changed interface{ GetChange() *controlv1.Change }

// Apply implements fleet.Controller.
func (c *controller) Apply(ctx context.Context, w fleet.Wish) (fleet.Change, error) {
	call, err := c.request(w)
	if err != nil {
		return fleet.Change{}, err
	}
	what := "change " + w.Resource
	if w.Release {
		what = "release " + w.Resource
	}
	response, err := unary(ctx, c, what, call)
	if err != nil {
		return fleet.Change{}, err
	}
	return changeFrom(response.GetChange()), nil
}

func mutation(m fleet.Mutation) *controlv1.Mutation {
	out := &controlv1.Mutation{Reason: m.Reason, Etag: m.ETag, ValidateOnly: m.ValidateOnly}
	if m.TTL > 0 {
		out.Ttl = durationpb.New(m.TTL)
	}
	return out
}
