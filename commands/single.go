package commands

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// OneInstance returns the catalog that --addr stands for: one service with one
// instance, both named by the address. It has the instance for any service,
// because with an address there is nothing that could know a name.
func OneInstance(addr string) (fleet.Catalog, error) {
	if !strings.HasPrefix(addr, "unix:") {
		host, port, err := net.SplitHostPort(addr)
		if err != nil || host == "" || port == "" || !portPossible(addr) {
			return nil, &fleet.Error{
				Kind: fleet.Usage, What: fmt.Sprintf("--addr %q is no address", addr),
				Hint: "host:port, for example 127.0.0.1:9090 or [::1]:9090, or unix:/path",
			}
		}
	}
	return oneInstance(addr), nil
}

// portPossible tells whether addr has no port that is a number and cannot be one.
func portPossible(addr string) bool {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return true
	}
	n, err := strconv.Atoi(port)
	return err != nil || n > 0 && n <= 65535
}

type oneInstance string

func (o oneInstance) provenance() fleet.Provenance {
	return fleet.Provenance{Source: "--addr", Query: string(o), At: time.Now()}
}

// Services lists the one service.
func (o oneInstance) Services(context.Context) (fleet.ServiceList, error) {
	s := fleet.Service{Name: string(o)}
	s.Add(fleet.Passing)
	return fleet.ServiceList{Services: []fleet.Service{s}, Provenance: o.provenance()}, nil
}

// Instances lists the one instance.
func (o oneInstance) Instances(_ context.Context, service string) (fleet.InstanceList, error) {
	in := fleet.Instance{ID: string(o), Service: service, Addr: string(o), Catalog: fleet.Passing, GRPC: true}
	return fleet.InstanceList{Service: service, Instances: []fleet.Instance{in}, Provenance: o.provenance()}, nil
}

// Watch tells the one instance once: an address does not change.
func (o oneInstance) Watch(ctx context.Context, service string, notify func(fleet.Update)) error {
	list, err := o.Instances(ctx, service)
	notify(fleet.Update{List: list, Err: err})
	<-ctx.Done()
	return ctx.Err()
}
