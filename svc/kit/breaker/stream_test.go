package breaker_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/gctl-dev/gctl/svc/kit/breaker"
)

// script is a stream that receives what it is told to.
type script struct {
	grpc.ClientStream

	replies []error // nil is a message
	header  metadata.MD
	send    error
}

func (s *script) Header() (metadata.MD, error) { return s.header, nil }

func (s *script) SendMsg(any) error { return s.send }

func (s *script) RecvMsg(any) error {
	next := s.replies[0]
	s.replies = s.replies[1:]
	return next
}

var (
	watch  = &grpc.StreamDesc{ServerStreams: true}
	upload = &grpc.StreamDesc{ClientStreams: true}
)

func (c *client) open(ctx context.Context, desc *grpc.StreamDesc, below *script, err error) (grpc.ClientStream, error) {
	return c.set.StreamClientInterceptor("user")(ctx, desc, nil, get, func(context.Context, *grpc.StreamDesc, *grpc.ClientConn, string, ...grpc.CallOption) (grpc.ClientStream, error) {
		if err != nil {
			return nil, err
		}
		return below, nil
	})
}

// receive opens a stream and receives until it ends.
func (c *client) receive(ctx context.Context, desc *grpc.StreamDesc, replies ...error) {
	c.Helper()
	stream, err := c.open(ctx, desc, &script{replies: replies}, nil)
	if err != nil {
		c.Fatal(err)
	}
	for range replies {
		_ = stream.RecvMsg(nil)
	}
}

func TestStreamsAreJudgedAtTheirEnd(t *testing.T) {
	pending := breaker.Counts{Requests: 1}
	success := breaker.Counts{Requests: 1, Successes: 1}
	failure := breaker.Counts{Requests: 1, Failures: 1, ConsecutiveFailures: 1}
	for name, test := range map[string]struct {
		desc    *grpc.StreamDesc
		replies []error
		want    breaker.Counts
	}{
		"under way":                {watch, []error{nil, nil}, pending},
		"clean end":                {watch, []error{nil, io.EOF}, success},
		"no message":               {watch, []error{io.EOF}, success},
		"failure":                  {watch, []error{nil, nil, errDown}, failure},
		"an answer":                {watch, []error{status.Error(codes.OutOfRange, "")}, success},
		"cancelled":                {watch, []error{nil, status.Error(codes.Canceled, "")}, breaker.Counts{}},
		"time over":                {watch, []error{status.Error(codes.DeadlineExceeded, "")}, failure},
		"time over after messages": {watch, []error{nil, status.Error(codes.DeadlineExceeded, "")}, breaker.Counts{}},
		"the one response":         {upload, []error{nil}, success},
		"no response":              {upload, []error{errDown}, failure},
		"asked again":              {watch, []error{io.EOF, io.EOF, errDown}, success},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, breaker.Options{})
			c.receive(t.Context(), test.desc, test.replies...)
			if got := c.only().Counts; got != test.want {
				t.Errorf("counts = %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestStreamsThatCannotBeOpened(t *testing.T) {
	c := newClient(t, breaker.Options{})
	for range 20 {
		if _, err := c.open(t.Context(), watch, nil, errDown); !errors.Is(err, errDown) {
			t.Fatalf("err = %v", err)
		}
	}
	if _, err := c.open(t.Context(), watch, nil, nil); !breaker.Rejected(err) {
		t.Errorf("after 20 failures: %v", err)
	}
}

func TestErrorsOfSending(t *testing.T) {
	c := newClient(t, breaker.Options{})
	for send, want := range map[error]breaker.Counts{
		io.EOF: {Requests: 1}, // its status is still to be received
		status.Error(codes.Internal, "cannot be marshalled"): {}, // the client's own fault
	} {
		c.set = breaker.New(breaker.Options{})
		stream, err := c.open(t.Context(), watch, &script{send: send}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := stream.SendMsg(nil); !errors.Is(err, send) {
			t.Errorf("err = %v", err)
		}
		if got := c.only().Counts; got != want {
			t.Errorf("%v: counts = %+v, want %+v", send, got, want)
		}
	}
}

func TestAnAbandonedStreamGivesItsPlaceBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, breaker.Options{Probes: 1})
		c.call(20, errDown)
		time.Sleep(5*time.Second + time.Millisecond)
		ctx, cancel := context.WithCancel(t.Context())
		if _, err := c.open(ctx, watch, &script{}, nil); err != nil {
			t.Fatal(err)
		}
		if reached := c.call(1, nil); reached != 0 {
			t.Error("a second probe passed")
		}
		cancel()
		synctest.Wait()
		if reached := c.call(1, nil); reached != 1 {
			t.Error("the stream keeps its place")
		}
		c.wants(breaker.Closed)
	})
}

