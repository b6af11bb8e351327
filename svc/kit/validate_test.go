package kit_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/gctl-dev/gctl/internal/testkit"
	"github.com/gctl-dev/gctl/svc/kit"
)

// Why rules cannot be evaluated is for the log, not for callers.
func TestTheCauseOfAnUncheckableMessageIsLogged(t *testing.T) {
	r := start(t, kit.Options{Config: kit.Config{Plaintext: true}}, func(s *kit.Server) {
		s.RegisterService(odd(func(context.Context) error { return kit.Validate(testkit.Uncheckable(t)) }), struct{}{})
		s.RegisterService(streams(func(_ any, stream grpc.ServerStream) error { return stream.RecvMsg(testkit.Uncheckable(t)) }), struct{}{})
	})
	expect := func(what string, err error) {
		t.Helper()
		if s := status.Convert(err); s.Code() != codes.Internal || s.Message() != "the rules of the schema cannot be evaluated" {
			t.Errorf("%s: the caller gets %v", what, err)
		}
	}
	conn := r.dial(t)
	expect("unary", call(t, conn))
	stream, err := conn.NewStream(within(t), &both, "/test.Streams/Call")
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.SendMsg(&emptypb.Empty{}); err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	expect("stream", stream.RecvMsg(&emptypb.Empty{}))
	until(t, "the log says why, twice", func() bool { return strings.Count(r.log.String(), testkit.BrokenRule) >= 2 })
	if lines := r.log.lines(t, "call failed"); len(lines) != 2 {
		t.Errorf("log = %s", r.log)
	}
}
