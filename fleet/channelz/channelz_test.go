package channelz_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	channelzpb "google.golang.org/grpc/channelz/grpc_channelz_v1"
	"google.golang.org/grpc/channelz/service"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/channelz"
	"github.com/gctl-dev/gctl/fleet/fleettest"
	"github.com/gctl-dev/gctl/internal/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newReader(t *testing.T, o channelz.Options) *channelz.Reader {
	t.Helper()
	r, err := channelz.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// own is this process, which serves channelz.
func own(t *testing.T) fleet.Instance {
	t.Helper()
	_, addr := testkit.Server{Register: func(s *grpc.Server) { service.RegisterChannelzServiceToServer(s) }}.Start(t)
	return fleet.Instance{ID: "own", Service: "own", Addr: addr}
}

func dial(t *testing.T, addr string) testpb.TestServiceClient {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return testpb.NewTestServiceClient(conn)
}

func TestConformance(t *testing.T) {
	fleettest.Channels(t, func(t *testing.T) fleettest.ChannelWorld {
		_, backend := testkit.Server{}.Start(t)
		client := dial(t, backend)
		return fleettest.ChannelWorld{
			Reader:   newReader(t, channelz.Options{}),
			Instance: own(t),
			Backend:  backend,
			Call: func(well, failing int) {
				for range well {
					if _, err := client.EmptyCall(t.Context(), &testpb.Empty{}); err != nil {
						t.Fatal(err)
					}
				}
				for range failing {
					if _, err := client.UnimplementedCall(t.Context(), &testpb.Empty{}); status.Code(err) != codes.Unimplemented {
						t.Fatal(err)
					}
				}
			},
			Bare: fleet.Instance{ID: "bare", Addr: backend},
			Gone: fleet.Instance{ID: "gone", Addr: testkit.ClosedAddr(t)},
		}
	})
}

func TestTheAdminAddressIsAskedFirst(t *testing.T) {
	admin := own(t)
	_, plain := testkit.Server{}.Start(t)
	r := newReader(t, channelz.Options{})
	in := fleet.Instance{ID: "user-1", Addr: plain, Meta: map[string]string{fleet.MetaAdmin: admin.Addr}}
	if tree, err := r.Channels(t.Context(), in); err != nil || tree.Address != admin.Addr {
		t.Errorf("%s, %v", tree.Address, err)
	}
	in = fleet.Instance{ID: "user-1", Addr: admin.Addr, Meta: map[string]string{fleet.MetaAdmin: testkit.ClosedAddr(t)}}
	if tree, err := r.Channels(t.Context(), in); err != nil || tree.Address != admin.Addr {
		t.Errorf("an admin address where nobody is: %s, %v", tree.Address, err)
	}
	in = fleet.Instance{ID: "user-1", Addr: plain, Meta: map[string]string{fleet.MetaAdmin: testkit.ClosedAddr(t)}}
	if _, err := r.Channels(t.Context(), in); err == nil || !strings.Contains(err.Error(), in.Meta[fleet.MetaAdmin]) {
		t.Errorf("neither: %v", err)
	}
}

func TestWhatIsReadIsLimited(t *testing.T) {
	_, backend := testkit.Server{}.Start(t)
	for range 5 {
		if _, err := dial(t, backend).EmptyCall(t.Context(), &testpb.Empty{}); err != nil {
			t.Fatal(err)
		}
	}
	r := newReader(t, channelz.Options{Limits: channelz.Limits{Channels: 3, Subchannels: 2, Servers: 1, Sockets: 1}})
	tree, err := r.Channels(t.Context(), own(t))
	if err != nil || tree.Unread == 0 || len(tree.Channels) != 3 || len(tree.Servers) != 1 {
		t.Errorf("%+v, %v", tree, err)
	}
	subchannels, sockets := 0, len(tree.Servers[0].Sockets)
	for _, c := range tree.Channels {
		subchannels += len(c.Subchannels)
		for _, s := range c.Subchannels {
			sockets += len(s.Sockets)
		}
	}
	if subchannels > 2 || sockets > 1 {
		t.Errorf("%d subchannels, %d sockets", subchannels, sockets)
	}
}

