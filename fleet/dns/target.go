package dns

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// target is a parsed address.
type target struct {
	server string // host:port of the name server, empty for the system's
	name   string // without the last dot
	port   string // empty for SRV records, which bring their own
}

// srv tells whether the name is one of SRV records: its labels begin with
// underscores.
func (t target) srv() bool { return strings.HasPrefix(t.name, "_") }

// service is the name without the labels of SRV records.
func (t target) service() string {
	labels := strings.Split(t.name, ".")
	for len(labels) > 1 && strings.HasPrefix(labels[0], "_") {
		labels = labels[1:]
	}
	return strings.Join(labels, ".")
}

func parse(address string) (target, error) {
	u, err := url.Parse(address)
	if err != nil {
		return target{}, errors.New("not a URL")
	}
	if u.Scheme != "dns" {
		return target{}, fmt.Errorf("scheme %q is not dns", u.Scheme)
	}
	t := target{server: u.Host}
	if t.server != "" && u.Port() == "" {
		t.server = net.JoinHostPort(u.Hostname(), "53")
	}
	endpoint := strings.TrimPrefix(u.Path, "/")
	if endpoint == "" {
		return target{}, errors.New("there is no name; the name follows three slashes, two of them end the name server")
	}
	t.name = endpoint
	if host, port, err := net.SplitHostPort(endpoint); err == nil {
		t.name, t.port = host, port
	}
	t.name = strings.TrimSuffix(t.name, ".")
	if t.name == "" || strings.ContainsAny(t.name, "/ ") {
		return target{}, fmt.Errorf("%q is not a host name", endpoint)
	}
	if t.srv() {
		t.port = ""
		return t, nil
	}
	if n, err := strconv.ParseUint(t.port, 10, 16); err != nil || n == 0 {
		return target{}, errors.New("there is no port")
	}
	return t, nil
}
