package channelz

import (
	"fmt"
	"net"
	"strings"
	"time"

	channelzpb "google.golang.org/grpc/channelz/grpc_channelz_v1"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/gctl-dev/gctl/fleet"
)

const (
	maxEvents = 100  // of one channel; grpc-go keeps 30
	maxText   = 2000 // bytes of one event or name
)

func newChannel(c *channelzpb.Channel, parent int64) fleet.Channel {
	d := c.GetData()
	return fleet.Channel{
		ID: c.GetRef().GetChannelId(), Parent: parent, Target: cut(d.GetTarget()), State: stateOf(d.GetState()),
		Calls: callsOf(d), Events: eventsOf(d.GetTrace()),
	}
}

func newSubchannel(s *channelzpb.Subchannel) fleet.Subchannel {
	d := s.GetData()
	return fleet.Subchannel{
		ID: s.GetRef().GetSubchannelId(), Target: cut(d.GetTarget()), State: stateOf(d.GetState()),
		Calls: callsOf(d), Events: eventsOf(d.GetTrace()),
	}
}

func newServer(s *channelzpb.Server) fleet.ChannelServer {
	d := s.GetData()
	server := fleet.ChannelServer{ID: s.GetRef().GetServerId(), Calls: fleet.CallCounts{
		Started: d.GetCallsStarted(), Succeeded: d.GetCallsSucceeded(), Failed: d.GetCallsFailed(),
		Last: timeOf(d.GetLastCallStartedTimestamp()),
	}}
	listen := s.GetListenSocket()
	for _, ref := range listen[:min(len(listen), 20)] {
		server.Listen = append(server.Listen, cut(ref.GetName()))
	}
	return server
}

func newSocket(s *channelzpb.Socket, own string) fleet.Socket {
	d := s.GetData()
	last := timeOf(d.GetLastLocalStreamCreatedTimestamp())
	if at := timeOf(d.GetLastRemoteStreamCreatedTimestamp()); at.After(last) {
		last = at
	}
	socket := fleet.Socket{
		ID: s.GetRef().GetSocketId(), Local: addressOf(s.GetLocal()), Remote: addressOf(s.GetRemote()),
		Streams:    fleet.CallCounts{Started: d.GetStreamsStarted(), Succeeded: d.GetStreamsSucceeded(), Failed: d.GetStreamsFailed(), Last: last},
		Sent:       d.GetMessagesSent(),
		Received:   d.GetMessagesReceived(),
		KeepAlives: d.GetKeepAlivesSent(),
		LastSent:   timeOf(d.GetLastMessageSentTimestamp()), LastReceived: timeOf(d.GetLastMessageReceivedTimestamp()),
	}
	socket.Own = own != "" && socket.Remote == own
	switch m := s.GetSecurity().GetModel().(type) {
	case *channelzpb.Security_Tls_:
		socket.Security = "tls"
	case *channelzpb.Security_Other:
		socket.Security = cut(m.Other.GetName())
	}
	return socket
}

func callsOf(d *channelzpb.ChannelData) fleet.CallCounts {
	return fleet.CallCounts{
		Started: d.GetCallsStarted(), Succeeded: d.GetCallsSucceeded(), Failed: d.GetCallsFailed(),
		Last: timeOf(d.GetLastCallStartedTimestamp()),
	}
}

// timeOf reads a time. What has not happened is missing, or 1970 (grpc-go).
func timeOf(t *timestamppb.Timestamp) time.Time {
	if t == nil || !t.IsValid() || t.GetSeconds() <= 0 {
		return time.Time{}
	}
	return t.AsTime()
}

func stateOf(s *channelzpb.ChannelConnectivityState) fleet.Connectivity {
	switch s.GetState() {
	case channelzpb.ChannelConnectivityState_IDLE:
		return fleet.ChannelIdle
	case channelzpb.ChannelConnectivityState_CONNECTING:
		return fleet.ChannelConnecting
	case channelzpb.ChannelConnectivityState_READY:
		return fleet.ChannelReady
	case channelzpb.ChannelConnectivityState_TRANSIENT_FAILURE:
		return fleet.ChannelFailing
	case channelzpb.ChannelConnectivityState_SHUTDOWN:
		return fleet.ChannelShutdown
	default:
		return fleet.ChannelUnknown
	}
}

// eventsOf reads a trace. grpc-go marks a failed connection as information only;
// its words tell.
func eventsOf(t *channelzpb.ChannelTrace) []fleet.ChannelEvent {
	all := t.GetEvents()
	all = all[max(0, len(all)-maxEvents):]
	events := make([]fleet.ChannelEvent, 0, len(all))
	for _, e := range all {
		text := e.GetDescription()
		problem := e.GetSeverity() == channelzpb.ChannelTraceEvent_CT_WARNING || e.GetSeverity() == channelzpb.ChannelTraceEvent_CT_ERROR ||
			strings.Contains(text, "last error: ")
		events = append(events, fleet.ChannelEvent{At: timeOf(e.GetTimestamp()), Problem: problem, Text: cut(text)})
	}
	return events
}

func addressOf(a *channelzpb.Address) string {
	switch x := a.GetAddress().(type) {
	case *channelzpb.Address_TcpipAddress:
		ip := net.IP(x.TcpipAddress.GetIpAddress())
		if len(ip) != net.IPv4len && len(ip) != net.IPv6len {
			return ""
		}
		return net.JoinHostPort(ip.String(), fmt.Sprint(x.TcpipAddress.GetPort()))
	case *channelzpb.Address_UdsAddress_:
		return "unix:" + cut(x.UdsAddress.GetFilename())
	case *channelzpb.Address_OtherAddress_:
		return cut(x.OtherAddress.GetName())
	default:
		return ""
	}
}

func cut(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "") + "..."
}
