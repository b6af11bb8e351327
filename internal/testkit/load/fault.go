package load

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/durationpb"

	controlv1 "github.com/gctl-dev/gctl/api/gctl/control/v1"
)

// SetFault makes all calls of the instance late, and fail where the code is not
// OK, by its control API. The zero values of both end that.
func (i *Instance) SetFault(ctx context.Context, latency time.Duration, code codes.Code) error {
	conn, err := grpc.NewClient(i.Admin, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	r := &controlv1.SetFaultRequest{Name: "load", Mutation: &controlv1.Mutation{
		Reason: "to see what callers make of it", Etag: "*", Ttl: durationpb.New(time.Hour),
	}}
	if latency > 0 || code != codes.OK {
		r.Fault = &controlv1.Fault{Method: "*", Percentage: 100, Latency: durationpb.New(latency), Code: int32(code)}
	}
	_, err = controlv1.NewControlServiceClient(conn).SetFault(ctx, r)
	return err
}

// SetFaults is SetFault for every instance.
func (f *Fleet) SetFaults(ctx context.Context, latency time.Duration, code codes.Code) error {
	var errs []error
	for n, i := range f.Instances {
		if err := i.SetFault(ctx, latency, code); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", f.id(n), err))
		}
	}
	return errors.Join(errs...)
}
