package controltest

import (
	"context"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	controlv1 "github.com/gctl-dev/gctl/api/gctl/control/v1"
)

// client is a connection to a fixture.
type client struct {
	controlv1.ControlServiceClient
	Fixture

	hangUp func()
}

func connect(t *testing.T, f Fixture) *client {
	t.Helper()
	conn := f.Dial(t)
	t.Cleanup(func() { conn.Close() })
	return &client{controlv1.NewControlServiceClient(conn), f, func() { conn.Close() }}
}

// deadline returns a context that ends before the suite loses its patience.
func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// mutation is a good one that holds for a while and takes whatever state there is.
func mutation(change ...func(*controlv1.Mutation)) *controlv1.Mutation {
	m := &controlv1.Mutation{Reason: "conformance", Ttl: durationpb.New(time.Hour), Etag: "*"}
	for _, c := range change {
		c(m)
	}
	return m
}

func ttl(d time.Duration) func(*controlv1.Mutation) {
	return func(m *controlv1.Mutation) { m.Ttl = durationpb.New(d) }
}

func etag(tag string) func(*controlv1.Mutation) {
	return func(m *controlv1.Mutation) { m.Etag = tag }
}

func validateOnly(m *controlv1.Mutation) { m.ValidateOnly, m.Etag = true, "" }

// wantCode checks the code of an error and that it has an ErrorInfo of the API,
// which it returns.
func wantCode(t *testing.T, what string, err error, code codes.Code) *errdetails.ErrorInfo {
	t.Helper()
	if status.Code(err) != code {
		t.Errorf("%s: %v, want %v", what, err, code)
		return nil
	}
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok && info.GetDomain() == "gctl.control.v1" && info.GetReason() != "" {
			return info
		}
	}
	t.Errorf("%s: %v has no ErrorInfo of gctl.control.v1", what, err)
	return nil
}

// wantInvalid checks that an error is INVALID_ARGUMENT and names a field that
// begins so.
func wantInvalid(t *testing.T, what string, err error, field string) {
	t.Helper()
	if wantCode(t, what, err, codes.InvalidArgument) == nil {
		return
	}
	for _, d := range status.Convert(err).Details() {
		if bad, ok := d.(*errdetails.BadRequest); ok {
			for _, v := range bad.GetFieldViolations() {
				if strings.HasPrefix(v.GetField(), field) {
					return
				}
			}
		}
	}
	t.Errorf("%s: %v has no BadRequest about %s", what, err, field)
}

// until waits for something to become true.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for timeout := time.After(patience); !ok(); {
		select {
		case <-tick.C:
		case <-timeout:
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// changes returns the changes in force by resource.
func (c *client) changes(t *testing.T) map[string]*controlv1.Change {
	t.Helper()
	response, err := c.ListChanges(deadline(t), &controlv1.ListChangesRequest{})
	if err != nil {
		t.Fatalf("ListChanges: %v", err)
	}
	byResource := map[string]*controlv1.Change{}
	for _, change := range response.GetChanges() {
		byResource[change.GetResource()] = change
	}
	return byResource
}

// parts lists the calls about each part, and whether the server has it.
func (c *client) parts(ctx context.Context) map[string]struct {
	there bool
	call  func() error
} {
	check := mutation(validateOnly)
	return map[string]struct {
		there bool
		call  func() error
	}{
		"ListBreakers": {c.Breakers != nil, func() error {
			_, err := c.ListBreakers(ctx, &controlv1.ListBreakersRequest{})
			return err
		}},
		"WatchBreakers": {c.Breakers != nil, func() error {
			stream, err := c.WatchBreakers(ctx, &controlv1.WatchBreakersRequest{})
			if err == nil {
				_, err = stream.Recv()
			}
			return err
		}},
		"SetBreakerOverride": {c.Breakers != nil, func() error {
			_, err := c.SetBreakerOverride(ctx, &controlv1.SetBreakerOverrideRequest{
				Name: "?", Override: controlv1.BreakerOverride_BREAKER_OVERRIDE_FORCED_OPEN, Mutation: check,
			})
			return err
		}},
		"ListLimits": {c.Limits != nil, func() error {
			_, err := c.ListLimits(ctx, &controlv1.ListLimitsRequest{})
			return err
		}},
		"SetLimit": {c.Limits != nil, func() error {
			_, err := c.SetLimit(ctx, &controlv1.SetLimitRequest{Name: "?", Mutation: check})
			return err
		}},
		"SetLogLevel": {c.Level != nil, func() error {
			_, err := c.SetLogLevel(ctx, &controlv1.SetLogLevelRequest{Mutation: check})
			return err
		}},
		"SetFault": {c.Faults != nil, func() error {
			_, err := c.SetFault(ctx, &controlv1.SetFaultRequest{Name: "f", Mutation: check})
			return err
		}},
		"SetServing": {c.Serving != nil, func() error {
			_, err := c.SetServing(ctx, &controlv1.SetServingRequest{Serving: true, Mutation: check})
			return err
		}},
		"Drain": {c.Drains != nil, func() error {
			stream, err := c.Drain(ctx, &controlv1.DrainRequest{Mutation: check})
			if err == nil {
				_, err = stream.Recv()
			}
			return err
		}},
	}
}

func testParts(t *testing.T, c *client) {
	for name, part := range c.parts(deadline(t)) {
		err := part.call()
		if !part.there {
			wantCode(t, name, err, codes.Unimplemented)
		} else if code := status.Code(err); code != codes.OK && code != codes.NotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := c.ListChanges(deadline(t), &controlv1.ListChangesRequest{}); err != nil {
		t.Errorf("ListChanges: %v", err)
	}
}
