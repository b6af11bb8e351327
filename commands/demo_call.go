package commands

import (
	"context"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/demo"
	"github.com/gctl-dev/gctl/reflection"
	"github.com/gctl-dev/gctl/rpc"
	"github.com/gctl-dev/gctl/rpc/message"
)

// demoCalls calls the user service the way gctl call does: by what the server
// says of itself.
type demoCalls struct {
	conn   *rpc.Conn
	schema *reflection.Schema
}

func newDemoCalls(ctx context.Context, world *demo.World) (*demoCalls, error) {
	conn, err := rpc.Dial(world.Instances, rpc.Options{})
	if err != nil {
		return nil, err
	}
	schema, err := reflection.FromServer(ctx, conn, reflection.ServerOptions{})
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &demoCalls{conn, schema}, nil
}

// answer is the one response of a call.
type answer struct {
	message  proto.Message
	instance string
	took     time.Duration
}

func (d *demoCalls) call(ctx context.Context, method, requests string) (*answer, error) {
	md, err := d.schema.FindMethod(method, "")
	if err != nil {
		return nil, err
	}
	decoder := message.NewDecoder(strings.NewReader(requests), message.JSON, md.Input(), d.schema.Types())
	a := &answer{}
	result, err := d.conn.Call(ctx, &rpc.Invocation{
		Method: md, MaxTime: 10 * time.Second, Next: decoder.Next,
		OnMessage: func(m proto.Message) error { a.message = m; return nil },
	})
	if err != nil {
		return nil, err
	}
	if err := result.Status.Err(); err != nil {
		return nil, &fleet.Error{What: "call " + method, Instance: result.Instance.ID, Err: err}
	}
	a.instance, a.took = result.Instance.ID, result.Timing.LastByte
	return a, nil
}

// field returns a field of the response as text.
func (a *answer) field(name string) string {
	m := a.message.ProtoReflect()
	fd := m.Descriptor().Fields().ByTextName(name)
	if fd == nil {
		return protojson.Format(a.message)
	}
	return m.Get(fd).String()
}
