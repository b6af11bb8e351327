package invoke_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/jhump/protoreflect/desc"            //nolint:staticcheck // what the parser gives
	"github.com/jhump/protoreflect/desc/protoparse" //nolint:staticcheck // as the reflection package does
	"go.uber.org/goleak"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/reflection"
	"github.com/gctl-dev/gctl/rpc"
	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/screen/invoke"
	"github.com/gctl-dev/gctl/tui/screen/screentest"
	"github.com/gctl-dev/gctl/tui/widget"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const shop = `
syntax = "proto3";
package shop.v1;
import "google/protobuf/duration.proto";
service Shop {
  rpc Get(Order) returns (Order);
  rpc Watch(Order) returns (stream Order);
  rpc Put(stream Order) returns (Order);
  rpc Chat(stream Order) returns (stream Order);
}
// What somebody wants.
message Order {
  // Number of the order.
  string id = 1;
  string password = 2;
  repeated string tags = 3;
  map<string, string> labels = 4;
  Kind kind = 5;
  oneof pay { string card = 6; string iban = 7; }
  Item item = 8;
  bool gift = 9;
  int32 count = 10;
  google.protobuf.Duration within = 11;
  bytes token = 12;
}
message Item { string name = 1; string api_key = 2; }
enum Kind { KIND_UNSPECIFIED = 0; KIND_FAST = 1; KIND_SLOW = 2; }
`

var schema = sync.OnceValues(func() (protoreflect.ServiceDescriptor, error) {
	p := protoparse.Parser{Accessor: protoparse.FileContentsFromMap(map[string]string{"shop.proto": shop}), IncludeSourceCodeInfo: true}
	compiled, err := p.ParseFiles("shop.proto")
	if err != nil {
		return nil, err
	}
	files, err := protodesc.NewFiles(desc.ToFileDescriptorSet(compiled...))
	if err != nil {
		return nil, err
	}
	d, err := files.FindDescriptorByName("shop.v1.Shop")
	if err != nil {
		return nil, err
	}
	return d.(protoreflect.ServiceDescriptor), nil
})

func methodOf(t testing.TB, name string) protoreflect.MethodDescriptor {
	t.Helper()
	sd, err := schema()
	if err != nil {
		t.Fatal(err)
	}
	return sd.Methods().ByName(protoreflect.Name(name))
}

// order is a message of the shop.
type order struct{ *dynamicpb.Message }

func (o order) text(field string) string {
	return o.Get(o.Descriptor().Fields().ByName(protoreflect.Name(field))).String()
}

func (o order) number(field string) int64 {
	return o.Get(o.Descriptor().Fields().ByName(protoreflect.Name(field))).Int()
}

func (o order) yes(field string) bool {
	return o.Get(o.Descriptor().Fields().ByName(protoreflect.Name(field))).Bool()
}

func (o order) set(field string, v any) order {
	o.Set(o.Descriptor().Fields().ByName(protoreflect.Name(field)), protoreflect.ValueOf(v))
	return o
}

// serve runs a shop and returns where it is.
func serve(t testing.TB) fleet.Instance {
	t.Helper()
	md := methodOf(t, "Get").Input()
	fresh := func() order { return order{dynamicpb.NewMessage(md)} }
	server := grpc.NewServer(grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		name, _ := grpc.Method(stream.Context())
		stream.SetTrailer(metadata.Pairs("x-cost", "7"))
		if err := stream.SendHeader(metadata.Pairs("x-served-by", "shop", "x-raw-bin", "\x01\x02")); err != nil {
			return err
		}
		switch name[strings.LastIndex(name, "/")+1:] {
		case "Get":
			return get(stream, fresh())
		case "Watch":
			return watch(stream, fresh)
		case "Put":
			return put(stream, fresh)
		default:
			return chat(stream, fresh)
		}
	}))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	t.Cleanup(func() { server.Stop(); <-done })
	return fleet.Instance{ID: "shop-1", Service: "shop", Addr: listener.Addr().String()}
}

func get(stream grpc.ServerStream, in order) error {
	if err := stream.RecvMsg(in.Message); err != nil {
		return err
	}
	switch in.text("id") {
	case "missing":
		s, _ := status.New(codes.NotFound, "no such order").WithDetails(&errdetails.ErrorInfo{Reason: "GONE", Domain: "shop.v1"})
		return s.Err()
	case "slow":
		<-stream.Context().Done()
		return stream.Context().Err()
	}
	return stream.SendMsg(in.Message)
}

func watch(stream grpc.ServerStream, fresh func() order) error {
	in := fresh()
	if err := stream.RecvMsg(in.Message); err != nil {
		return err
	}
	for i := range in.number("count") {
		if err := stream.SendMsg(fresh().set("count", int32(i+1)).Message); err != nil {
			return err
		}
	}
	if in.yes("gift") {
		<-stream.Context().Done()
	}
	return nil
}

