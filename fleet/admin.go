package fleet

import (
	"net"
	"net/netip"
)

// AtAdmin is the instance at the address of its control API, as its meta "admin"
// says, where it publishes one. A host that is empty, or means every address of the
// machine, is the instance's own.
func (in Instance) AtAdmin() Instance {
	admin := in.Meta[MetaAdmin]
	if admin == "" {
		return in
	}
	at := in
	at.Addr = admin
	host, port, err := net.SplitHostPort(admin)
	if err != nil {
		return at // nothing can be dialed there, which the dialer says
	}
	ip, err := netip.ParseAddr(host)
	own, _, ownErr := net.SplitHostPort(in.Addr)
	if (host == "" || err == nil && ip.IsUnspecified()) && ownErr == nil {
		at.Addr = net.JoinHostPort(own, port)
	}
	return at
}