func TestAnAbandonedStreamUntilItsDeadline(t *testing.T) {
	for name, test := range map[string]struct {
		header metadata.MD
		want   breaker.Counts
	}{
		"no answer":     {nil, breaker.Counts{Requests: 1, Failures: 1, ConsecutiveFailures: 1}},
		"a quiet watch": {metadata.MD{}, breaker.Counts{}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newClient(t, breaker.Options{})
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if _, err := c.open(ctx, watch, &script{header: test.header}, nil); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second)
				synctest.Wait()
				got := c.only()
				if got.Counts != test.want || got.Counts.Failures > 0 && got.LastError != "DEADLINE_EXCEEDED: context deadline exceeded" {
					t.Errorf("status = %+v", got)
				}
			})
		})
	}
}

func TestTheFirstMessageProvesAProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, breaker.Options{Probes: 1})
		c.call(20, errDown)
		time.Sleep(5*time.Second + time.Millisecond)
		stream, err := c.open(t.Context(), watch, &script{replies: []error{nil, nil, status.Error(codes.Internal, "")}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = stream.RecvMsg(nil)
		c.wants(breaker.Closed)
		time.Sleep(time.Hour)
		_ = stream.RecvMsg(nil)
		_ = stream.RecvMsg(nil)
		if got := c.only().Counts; got != (breaker.Counts{Requests: 1, Failures: 1, ConsecutiveFailures: 1}) {
			t.Errorf("its end counts as %+v", got)
		}
		if got := gather(t, c.set)[`gobreaker__requests_total{name="user/read",result="failure"}`]; got != 21 {
			t.Errorf("%v failures in the metrics, want 21", got)
		}
	})
}

func TestAHeaderProvesAProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, breaker.Options{Probes: 1})
		c.call(20, errDown)
		time.Sleep(5*time.Second + time.Millisecond)
		below := &script{}
		stream, err := c.open(t.Context(), watch, below, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = stream.Header() // without one
		c.wants(breaker.HalfOpen)
		below.header = metadata.MD{}
		_, _ = stream.Header()
		c.wants(breaker.Closed)
	})
}

func TestPanicWhileOpeningAStream(t *testing.T) {
	c := newClient(t, breaker.Options{})
	func() {
		defer func() { _ = recover() }()
		_, _ = c.set.StreamClientInterceptor("user")(t.Context(), watch, nil, get, func(context.Context, *grpc.StreamDesc, *grpc.ClientConn, string, ...grpc.CallOption) (grpc.ClientStream, error) {
			panic("odd")
		})
	}()
	if got := c.only().Counts; got != (breaker.Counts{}) {
		t.Errorf("counts = %+v", got)
	}
}

func TestAWatchThatLosesItsInstanceDoesNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, breaker.Options{})
		var streams []grpc.ClientStream
		for range 100 {
			stream, err := c.open(t.Context(), watch, &script{replies: []error{errDown}}, nil)
			if err != nil {
				t.Fatal(err)
			}
			streams = append(streams, stream)
		}
		time.Sleep(11 * time.Second)
		for _, stream := range streams {
			_ = stream.RecvMsg(nil)
		}
		c.wants(breaker.Closed)
	})
}
