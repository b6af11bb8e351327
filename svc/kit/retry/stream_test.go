package retry_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/gctl-dev/gctl/svc/kit/retry"
)

// attempt is one stream below: what opening it, its header and receiving return.
type attempt struct {
	grpc.ClientStream

	open    error
	header  metadata.MD
	replies []error
	did     []string
}

func (a *attempt) SendMsg(m any) error {
	a.did = append(a.did, m.(string))
	return nil
}

func (a *attempt) CloseSend() error {
	a.did = append(a.did, "close")
	return nil
}

func (a *attempt) Header() (metadata.MD, error) { return a.header, nil }

func (a *attempt) Trailer() metadata.MD { return metadata.Pairs("last", a.did[0]) }

func (a *attempt) Context() context.Context { return context.Background() }

func (a *attempt) RecvMsg(any) error {
	next := a.replies[0]
	a.replies = a.replies[1:]
	return next
}

// stream opens a stream over these attempts, one after the other.
func stream(t *testing.T, r *retry.Retrier, desc grpc.StreamDesc, attempts ...*attempt) (grpc.ClientStream, error) {
	t.Helper()
	return r.StreamClientInterceptor()(t.Context(), &desc, nil, get, func(context.Context, *grpc.StreamDesc, *grpc.ClientConn, string, ...grpc.CallOption) (grpc.ClientStream, error) {
		next := attempts[0]
		attempts = attempts[1:]
		if next.open != nil {
			return nil, next.open
		}
		return next, nil
	})
}

var serverStream = grpc.StreamDesc{ServerStreams: true}

func TestAStreamIsRepeatedBeforeItsFirstMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := retry.New("user", retry.Options{Attempts: 4})
		last := &attempt{replies: []error{nil, nil, errDown}}
		s, err := stream(t, r, serverStream, &attempt{open: errDown}, &attempt{replies: []error{errDown}}, &attempt{open: errDown}, last)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(s.SendMsg("request"), s.CloseSend()); err != nil {
			t.Fatal(err)
		}
		for i := range 2 {
			if err := s.RecvMsg(nil); err != nil {
				t.Fatalf("message %d: %v", i+1, err)
			}
		}
		if err := s.RecvMsg(nil); !errors.Is(err, errDown) {
			t.Errorf("after its messages: %v", err)
		}
		if !slices.Equal(last.did, []string{"request", "close"}) {
			t.Errorf("the last attempt was sent %q", last.did)
		}
		if got := s.Trailer().Get("last"); len(got) != 1 || s.Context() != context.Background() {
			t.Errorf("trailer %v", got)
		}
		if got := metrics(t, r); got[get+" failed user"] != 2 || got[get+" answered user"] != 1 {
			t.Errorf("metrics = %v", got)
		}
	})
}

func TestStreamsThatAreNotRepeated(t *testing.T) {
	notFound := status.Error(codes.NotFound, "")
	for name, test := range map[string]struct {
		desc    grpc.StreamDesc
		first   *attempt
		want    error
		headers bool
	}{
		"many requests":            {grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, &attempt{replies: []error{errDown}}, errDown, false},
		"another status":           {serverStream, &attempt{replies: []error{notFound}}, notFound, false},
		"a clean end":              {serverStream, &attempt{replies: []error{io.EOF}}, io.EOF, false},
		"a header was handed on":   {serverStream, &attempt{header: metadata.MD{}, replies: []error{errDown}}, errDown, true},
		"many requests, unopened":  {grpc.StreamDesc{ClientStreams: true}, &attempt{open: errDown}, errDown, false},
		"another status, unopened": {serverStream, &attempt{open: notFound}, notFound, false},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := stream(t, retry.New("user", retry.Options{}), test.desc, test.first)
			if err == nil {
				if test.headers {
					if header, err := s.Header(); header == nil || err != nil {
						t.Fatal(header, err)
					}
				}
				_ = s.SendMsg("request")
				err = s.RecvMsg(nil)
			}
			if !errors.Is(err, test.want) {
				t.Errorf("err = %v, want %v", err, test.want)
			}
		})
	}
}

func TestAStreamThatFailsEachTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		attempts := []*attempt{{replies: []error{errDown}}, {replies: []error{errDown}}, {replies: []error{errDown, io.EOF}}}
		s, err := stream(t, retry.New("user", retry.Options{}), serverStream, attempts...)
		if err != nil {
			t.Fatal(err)
		}
		if header, err := s.Header(); header != nil || err != nil {
			t.Error(header, err)
		}
		if err := s.RecvMsg(nil); !errors.Is(err, errDown) {
			t.Errorf("err = %v", err)
		}
		if err := s.RecvMsg(nil); !errors.Is(err, io.EOF) {
			t.Errorf("asked again: %v", err)
		}
	})
}
