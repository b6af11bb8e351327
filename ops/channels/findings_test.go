package channels_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/ops/channels"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func ago(seconds int) time.Time { return now.Add(-time.Duration(seconds) * time.Second) }

func client(calls fleet.CallCounts, s fleet.Socket) *fleet.ChannelTree {
	s.Remote = "10.0.0.9:9090"
	return &fleet.ChannelTree{Now: now, Channels: []fleet.Channel{{Subchannels: []fleet.Subchannel{{
		State: fleet.ChannelReady, Calls: calls, Sockets: []fleet.Socket{s},
	}}}}}
}

func server(s fleet.Socket) *fleet.ChannelTree {
	return &fleet.ChannelTree{Now: now, Servers: []fleet.ChannelServer{{Sockets: []fleet.Socket{s}}}}
}

func TestStuckConnections(t *testing.T) {
	for _, c := range []struct {
		name   string
		calls  fleet.CallCounts
		socket fleet.Socket
		words  string // empty: nothing is found
	}{
		{
			"calls wait", fleet.CallCounts{}, fleet.Socket{
				Streams: fleet.CallCounts{Started: 9, Succeeded: 7, Last: ago(30)}, LastReceived: ago(42), LastSent: ago(30), KeepAlives: 3,
			}, "nothing received for 42s while 2 calls are open; 3 keepalive pings sent",
		},
		{
			"never an answer", fleet.CallCounts{}, fleet.Socket{Streams: fleet.CallCounts{Started: 1, Last: ago(20)}, LastSent: ago(20)},
			"nothing ever received, the last message was sent 20s ago while 1 call is open; no keepalive pings",
		},
		{
			"each call runs into its deadline", fleet.CallCounts{Failed: 8}, fleet.Socket{
				Streams: fleet.CallCounts{Started: 12, Succeeded: 4, Failed: 8, Last: ago(1)}, LastReceived: ago(60), LastSent: ago(1),
			}, "nothing received for 1m0s, 8 calls have failed on it",
		},
		{"asked a moment ago after a long rest", fleet.CallCounts{}, fleet.Socket{Streams: fleet.CallCounts{Started: 1, Last: ago(2)}, LastReceived: ago(90), LastSent: ago(2)}, ""},
		{"calls pile up", fleet.CallCounts{}, fleet.Socket{Streams: fleet.CallCounts{Started: 5, Last: ago(1)}, LastReceived: ago(42), LastSent: ago(1)}, "nothing received for 42s while 5 calls are open"},
		{"asked a moment ago", fleet.CallCounts{}, fleet.Socket{Streams: fleet.CallCounts{Started: 1, Last: ago(2)}, LastReceived: ago(3), LastSent: ago(2)}, ""},
		{"a watch that has nothing to say", fleet.CallCounts{}, fleet.Socket{Streams: fleet.CallCounts{Started: 5, Succeeded: 4, Last: ago(600)}, LastReceived: ago(599), LastSent: ago(600)}, ""},
		{"a watch, and a last answer that was an error", fleet.CallCounts{Failed: 1}, fleet.Socket{Streams: fleet.CallCounts{Started: 5, Succeeded: 4, Last: ago(50)}, LastReceived: ago(99), LastSent: ago(50)}, ""},
		{"errors for answers only", fleet.CallCounts{Failed: 500}, fleet.Socket{Streams: fleet.CallCounts{Started: 500, Succeeded: 499, Failed: 1, Last: ago(1)}, LastReceived: ago(99), LastSent: ago(1)}, ""},
		{"idle after calls that were cancelled", fleet.CallCounts{Failed: 4}, fleet.Socket{Streams: fleet.CallCounts{Started: 9, Succeeded: 5, Failed: 4, Last: ago(60)}, LastReceived: ago(61), LastSent: ago(60)}, ""},
		{"unused", fleet.CallCounts{}, fleet.Socket{}, ""},
	} {
		found := channels.Find(client(c.calls, c.socket), 0)
		switch {
		case c.words == "" && len(found) > 0:
			t.Errorf("%s: %+v", c.name, found)
		case c.words != "" && (len(found) != 1 || found[0].Kind != channels.Stuck || !strings.Contains(found[0].Text, c.words) || found[0].Where != "10.0.0.9:9090"):
			t.Errorf("%s: %+v, want %s", c.name, found, c.words)
		}
	}
}

