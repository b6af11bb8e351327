package fleet

import (
	"context"
	"time"
)

// Connectivity is the state of a channel or subchannel
// (https://github.com/grpc/grpc/blob/master/doc/connectivity-semantics-and-api.md).
type Connectivity string

// The states.
const (
	ChannelIdle       Connectivity = "idle"
	ChannelConnecting Connectivity = "connecting"
	ChannelReady      Connectivity = "ready"
	ChannelFailing    Connectivity = "transient_failure"
	ChannelShutdown   Connectivity = "shutdown"
	ChannelUnknown    Connectivity = "unknown"
)

// CallCounts are the calls of a channel, or the streams of a connection, since it
// was made.
type CallCounts struct {
	Started, Succeeded, Failed int64
	Last                       time.Time // when the last one started; zero: none has
}

// Open returns how many have neither succeeded nor failed yet.
func (c CallCounts) Open() int64 { return max(0, c.Started-c.Succeeded-c.Failed) }

// ChannelEvent is an entry of a channel's trace.
type ChannelEvent struct {
	At      time.Time
	Problem bool // the process took it for a warning or an error
	Text    string
}

// Channel is a client's way to a target. Its calls go over its subchannels.
type Channel struct {
	ID          int64
	Parent      int64 // of a channel inside another one; 0: none
	Target      string
	State       Connectivity
	Calls       CallCounts
	Events      []ChannelEvent // oldest first, as many as the process keeps
	Subchannels []Subchannel
}

// Subchannel is a client's way to one address.
type Subchannel struct {
	ID      int64
	Target  string // the address
	State   Connectivity
	Calls   CallCounts
	Events  []ChannelEvent
	Sockets []Socket
}

// ChannelServer is a gRPC server of a process.
type ChannelServer struct {
	ID      int64
	Listen  []string // addresses
	Calls   CallCounts
	Sockets []Socket // connections that it has accepted
}

// Socket is a connection. Times that are zero have not happened.
type Socket struct {
	ID            int64
	Local, Remote string
	Security      string // "tls", the name of another kind, or empty: none
	Streams       CallCounts
	Sent          int64 // messages
	Received      int64
	KeepAlives    int64 // pings sent since nothing else was
	LastSent      time.Time
	LastReceived  time.Time
	Own           bool // it is the connection by which this was read
}

// ChannelTree is what channelz tells of one process.
type ChannelTree struct {
	Instance   Instance
	Address    string // where it was read
	Channels   []Channel
	Servers    []ChannelServer
	Unread     int       // connections, channels and servers beyond the limits of what is read
	Now        time.Time // by the clock of the instance, which may differ from ours
	Provenance Provenance
}

// ChannelReader reads what a process knows of its connections (grpc.channelz.v1).
type ChannelReader interface {
	// Channels reads all that an instance tells, within limits. An instance that
	// does not serve channelz is ErrNotFound.
	Channels(ctx context.Context, in Instance) (ChannelTree, error)
}