func put(stream grpc.ServerStream, fresh func() order) error {
	n := int32(0)
	for {
		in := fresh()
		err := stream.RecvMsg(in.Message)
		switch {
		case errors.Is(err, io.EOF), err == nil && in.text("id") == "enough":
			return stream.SendMsg(fresh().set("count", n).Message)
		case err != nil:
			return err
		}
		n++
	}
}

func chat(stream grpc.ServerStream, fresh func() order) error {
	for {
		in := fresh()
		err := stream.RecvMsg(in.Message)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.SendMsg(in.Message); err != nil {
			return err
		}
	}
}

// method is a method of the shop, called as gctl calls it.
func method(t testing.TB, name string, in fleet.Instance) *screen.Method {
	t.Helper()
	md := methodOf(t, name)
	plain := true
	return &screen.Method{
		Service: "shop", Desc: md, Types: dynamicpb.NewTypes(protoregistry.GlobalFiles), Instances: []fleet.Instance{in},
		Call: func(ctx context.Context, _ string, inv *rpc.Invocation) (*rpc.Result, error) {
			conn, err := rpc.Dial([]fleet.Instance{in}, rpc.Options{Plaintext: &plain, ConnectTimeout: 5 * time.Second})
			if err != nil {
				return nil, err
			}
			defer conn.Close()
			return conn.Call(ctx, inv)
		},
		Grpcurl: func(_ context.Context, _ string, requests []proto.Message) (string, error) {
			return "grpcurl -plaintext " + in.Addr + " with " + string(requests[0].ProtoReflect().Descriptor().FullName()), nil
		},
	}
}

// calls is a history in memory.
type calls struct {
	mu    sync.Mutex
	lines [][]byte
}

func (c *calls) Append(v any) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	line, err := json.Marshal(v)
	c.lines = append(c.lines, line)
	return err
}

func (c *calls) Each(use func(line []byte)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, line := range c.lines {
		use(line)
	}
	return nil
}

func (c *calls) text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var b strings.Builder
	for _, line := range c.lines {
		b.Write(line)
		b.WriteByte('\n')
	}
	return b.String()
}

// desk is a screen with a loop that runs its commands, as the dashboard does.
type desk struct {
	t     testing.TB
	s     *invoke.Screen
	look  *screen.Look
	jobs  *screen.Jobs
	calls *calls
	msgs  chan tea.Msg
	said  []tea.Msg
	ends  context.CancelFunc
	group sync.WaitGroup
}

// sit opens a screen of the shop.
func sit(t testing.TB, subject string, change ...func(*desk)) *desk {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	snap := screentest.Snapshot(t, fleet.Delta{})
	d := &desk{
		t: t, look: screentest.Look(t, snap), jobs: &screen.Jobs{Parent: ctx, Owner: 1}, calls: &calls{}, ends: cancel,
		msgs: make(chan tea.Msg, 100),
	}
	d.look.Height, d.look.Clock = 36, screentest.Now()
	in := serve(t)
	d.look.Env.Methods = func(context.Context, string) ([]reflection.MethodName, error) {
		return []reflection.MethodName{{Service: "shop.v1.Shop", Method: "Get"}, {Service: "shop.v1.Shop", Method: "Watch"}}, nil
	}
	d.look.Env.Method = func(_ context.Context, name, service string) (*screen.Method, error) {
		if service == "nowhere" {
			return nil, &fleet.Error{What: "no instance of nowhere", Hint: "start one"}
		}
		return method(t, name[strings.LastIndex(name, "/")+1:], in), nil
	}
	d.look.Env.Calls = func() (screen.Calls, error) { return d.calls, nil }
	for _, do := range change {
		do(d)
	}
	d.s = invoke.New(d.jobs, subject)
	t.Cleanup(func() {
		d.jobs.Close()
		d.ends()
		d.group.Wait()
	})
	d.hear(screen.Shown{})
	return d
}

// hear gives the screen a message.
func (d *desk) hear(msg tea.Msg) { d.run(d.s.Update(msg, d.look)) }

func (d *desk) run(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	d.group.Go(func() {
		switch msg := cmd().(type) {
		case nil:
		default:
			d.msgs <- msg
		}
	})
}

// until runs the loop until something is so.
func (d *desk) until(so func() bool) {
	d.t.Helper()
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	for !so() {
		select {
		case msg := <-d.msgs:
			d.take(msg)
		case <-deadline.C:
			d.t.Fatalf("it did not come to that; said: %v\n%s", d.said, d.shown())
		}
	}
}

// take hears what a command has come to.
func (d *desk) take(msg tea.Msg) {
	switch msg := msg.(type) {
	case tea.BatchMsg:
		for _, cmd := range msg {
			d.run(cmd)
		}
	case screen.Answer:
		d.hear(msg)
	default:
		d.said = append(d.said, msg)
	}
}

