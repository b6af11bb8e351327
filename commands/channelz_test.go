package commands

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/channelz/service"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/channelz"
	"github.com/gctl-dev/gctl/internal/testkit"
	"github.com/gctl-dev/gctl/ops/channels"
)

// channelzOf runs gctl channelz over instances and returns its JSON.
func channelzOf(t *testing.T, instances []fleet.Instance, args ...string) (doc channelzDoc, got result) {
	t.Helper()
	f, run := withCatalog(&fakeCatalog{instances: instances}, nil)
	f.Channels = func(o ProbeOptions) (fleet.ChannelReader, error) {
		return channelz.New(channelz.Options{Service: channelz.Way{RPC: o.RPC}, Admin: channelz.Way{RPC: o.RPC}, Timeout: o.Timeout})
	}
	got = run(t.Context(), append([]string{"channelz", "-o", "json"}, args...)...)
	if got.out != "" {
		if err := json.Unmarshal([]byte(got.out), &doc); err != nil {
			t.Fatalf("%v in %+v", err, got)
		}
	}
	return doc, got
}

// withChannelz serves channelz of this process.
func withChannelz(t *testing.T) fleet.Instance {
	t.Helper()
	_, addr := testkit.Server{Register: func(s *grpc.Server) { service.RegisterChannelzServiceToServer(s) }}.Start(t)
	return fleet.Instance{ID: "own", Service: "own", Addr: addr}
}

