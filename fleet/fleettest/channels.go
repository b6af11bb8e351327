package fleettest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// ChannelWorld is a reader under test and a process that it reads.
type ChannelWorld struct {
	Reader fleet.ChannelReader
	// Instance serves channelz, and is a client of Backend over one channel.
	Instance fleet.Instance
	// Backend is the address to which Call goes.
	Backend string
	// Call makes calls from the instance to the backend that succeed, or fail.
	Call func(well, failing int)
	// Bare serves gRPC without channelz; Gone is not there.
	Bare, Gone fleet.Instance
}

// Channels runs the suite. Each test gets a world of its own from open.
func Channels(t *testing.T, open func(t *testing.T) ChannelWorld) {
	t.Run("a client's calls are told by channel, address and connection", func(t *testing.T) { testClientSide(t, open(t)) })
	t.Run("a server's connections are told", func(t *testing.T) { testServerSide(t, open(t)) })
	t.Run("failures are for people", func(t *testing.T) { testChannelFailure(t, open(t)) })
}

func readChannels(t *testing.T, w ChannelWorld) fleet.ChannelTree {
	t.Helper()
	tree, err := w.Reader.Channels(t.Context(), w.Instance)
	if err != nil {
		t.Fatal(err)
	}
	p := tree.Provenance
	if tree.Instance.ID != w.Instance.ID || tree.Address == "" || p.Source == "" || p.Query == "" || time.Since(p.At).Abs() > time.Minute {
		t.Errorf("%+v", tree)
	}
	if time.Since(tree.Now).Abs() > time.Minute || tree.Unread != 0 {
		t.Errorf("now is %s, %d unread", tree.Now, tree.Unread)
	}
	return tree
}

func testClientSide(t *testing.T, w ChannelWorld) {
	began := time.Now().Add(-time.Second)
	w.Call(7, 3)
	want := fleet.CallCounts{Started: 10, Succeeded: 7, Failed: 3}
	same := func(c fleet.CallCounts) bool {
		recent := c.Last.After(began)
		c.Last = time.Time{}
		return recent && c == want
	}
	for _, c := range readChannels(t, w).Channels {
		for _, s := range c.Subchannels {
			if s.Target != w.Backend {
				continue
			}
			if !same(c.Calls) || c.State != fleet.ChannelReady || c.Target == "" || c.ID == 0 || len(c.Events) == 0 {
				t.Errorf("channel %+v, want %+v", c, want)
			}
			if !same(s.Calls) || s.State != fleet.ChannelReady || s.ID == 0 || len(s.Sockets) != 1 {
				t.Fatalf("subchannel %+v, want %+v and a connection", s, want)
			}
			socket := s.Sockets[0]
			if socket.Remote != w.Backend || socket.Local == "" || socket.Sent != 10 || socket.Received != 7 ||
				socket.Streams.Started != 10 || socket.Streams.Open() != 0 || socket.LastReceived.Before(began) || socket.LastSent.Before(began) {
				t.Errorf("connection %+v", socket)
			}
			return
		}
	}
	t.Error("the channel to the backend is not told")
}

func testServerSide(t *testing.T, w ChannelWorld) {
	w.Call(1, 0)
	var own int
	for _, s := range readChannels(t, w).Servers {
		for _, c := range s.Sockets {
			if !c.Own {
				continue
			}
			own++
			if s.Calls.Started == 0 || len(s.Listen) == 0 || c.Local == "" || c.Remote == "" || c.Received == 0 || c.LastReceived.IsZero() {
				t.Errorf("server %+v", s)
			}
		}
	}
	if own != 1 {
		t.Errorf("%d connections are the one by which it was read", own)
	}
}

func testChannelFailure(t *testing.T, w ChannelWorld) {
	_, err := w.Reader.Channels(t.Context(), w.Bare)
	var e *fleet.Error
	if !errors.Is(err, fleet.ErrNotFound) || !errors.As(err, &e) || e.Hint == "" {
		t.Errorf("without channelz: %v", err)
	}
	_, err = w.Reader.Channels(t.Context(), w.Gone)
	if errors.Is(err, fleet.ErrNotFound) || !errors.As(err, &e) || e.What == "" || e.Hint == "" {
		t.Errorf("not there: %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("interrupt")) // as a signal does
	if _, err := w.Reader.Channels(ctx, w.Instance); err == nil || errors.As(err, &e) {
		t.Errorf("an ended context: %v", err)
	}
}