func TestAllPagesAreRead(t *testing.T) {
	_, backend := testkit.Server{}.Start(t)
	const connections = 120 // grpc-go's pages have 50
	for range connections {
		if _, err := dial(t, backend).EmptyCall(t.Context(), &testpb.Empty{}); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := newReader(t, channelz.Options{}).Channels(t.Context(), own(t))
	if err != nil {
		t.Fatal(err)
	}
	clients, servers := 0, 0
	for _, c := range tree.Channels {
		for _, s := range c.Subchannels {
			if s.Target == backend && len(s.Sockets) == 1 {
				clients++
			}
		}
	}
	for _, s := range tree.Servers {
		for _, c := range s.Sockets {
			if c.Local == backend {
				servers++
			}
		}
	}
	if clients != connections || servers != connections || tree.Unread != 0 {
		t.Errorf("%d and %d of %d connections, %d unread", clients, servers, connections, tree.Unread)
	}
}

// liar is a channelz service that has endless pages, circles, names without end,
// and nothing behind most of its numbers.
type liar struct {
	channelzpb.UnimplementedChannelzServer
}

func (liar) GetTopChannels(_ context.Context, r *channelzpb.GetTopChannelsRequest) (*channelzpb.GetTopChannelsResponse, error) {
	answer := &channelzpb.GetTopChannelsResponse{}
	for i := range int64(40) {
		answer.Channel = append(answer.Channel, lyingChannel(r.GetStartChannelId()+i))
	}
	return answer, nil
}

func lyingChannel(id int64) *channelzpb.Channel {
	return &channelzpb.Channel{
		Ref: &channelzpb.ChannelRef{ChannelId: id},
		Data: &channelzpb.ChannelData{
			Target: strings.Repeat("x", 5000) + "\x1b[2J", CallsStarted: -5, CallsFailed: 10,
			LastCallStartedTimestamp: &timestamppb.Timestamp{Seconds: -1, Nanos: -7},
			Trace:                    &channelzpb.ChannelTrace{Events: []*channelzpb.ChannelTraceEvent{nil, {Severity: 99}}},
		},
		ChannelRef:    []*channelzpb.ChannelRef{{ChannelId: id}, {ChannelId: 0}, nil},
		SubchannelRef: []*channelzpb.SubchannelRef{nil, {SubchannelId: 1}},
	}
}

func (liar) GetChannel(_ context.Context, r *channelzpb.GetChannelRequest) (*channelzpb.GetChannelResponse, error) {
	return &channelzpb.GetChannelResponse{Channel: lyingChannel(r.GetChannelId())}, nil
}

func (liar) GetSubchannel(_ context.Context, r *channelzpb.GetSubchannelRequest) (*channelzpb.GetSubchannelResponse, error) {
	if r.GetSubchannelId() == 0 {
		return nil, status.Error(codes.NotFound, "gone")
	}
	return &channelzpb.GetSubchannelResponse{Subchannel: &channelzpb.Subchannel{
		SocketRef: []*channelzpb.SocketRef{{SocketId: 1}, {SocketId: 2}},
	}}, nil
}

func (liar) GetServers(context.Context, *channelzpb.GetServersRequest) (*channelzpb.GetServersResponse, error) {
	return &channelzpb.GetServersResponse{Server: []*channelzpb.Server{{}, nil}}, nil
}

func (liar) GetServerSockets(_ context.Context, r *channelzpb.GetServerSocketsRequest) (*channelzpb.GetServerSocketsResponse, error) {
	return &channelzpb.GetServerSocketsResponse{SocketRef: []*channelzpb.SocketRef{{SocketId: r.GetStartSocketId()}}}, nil
}

func (liar) GetSocket(_ context.Context, r *channelzpb.GetSocketRequest) (*channelzpb.GetSocketResponse, error) {
	if r.GetSocketId() == 2 {
		return &channelzpb.GetSocketResponse{}, nil
	}
	return &channelzpb.GetSocketResponse{Socket: &channelzpb.Socket{
		Local:  &channelzpb.Address{Address: &channelzpb.Address_TcpipAddress{TcpipAddress: &channelzpb.Address_TcpIpAddress{IpAddress: []byte{1, 2, 3}}}},
		Remote: &channelzpb.Address{Address: &channelzpb.Address_OtherAddress_{OtherAddress: &channelzpb.Address_OtherAddress{Name: "pipe"}}},
	}}, nil
}

func TestALiarIsReadWithinLimits(t *testing.T) {
	_, addr := testkit.Server{Register: func(s *grpc.Server) { channelzpb.RegisterChannelzServer(s, liar{}) }}.Start(t)
	tree, err := newReader(t, channelz.Options{}).Channels(t.Context(), fleet.Instance{ID: "liar", Addr: addr})
	if err != nil {
		t.Fatal(err)
	}
	if len(tree.Channels) != 200 || tree.Unread == 0 {
		t.Errorf("%d channels, %d unread", len(tree.Channels), tree.Unread)
	}
	c := tree.Channels[0]
	if len(c.Target) > 2100 || c.Calls.Open() != 0 || !c.Calls.Last.IsZero() || c.State != fleet.ChannelUnknown {
		t.Errorf("%+v", c)
	}
}

func TestAnInstanceThatHangsEndsInTime(t *testing.T) {
	in := fleet.Instance{ID: "mute", Addr: testkit.Listen(t).Addr().String()}
	began := time.Now()
	_, err := newReader(t, channelz.Options{Timeout: 200 * time.Millisecond}).Channels(t.Context(), in)
	if err == nil || time.Since(began) > 5*time.Second {
		t.Errorf("%v after %s", err, time.Since(began))
	}
	var e *fleet.Error
	if !errors.As(err, &e) {
		t.Errorf("%v is no error for people", err)
	}
}

// What is meant for the services is not sent to the control APIs, and the other
// way round.
func TestEachAddressGetsItsOwnCredentials(t *testing.T) {
	var mu sync.Mutex // sockets are asked side by side
	server := func(got *metadata.MD) string {
		listener := testkit.Listen(t)
		s := grpc.NewServer(grpc.UnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			mu.Lock()
			*got, _ = metadata.FromIncomingContext(ctx)
			mu.Unlock()
			return next(ctx, req)
		}))
		service.RegisterChannelzServiceToServer(s)
		done := make(chan error, 1)
		go func() { done <- s.Serve(listener) }()
		t.Cleanup(func() { s.Stop(); <-done })
		return listener.Addr().String()
	}
	with := func(token string) channelz.Way {
		return channelz.Way{Headers: func(context.Context) (metadata.MD, error) { return metadata.Pairs("authorization", token), nil }}
	}
	var atService, atAdmin metadata.MD
	addr, admin := server(&atService), server(&atAdmin)
	r := newReader(t, channelz.Options{Service: with("of the service"), Admin: with("of the operator")})
	_, port, _ := strings.Cut(admin, ":")
	for _, in := range []fleet.Instance{
		{ID: "a", Addr: addr},
		{ID: "b", Addr: addr, Meta: map[string]string{fleet.MetaAdmin: "0.0.0.0:" + port}},
	} {
		if tree, err := r.Channels(t.Context(), in); err != nil || tree.Address != in.AtAdmin().Addr {
			t.Fatal(tree.Address, err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if got := atService.Get("authorization"); len(got) != 1 || got[0] != "of the service" {
		t.Errorf("the service got %q", got)
	}
	if got := atAdmin.Get("authorization"); len(got) != 1 || got[0] != "of the operator" {
		t.Errorf("the control API got %q", got)
	}
}