// sees waits until the screen shows all of the texts.
func (d *desk) sees(texts ...string) {
	d.t.Helper()
	for _, text := range texts {
		d.until(func() bool { return strings.Contains(d.shown(), text) })
	}
}

// lacks fails where the screen shows a text.
func (d *desk) lacks(texts ...string) {
	d.t.Helper()
	for _, text := range texts {
		if shown := d.shown(); strings.Contains(shown, text) {
			d.t.Errorf("the screen shows %q:\n%s", text, shown)
		}
	}
}

func (d *desk) shown() string { return screentest.Plain(d.t, d.s, d.look) }

func (d *desk) status() string {
	l := &widget.Line{}
	d.s.Status(d.look, l)
	return ansi.Strip(l.String())
}

func (d *desk) act(actions ...key.Action) {
	for _, a := range actions {
		d.hear(screen.Act{Action: a})
	}
}

// types presses the keys of a text, or one that has a name.
func (d *desk) types(texts ...string) {
	d.t.Helper()
	named := map[string]tea.KeyPressMsg{
		"enter": {Code: tea.KeyEnter}, "esc": {Code: tea.KeyEscape}, "tab": {Code: tea.KeyTab}, "up": {Code: tea.KeyUp}, "down": {Code: tea.KeyDown},
		"backspace": {Code: tea.KeyBackspace}, "ctrl+s": {Code: 's', Mod: tea.ModCtrl}, "end": {Code: tea.KeyEnd},
	}
	for _, text := range texts {
		if k, ok := named[text]; ok {
			d.hear(k)
			continue
		}
		for _, r := range text {
			d.hear(tea.KeyPressMsg{Code: r, Text: string(r)})
		}
	}
}

// says waits until the screen says something with that text to the dashboard.
func (d *desk) says(text string) {
	d.t.Helper()
	d.until(func() bool {
		for _, msg := range d.said {
			switch msg := msg.(type) {
			case screen.Say:
				if strings.Contains(msg.Text, text) {
					return true
				}
			case screen.Clip:
				if strings.Contains(msg.What+"\n"+msg.Text, text) {
					return true
				}
			case screen.Go:
				if strings.Contains(msg.Place.String(), text) {
					return true
				}
			}
		}
		return false
	})
}

// clip is what was copied last.
func (d *desk) clip() string {
	d.t.Helper()
	found := ""
	d.until(func() bool {
		for _, msg := range d.said {
			if c, ok := msg.(screen.Clip); ok {
				found = c.Text
			}
		}
		return found != ""
	})
	d.said = nil
	return found
}

// on puts the cursor of the form on a field.
func (d *desk) on(label string) {
	d.t.Helper()
	d.act(key.Top)
	for range 40 {
		for line := range strings.SplitSeq(d.shown(), "\n") {
			if strings.HasPrefix(line, "▌") && strings.HasPrefix(strings.TrimLeft(line, "▌ ▸▾"), label+" ") {
				return
			}
		}
		d.act(key.Down)
	}
	d.t.Fatalf("no field %s:\n%s", label, d.shown())
}

// fill types the value of a field.
func (d *desk) fill(label, value string) {
	d.t.Helper()
	d.on(label)
	d.act(key.Enter)
	d.types(value, "enter")
}

// catalog is what is known once the catalog has answered.
func catalog(t testing.TB, in fleet.Instance) *fleet.Snapshot {
	t.Helper()
	return screentest.Snapshot(t, fleet.Delta{
		Instances: []fleet.InstanceFact{{Instance: in}},
		Sources:   []fleet.SourceState{{Name: fleet.CatalogFeed, Status: fleet.SourceFresh, At: screentest.Now()}},
	})
}

// failing is what is known where the catalog does not answer.
func failing(t testing.TB) *fleet.Snapshot {
	t.Helper()
	return screentest.Snapshot(t, fleet.Delta{Sources: []fleet.SourceState{{Name: fleet.CatalogFeed, Status: fleet.SourceFailing, Err: errors.New("refused")}}})
}

type opener = func(ctx context.Context, name, service string) (*screen.Method, error)

// wrong opens methods at an instance that is not there.
func wrong(t testing.TB, in fleet.Instance) opener {
	return func(_ context.Context, name, _ string) (*screen.Method, error) {
		return method(t, name[strings.LastIndex(name, "/")+1:], in), nil
	}
}

// refusing opens methods that the context does not allow to be called.
func refusing(open opener) opener {
	return func(ctx context.Context, name, service string) (*screen.Method, error) {
		m, err := open(ctx, name, service)
		if err == nil {
			m.ReadOnly = &fleet.Error{Kind: fleet.Usage, What: "the context is read-only", Hint: "choose another"}
		}
		return m, err
	}
}
