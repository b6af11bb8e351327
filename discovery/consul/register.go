package consul

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/hashicorp/consul/api"
)

// Registration is what a process tells the agent on its machine about itself.
type Registration struct {
	Service string
	ID      string // unique on the agent; Service if empty
	Addr    string // host:port at which clients reach the process
	Tags    []string
	Meta    map[string]string
	Check   Check
}

// CheckKind says how Consul learns whether a process is well.
type CheckKind int

const (
	// NoCheck means that the process counts as passing until it is deregistered.
	NoCheck CheckKind = iota
	// GRPCCheck lets the agent call grpc.health.v1 at the process. It presents no
	// client certificate, so a server that demands one needs TTLCheck.
	GRPCCheck
	// TTLCheck means that the process reports in by itself; see Announce and Report.
	TTLCheck
)

// Check is the check of a Registration. Times of 0 get a default.
type Check struct {
	Kind CheckKind

	// GRPCCheck only.
	Service       string // name in the health service; the whole server if empty
	TLS           bool
	TLSServerName string // name expected in the certificate; the host of Addr if empty
	TLSSkipVerify bool
	Interval      time.Duration // 5 s
	Timeout       time.Duration // 2 s

	// TTLCheck only: critical when this long nothing was reported; 15 s.
	TTL time.Duration
	// Healthy is asked by Announce before each report; an error is reported as
	// critical. Nil means always healthy.
	Healthy func(context.Context) error

	// DeregisterAfter removes a process that was critical for so long; never if
	// 0. Consul takes no less than a minute.
	DeregisterAfter time.Duration
}

func (r *Registration) id() string { return orDefault(r.ID, r.Service) }

// Register tells the agent about a process, or replaces what it knew about it.
// A check of kind GRPCCheck or TTLCheck is critical until its first result.
func (c *Client) Register(ctx context.Context, r Registration) error {
	body, err := r.body()
	if err != nil {
		return err
	}
	return c.put(ctx, "/v1/agent/service/register", url.Values{"replace-existing-checks": {"true"}}, body)
}

func (r *Registration) body() (*api.AgentServiceRegistration, error) {
	if r.Service == "" {
		return nil, errors.New("registration without a service name")
	}
	host, portText, err := net.SplitHostPort(r.Addr)
	if err != nil {
		return nil, fmt.Errorf("address of the registration: %w", err)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("address of the registration: port %q is not a number", portText)
	}
	return &api.AgentServiceRegistration{
		ID: r.id(), Name: r.Service, Address: host, Port: int(port),
		Tags: r.Tags, Meta: r.Meta, Check: r.Check.body(r.id(), r.Addr),
	}, nil
}

func (ch *Check) body(id, addr string) *api.AgentServiceCheck {
	b := &api.AgentServiceCheck{CheckID: checkID(id)}
	switch ch.Kind {
	case GRPCCheck:
		b.GRPC = addr
		if ch.Service != "" {
			b.GRPC += "/" + ch.Service
		}
		b.GRPCUseTLS, b.TLSServerName, b.TLSSkipVerify = ch.TLS, ch.TLSServerName, ch.TLSSkipVerify
		b.Interval = ch.interval().String()
		b.Timeout = orDefault(ch.Timeout, 2*time.Second).String()
	case TTLCheck:
		b.TTL = ch.ttl().String()
	case NoCheck:
		return nil
	}
	if ch.DeregisterAfter > 0 {
		b.DeregisterCriticalServiceAfter = ch.DeregisterAfter.String()
	}
	return b
}

func (ch *Check) interval() time.Duration { return orDefault(ch.Interval, 5*time.Second) }

func (ch *Check) ttl() time.Duration { return orDefault(ch.TTL, 15*time.Second) }

// checkID is the name that Consul itself gives to a service's only check.
func checkID(id string) string { return "service:" + id }

// Deregister removes a process from the agent. One that the agent does not know
// is no error: it is gone, which is what was wanted.
func (c *Client) Deregister(ctx context.Context, id string) error {
	err := c.put(ctx, "/v1/agent/service/deregister/"+id, nil, nil)
	if unknownToAgent(err) {
		return nil
	}
	return err
}

// Report is the sign of life of a process with a TTL check: passing, or critical
// with the text of unhealthy.
func (c *Client) Report(ctx context.Context, id string, unhealthy error) error {
	update := struct{ Status, Output string }{Status: "passing"}
	if unhealthy != nil {
		update.Status, update.Output = "critical", unhealthy.Error()
	}
	return c.put(ctx, "/v1/agent/check/update/"+checkID(id), nil, update)
}

// unknownToAgent tells whether the agent says that it has no such service or
// check.
func unknownToAgent(err error) bool {
	var s *StatusError
	return errors.As(err, &s) && s.Code == http.StatusNotFound
}
