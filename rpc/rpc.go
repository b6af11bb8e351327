// Package rpc opens connections to gRPC services and invokes their methods
// with messages known only by descriptors.
//
// Dial connects to one of a few instances and decides for each whether to
// speak TLS. Call runs an RPC of any of the four kinds over such a connection,
// with a Source of requests and a Sink for what comes back. DialWeb and its Call
// do the same by gRPC-Web or Connect, as browsers would. Explain finds out
// why a connection cannot be had; the same knowledge (Diagnose) gives the
// errors of Dial their hints.
package rpc

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"time"

	"google.golang.org/grpc/metadata"

	"github.com/gctl-dev/gctl/fleet"
)

// The defaults of Options.
const (
	DefaultConnectTimeout = 5 * time.Second
	DefaultMaxMsgSize     = 4 << 20 // bytes, grpc-go's own default
)

// Options say how instances are reached. The zero value decides between TLS
// and plaintext as described at Dial.
type Options struct {
	Plaintext  *bool  // true: no TLS, false: TLS; nil: decided for each instance
	Insecure   bool   // do not verify the server's certificate
	CACert     string // PEM file; the system's roots where empty
	Cert, Key  string // PEM files with the client's certificate
	ServerName string // the name the certificate must have; else the authority's host
	Authority  string // the :authority of RPCs; else the address

	// Secret says that RPCs will carry credentials. Such RPCs do not go over
	// plaintext to another machine unless Plaintext is true: that the catalog
	// said "tls: false" is not enough.
	Secret bool

	ConnectTimeout time.Duration // 0: DefaultConnectTimeout
	KeepaliveTime  time.Duration // 0: no keepalive pings
	MaxMsgSize     int           // of one response in bytes; 0: DefaultMaxMsgSize
	SmallBuffers   bool          // for many connections with little to say
	UserAgent      string        // put before grpc-go's own
	Proxy          string        // socks5:// or http:// URL; empty: HTTPS_PROXY and NO_PROXY
	Compress       string        // "gzip" or empty

	// ProbeHeaders are sent by Explain with the RPCs that it tries.
	ProbeHeaders metadata.MD

	// DialContext opens the raw connections; nil means net.Dialer. Tests set it
	// for networks that they cannot have.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)
}

// Check reads the files that the options name and returns what Dial would
// refuse, a *fleet.Error of kind Usage.
func (o *Options) Check() error {
	if _, err := o.tlsConfig(); err != nil {
		return err
	}
	_, err := newNetDialer(o)
	return err
}

func (o *Options) connectTimeout() time.Duration {
	if o.ConnectTimeout > 0 {
		return o.ConnectTimeout
	}
	return DefaultConnectTimeout
}

func (o *Options) maxMsgSize() int {
	if o.MaxMsgSize > 0 {
		return o.MaxMsgSize
	}
	return DefaultMaxMsgSize
}

// security is what was decided about the transport to one instance.
type security int

const (
	speakTLS       security = iota
	speakPlain              // the user chose it
	speakPlainMeta          // the catalog's meta says so
	probe                   // a loopback address: ask the server
)

// decide says how to speak to the instance. Through a proxy a loopback address
// is another machine's, so nothing is probed there.
func (o *Options) decide(in *fleet.Instance, proxied bool) security {
	switch {
	case o.Plaintext != nil && *o.Plaintext:
		return speakPlain
	case o.Plaintext != nil, o.Insecure, o.CACert != "", o.Cert != "", o.ServerName != "":
		return speakTLS
	case in.Meta[fleet.MetaTLS] == "true":
		return speakTLS
	case in.Meta[fleet.MetaTLS] == "false":
		return speakPlainMeta
	case !proxied && isLoopback(in.Addr):
		return probe
	default:
		return speakTLS
	}
}

// isLoopback tells whether an address (host:port or unix:path) can only be on
// this machine.
func isLoopback(addr string) bool {
	if strings.HasPrefix(addr, "unix:") {
		return true
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		host = addr
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
