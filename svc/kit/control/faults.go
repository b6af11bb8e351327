package control

import (
	"context"

	"google.golang.org/grpc/codes"

	controlv1 "github.com/gctl-dev/gctl/api/gctl/control/v1"
	"github.com/gctl-dev/gctl/svc/kit/fault"
)

// noFault is the value of a fault that is not there.
const noFault = "none"

// SetFault implements gctl.control.v1.ControlService.
func (s *Server) SetFault(ctx context.Context, r *controlv1.SetFaultRequest) (*controlv1.SetFaultResponse, error) {
	faults, name := s.options.Faults, r.GetName()
	if faults == nil {
		return nil, noPart("faults")
	}
	f := fault.Fault{
		Method: r.GetFault().GetMethod(), Percentage: r.GetFault().GetPercentage(),
		Latency: r.GetFault().GetLatency().AsDuration(), Code: codes.Code(r.GetFault().GetCode()),
	}
	w := wish{resource: faultPrefix + name, mutation: r.GetMutation(), value: f.String(), release: r.GetFault() == nil}
	if w.release {
		w.value = noFault
	}
	change, err := s.change(ctx, r, w, func() (target, error) {
		if w.release {
			if _, there := faults.Get(name); !there {
				return target{}, unknown("fault", name, s.ledger.held(faultPrefix))
			}
		} else if err := s.checkFault(f); err != nil {
			return target{}, err
		}
		return target{
			read: func() string {
				if f, ok := faults.Get(name); ok {
					return f.String()
				}
				return noFault
			},
			apply:  func() error { return faults.Put(name, f) },
			revert: func() error { faults.Remove(name); return nil },
		}, nil
	}, func() {})
	if err != nil {
		return nil, err
	}
	return &controlv1.SetFaultResponse{Change: change}, nil
}

// checkFault tells what is wrong with a fault: no call would ever meet one of a
// method that nobody serves, and nobody would know why.
func (s *Server) checkFault(f fault.Fault) error {
	if err := f.Check(); err != nil {
		return invalid("fault", err.Error())
	}
	if problem := notServed(f.Method, s.options.Services()); problem != "" {
		return invalid("fault.method", problem)
	}
	return nil
}