// connect opens a channel whose addresses the test decides.
func connect(t *testing.T, addrs ...string) (testpb.TestServiceClient, *grpc.ClientConn, func(addrs ...string)) {
	t.Helper()
	r := manual.NewBuilderWithScheme("test")
	state := func(addrs []string) resolver.State {
		var s resolver.State
		for _, a := range addrs {
			s.Endpoints = append(s.Endpoints, resolver.Endpoint{Addresses: []resolver.Address{{Addr: a}}})
		}
		return s
	}
	r.InitialState(state(addrs))
	conn, err := grpc.NewClient("test:///peer", grpc.WithResolvers(r), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return testpb.NewTestServiceClient(conn), conn, func(addrs ...string) { r.UpdateState(state(addrs)) }
}

// findingsAt are the kinds of findings about an address.
func findingsAt(doc channelzDoc, where string) []channels.Kind {
	var kinds []channels.Kind
	for _, f := range doc.Findings {
		if f.Where == where {
			kinds = append(kinds, f.Kind)
		}
	}
	return kinds
}

func TestChannelzFindsTheStuckConnection(t *testing.T) {
	gate := testkit.NewGate(testkit.Listen(t))
	_, addr := testkit.Server{Listener: gate}.Start(t)
	client, _, _ := connect(t, addr)
	own := withChannelz(t)
	if _, err := client.EmptyCall(t.Context(), &testpb.Empty{}); err != nil {
		t.Fatal(err)
	}
	if doc, got := channelzOf(t, nil, own.Addr, "--silence", "0.2"); got.code != 0 || len(findingsAt(doc, addr)) > 0 {
		t.Fatalf("while all is well: %+v", doc.Findings)
	}
	gate.Shut(true) // the process stands still
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := client.EmptyCall(ctx, &testpb.Empty{})
		done <- err
	}()
	deadline := time.Now().Add(20 * time.Second)
	for {
		doc, got := channelzOf(t, nil, own.Addr, "--silence", "0.2")
		if i := slices.IndexFunc(doc.Findings, func(f channelzFinding) bool { return f.Where == addr && f.Kind == channels.Stuck }); i >= 0 {
			f := doc.Findings[i]
			if f.Part != channels.PartSocket || f.Since == nil || !strings.Contains(f.Text, "while 1 call is open; no keepalive pings") {
				t.Errorf("%+v", f)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("it was never found: %+v", got)
		}
	}
	cancel()
	if err := <-done; err == nil {
		t.Error("the call was answered through a shut gate")
	}
	gate.Shut(false)
}

func TestChannelzFindsTheUnevenBalanceAndTheLastError(t *testing.T) {
	_, first := testkit.Server{}.Start(t)
	_, second := testkit.Server{}.Start(t)
	closed := testkit.ClosedAddr(t)
	client, conn, update := connect(t, first)
	for range 300 {
		if _, err := client.EmptyCall(t.Context(), &testpb.Empty{}); err != nil {
			t.Fatal(err)
		}
	}
	update(first, second, closed)
	own := withChannelz(t)
	deadline := time.Now().Add(20 * time.Second)
	for {
		doc, _ := channelzOf(t, nil, own.Addr)
		uneven := []channels.Kind{channels.Uneven}
		if slices.Equal(findingsAt(doc, first), uneven) && slices.Equal(findingsAt(doc, second), uneven) && slices.Equal(findingsAt(doc, closed), []channels.Kind{channels.Failing}) {
			i := slices.IndexFunc(doc.Findings, func(f channelzFinding) bool { return f.Where == closed })
			if !strings.Contains(doc.Findings[i].Text, "connection refused") {
				t.Errorf("%+v", doc.Findings[i])
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%+v", doc.Findings)
		}
	}
	if conn.GetState() != connectivity.Ready {
		t.Errorf("the channel is %s", conn.GetState())
	}
}

func TestChannelzOfAServiceAsksAllInstances(t *testing.T) {
	own := withChannelz(t)
	_, bare := testkit.Server{}.Start(t)
	gone := testkit.ClosedAddr(t)
	instances := []fleet.Instance{
		{ID: "a", Service: "shop", Addr: own.Addr}, {ID: "b", Service: "shop", Addr: bare, Meta: map[string]string{fleet.MetaAdmin: own.Addr}},
		{ID: "c", Service: "shop", Addr: bare}, {ID: "d", Service: "shop", Addr: gone},
		{ID: "e", Service: "bare", Addr: bare}, {ID: "f", Service: "bare", Addr: gone},
	}
	doc, got := channelzOf(t, instances, "shop")
	if got.code != 0 || len(doc.Instances) != 4 || len(doc.Instances[0].Servers) == 0 || len(doc.Instances[1].Servers) == 0 || doc.Instances[1].Address != own.Addr {
		t.Errorf("%+v, %s", doc.Instances, got.err)
	}
	for _, want := range []string{"warning: c: channelz is not served at", "warning: d: nothing listens there"} {
		if !strings.Contains(got.err, want) {
			t.Errorf("stderr lacks %q:\n%s", want, got.err)
		}
	}
	if !strings.HasPrefix(doc.Instances[2].Error, "channelz is not served") || doc.Instances[3].Error == "" {
		t.Errorf("%+v", doc.Instances)
	}
	if _, got = channelzOf(t, instances, "bare"); got.code != 1 || !strings.Contains(got.err, "of no instance channelz could be read") {
		t.Errorf("%+v", got)
	}
	if _, got = channelzOf(t, instances, "shp"); got.code != 2 || !strings.Contains(got.err, "did you mean shop?") {
		t.Errorf("%+v", got)
	}
}

// cannedReader answers what a test is about.
type cannedReader struct {
	tree fleet.ChannelTree
	err  error
}

func (r cannedReader) Channels(_ context.Context, in fleet.Instance) (fleet.ChannelTree, error) {
	r.tree.Instance = in
	return r.tree, r.err
}

func TestChannelzAsATable(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	tree := fleet.ChannelTree{
		Now: now, Unread: 7,
		Channels: []fleet.Channel{{ID: 1, Target: "dns:///user\x1b[2J", State: fleet.ChannelReady, Calls: fleet.CallCounts{Started: 9, Failed: 1, Last: now}, Subchannels: []fleet.Subchannel{{
			ID: 2, Target: "h:1", State: fleet.ChannelReady, Events: []fleet.ChannelEvent{{Text: "refused", Problem: true}},
			Sockets: []fleet.Socket{{ID: 3, Remote: "h:1", Security: "tls", Streams: fleet.CallCounts{Started: 1}, LastSent: now.Add(-time.Minute)}},
		}}}},
		Servers: []fleet.ChannelServer{{ID: 4, Listen: []string{"h:2"}, Sockets: []fleet.Socket{{ID: 5, Remote: "h:9", Own: true}}}},
	}
	table := func(args ...string) result {
		f, run := withCatalog(&fakeCatalog{}, nil)
		f.Channels = func(ProbeOptions) (fleet.ChannelReader, error) { return cannedReader{tree: tree}, nil }
		return run(t.Context(), append([]string{"channelz", "h:2"}, args...)...)
	}
	got := table("-o", "wide")
	want := `INSTANCE  WHAT            NAME         STATE  CALLS  OPEN  FAILED  LAST                  FOUND  LAST ERROR
h:2       channel 1       dns:///user  ready      9     8       1  2026-03-01T00:00:00Z  -      -
h:2         subchannel 2  h:1          ready      0     0       0  -                     -      refused
h:2           socket 3    to h:1       tls        1     1       0  -                     stuck  -
h:2       server 4        h:2          -          0     0       0  -                     -      -
h:2         socket 5      from h:9     ours       0     0       0  -                     -      -

stuck: h:2 socket 3 (h:1): nothing ever received, the last message was sent 1m0s ago while 1 call is open; no keepalive pings, which would find a dead peer
`
	if got.code != 0 || got.out != want {
		t.Errorf("%+v\n%s\nwant\n%s", got, got.out, want)
	}
	if !strings.Contains(got.err, "note: h:2 has at least 7 more channels or connections that were not read") {
		t.Errorf("stderr %q", got.err)
	}
	if got = table("-o", "jsonl"); strings.Count(got.out, "\n") != 5 || !strings.Contains(got.out, `"part":"socket","id":3,"depth":2,"name":"to h:1","state":"tls","started":1,"open":1,"failed":0,"last":null,"findings":["stuck"]`) {
		t.Errorf("%s", got.out)
	}
	if got = table("-o", "name"); !strings.HasPrefix(got.out, "h:2 channel 1\nh:2 subchannel 2\n") {
		t.Errorf("%s", got.out)
	}
	if got = table("--silence", "5m"); strings.Contains(got.out, "stuck") {
		t.Errorf("%s", got.out)
	}
}

func TestChannelzThatFails(t *testing.T) {
	f, run := withCatalog(&fakeCatalog{}, nil)
	f.Channels = func(ProbeOptions) (fleet.ChannelReader, error) {
		return cannedReader{err: &fleet.Error{What: "channelz is not served", Hint: "register it"}}, nil
	}
	if got := run(t.Context(), "channelz", "h:2"); got.code != 1 || got.out != "" || got.err != "error: channelz is not served\nhint: register it\n" {
		t.Errorf("%+v", got)
	}
	f, run = withCatalog(&fakeCatalog{}, nil)
	ctx, cancel := context.WithCancelCause(t.Context())
	f.Channels = func(ProbeOptions) (fleet.ChannelReader, error) {
		cancel(errors.New("interrupt"))
		return cannedReader{}, nil
	}
	if got := run(ctx, "channelz", "h:2"); got.code != 130 || got.out != "" {
		t.Errorf("%+v", got)
	}
}
