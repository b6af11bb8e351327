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
		if !w.release {
			if err := f.Check(); err != nil {
				return target{}, invalid("fault", err.Error())
			}
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
