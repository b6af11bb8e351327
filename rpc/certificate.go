package rpc

import (
	"context"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// CertificateEnds returns when the certificate that an instance serves with is
// out of date, and the zero time where it speaks no TLS. The certificate is only
// read: nothing is sent to the instance but a handshake, and it does not matter
// whether it would be trusted.
func CertificateEnds(ctx context.Context, in fleet.Instance, o Options) (time.Time, error) {
	if err := o.Check(); err != nil {
		return time.Time{}, err
	}
	x := &examination{Report: Report{Instance: in}, opts: o, budget: explainBudget}
	x.dialer, _ = newNetDialer(&x.opts) // checked
	if !x.lookUp(ctx) || !x.connect(ctx) {
		return time.Time{}, &fleet.Error{What: "look at the certificate", Instance: in.ID, Details: []string{x.Fault().What}}
	}
	a := x.askTLS(ctx)
	if a.state == nil || len(a.state.PeerCertificates) == 0 {
		return time.Time{}, ctx.Err()
	}
	return a.state.PeerCertificates[0].NotAfter, nil
}
