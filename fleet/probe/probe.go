// Package probe asks instances for their health by the gRPC health checking
// protocol (https://github.com/grpc/grpc/blob/master/doc/health-checking.md):
// Check for one name, List for all of them, Watch for changes.
//
// Each question has a connection of its own and a limit for all of it. What
// hinders an answer is told apart: no connection (with its cause, as package
// rpc finds it), no answer in time, no health service.
package probe

import (
	"context"
	"time"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/rpc"
)

// The defaults of Options.
const (
	DefaultTimeout  = 2 * time.Second
	DefaultInterval = 5 * time.Second
)

// maxAnswer bounds one answer in bytes: the list of a hundred names has 8 kB.
const maxAnswer = 1 << 20

// Options say how instances are asked.
type Options struct {
	// RPC says how they are reached. Secret says that Headers hold credentials:
	// they are then left out where others could read them and only the catalog
	// asked for plaintext.
	RPC     rpc.Options
	Headers metadata.MD // sent with each question

	Timeout  time.Duration // of one answer, connecting included; 0: DefaultTimeout
	Interval time.Duration // a watched instance that says nothing is asked whether it still answers; 0: DefaultInterval
}

// Prober is a fleet.Prober.
type Prober struct {
	dialer   *rpc.Dialer
	headers  metadata.MD
	secret   bool
	timeout  time.Duration
	interval time.Duration
}

// New returns a prober. The error is a *fleet.Error of kind Usage: a file that
// cannot be read, an option that cannot be.
func New(o Options) (*Prober, error) {
	p := &Prober{headers: o.Headers, secret: o.RPC.Secret, timeout: o.Timeout, interval: o.Interval}
	if p.timeout <= 0 {
		p.timeout = DefaultTimeout
	}
	if p.interval <= 0 {
		p.interval = DefaultInterval
	}
	how := o.RPC
	how.Secret, how.SmallBuffers = false, true // see send; thousands may be watched
	if how.ConnectTimeout <= 0 || how.ConnectTimeout > p.timeout {
		how.ConnectTimeout = p.timeout
	}
	if how.MaxMsgSize <= 0 {
		how.MaxMsgSize = maxAnswer
	}
	var err error
	p.dialer, err = rpc.NewDialer(how)
	return p, err
}

// Health implements fleet.Prober.
func (p *Prober) Health(ctx context.Context, in fleet.Instance, name string) fleet.Health {
	began := time.Now()
	limited, cancel := context.WithTimeoutCause(ctx, p.timeout, errNoAnswer)
	defer cancel()
	h := blank(in, name, healthpb.Health_Check_FullMethodName)
	conn, err := p.connect(limited, in)
	if err != nil {
		return p.failed(ctx, h, false, err)
	}
	defer conn.Close()
	return p.check(ctx, limited, conn, h, began)
}

// check asks over a connection; limited is ctx with the limit of the answer.
func (p *Prober) check(ctx, limited context.Context, conn *rpc.Conn, h fleet.Health, began time.Time) fleet.Health {
	answer, err := healthpb.NewHealthClient(conn).Check(p.send(limited, conn), &healthpb.HealthCheckRequest{Service: h.Name})
	h.Provenance.At = time.Now()
	if err != nil {
		return p.failed(ctx, h, true, err)
	}
	h.Latency = time.Since(began)
	return says(h, answer.GetStatus())
}

// connect opens a connection and waits until it is there.
func (p *Prober) connect(ctx context.Context, in fleet.Instance) (*rpc.Conn, error) {
	conn, err := p.dialer.Dial([]fleet.Instance{in})
	if err != nil {
		return nil, err
	}
	if err := conn.Ready(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// send adds the headers, unless they are credentials that others could read.
func (p *Prober) send(ctx context.Context, conn *rpc.Conn) context.Context {
	if len(p.headers) == 0 || p.secret && conn.InClear() {
		return ctx
	}
	return metadata.NewOutgoingContext(ctx, p.headers)
}

func blank(in fleet.Instance, name, method string) fleet.Health {
	return fleet.Health{
		Instance: in, Name: name, State: fleet.UnknownHealth,
		Provenance: fleet.Provenance{Source: "grpc " + in.Addr, Query: method, At: time.Now()},
	}
}