func TestCallsThatAHandlerHolds(t *testing.T) {
	held := fleet.Socket{Streams: fleet.CallCounts{Started: 3, Succeeded: 1}, LastReceived: ago(30), LastSent: ago(31)}
	found := channels.Find(server(held), 0)
	if len(found) != 1 || found[0].Kind != channels.Held || !strings.Contains(found[0].Text, "2 calls are open and nothing was answered for 30s") {
		t.Errorf("%+v", found)
	}
	if found = channels.Find(server(held), time.Minute); len(found) != 0 {
		t.Errorf("within the time that was given: %+v", found)
	}
	held.Own = true
	if found = channels.Find(server(held), 0); len(found) != 0 {
		t.Errorf("our own: %+v", found)
	}
	watch := fleet.Socket{Streams: fleet.CallCounts{Started: 1}, LastReceived: ago(99), LastSent: ago(98)}
	if found = channels.Find(server(watch), 0); len(found) != 0 {
		t.Errorf("a watch that has nothing to say: %+v", found)
	}
}

func balanced(state fleet.Connectivity, calls ...int64) *fleet.ChannelTree {
	c := fleet.Channel{}
	for _, n := range calls {
		c.Subchannels = append(c.Subchannels, fleet.Subchannel{State: state, Calls: fleet.CallCounts{Started: n}})
	}
	return &fleet.ChannelTree{Now: now, Channels: []fleet.Channel{c}}
}

func TestUnevenBalance(t *testing.T) {
	for _, c := range []struct {
		name  string
		tree  *fleet.ChannelTree
		found int
	}{
		{"nine to one", balanced(fleet.ChannelReady, 900, 100), 2},
		{"one of six gets nothing", balanced(fleet.ChannelReady, 1000, 1000, 1000, 1000, 1000, 0), 1},
		{"even", balanced(fleet.ChannelReady, 500, 510, 490), 0},
		{"luck", balanced(fleet.ChannelReady, 12, 5, 8, 10, 9, 11, 6, 9, 14, 7, 12, 5), 0},
		{"too few", balanced(fleet.ChannelReady, 20, 1), 0},
		{"pick_first", balanced(fleet.ChannelIdle, 900, 0), 0},
		{"one address", balanced(fleet.ChannelReady, 900), 0},
	} {
		if found := channels.Find(c.tree, 0); len(found) != c.found {
			t.Errorf("%s: %+v, want %d", c.name, found, c.found)
		}
	}
	found := channels.Find(balanced(fleet.ChannelReady, 900, 100), 0)
	if found[0].Kind != channels.Uneven || found[0].Text != "90 % of the 1000 calls over 2 addresses, 50 % would be even" {
		t.Errorf("%+v", found[0])
	}
}

func TestTheLastErrorOfAnAddress(t *testing.T) {
	tree := &fleet.ChannelTree{Now: now, Channels: []fleet.Channel{{Subchannels: []fleet.Subchannel{{
		Target: "10.0.0.9:9090", State: fleet.ChannelFailing,
		Events: []fleet.ChannelEvent{{Text: "old", Problem: true}, {At: ago(5), Text: "refused", Problem: true}, {Text: "created"}},
	}, {State: fleet.ChannelFailing}, {State: fleet.ChannelConnecting}}}}}
	found := channels.Find(tree, 0)
	if len(found) != 2 || found[0].Kind != channels.Failing || found[0].Text != "transient_failure: refused" || !found[0].Since.Equal(ago(5)) {
		t.Errorf("%+v", found)
	}
}

func TestTheWorstComesFirst(t *testing.T) {
	tree := balanced(fleet.ChannelReady, 900, 100)
	tree.Channels = append(tree.Channels, client(fleet.CallCounts{}, fleet.Socket{Streams: fleet.CallCounts{Started: 1}, LastSent: ago(30)}).Channels...)
	var kinds []channels.Kind
	for _, f := range channels.Find(tree, 0) {
		kinds = append(kinds, f.Kind)
	}
	if !slices.Equal(kinds, []channels.Kind{channels.Stuck, channels.Uneven, channels.Uneven}) {
		t.Error(kinds)
	}
}
