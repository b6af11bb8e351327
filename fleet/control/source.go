// Package control speaks to the control APIs of instances
// (gctl.control.v1.ControlService, api/gctl/control/v1): it lists and watches
// their breakers, reads their limits, and makes the changes that an operator
// wants.
//
// An instance says by the meta "admin" of the catalog where its control API is.
// One that says nothing may serve it at its own address: the first RPC shows it.
// What the operators' way needs (a certificate, headers) is only sent to an
// address that was published as theirs.
package control

import (
	"context"
	"time"

	"google.golang.org/grpc/metadata"

	controlv1 "github.com/gctl-dev/gctl/api/gctl/control/v1"
	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/backend"
	"github.com/gctl-dev/gctl/rpc"
)

// Way is how a kind of address is reached.
type Way struct {
	RPC rpc.Options
	// Headers returns what is sent with each RPC; nil for nothing. It is asked
	// again after five minutes, and after the instance did not accept it.
	Headers func(context.Context) (metadata.MD, error)
}

// Options say how instances are reached.
type Options struct {
	Service Way // their own addresses
	Admin   Way // the addresses of their control APIs
}

// Source implements fleet.ControlPlane and fleet.BreakerReader. It is safe for
// concurrent use.
type Source struct {
	service, admin *way
	now            func() time.Time

	askEvery, patience time.Duration // of watches
}

// way is a Way that remembers its headers.
type way struct {
	rpc     rpc.Options
	headers backend.Credentials[metadata.MD]
}

func newWay(w Way) *way {
	w.RPC.SmallBuffers = true // many may be watched
	return &way{rpc: w.RPC, headers: backend.Credentials[metadata.MD]{Ask: w.Headers}}
}

// New returns a source. Nobody is asked.
func New(o Options) *Source {
	return &Source{service: newWay(o.Service), admin: newWay(o.Admin), now: time.Now, askEvery: askEvery, patience: patience}
}

// Controller implements fleet.ControlPlane.
func (s *Source) Controller(ctx context.Context, in fleet.Instance) (fleet.Controller, error) {
	return s.controller(ctx, in)
}

func (s *Source) controller(ctx context.Context, in fleet.Instance) (*controller, error) {
	at, by := in, s.service
	if in.Meta[fleet.MetaAdmin] != "" {
		at, by = in.AtAdmin(), s.admin
	}
	if _, err := by.headers.Get(ctx); err != nil {
		return nil, err
	}
	conn, err := rpc.Dial([]fleet.Instance{at}, by.rpc)
	if err != nil {
		return nil, err
	}
	return &controller{
		ControlServiceClient: controlv1.NewControlServiceClient(conn),
		conn:                 conn, instance: in, at: at.Addr, headers: &by.headers, now: s.now, askEvery: s.askEvery, patience: s.patience,
	}, nil
}
