package telemetry

import (
	"context"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// errPanicked is the error of a handler that did not return.
var errPanicked = status.Error(codes.Internal, "panic")

func (l *legacyMetrics) unaryClient(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	call := l.client.begin(method, "unary", static(opts))
	call.sent.Inc()
	err := invoke(ctx, method, request, reply, conn, opts...)
	if err == nil {
		call.received.Inc()
	}
	call.end(ctx, err)
	return err
}

func (l *legacyMetrics) streamClient(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	call := l.client.begin(method, kindOf(desc.ClientStreams, desc.ServerStreams), static(opts))
	var once sync.Once
	end := func(err error) { once.Do(func() { call.end(ctx, err) }) }
	opts = append([]grpc.CallOption{grpc.OnFinish(end)}, opts...)
	stream, err := open(ctx, desc, conn, method, opts...)
	if err != nil {
		end(err) // an interceptor may have refused it before grpc-go saw it
		return nil, err
	}
	return legacyClientStream{stream, call}, nil
}

// static tells whether the name of the method is part of the program, as it is
// in generated code.
func static(opts []grpc.CallOption) bool {
	for _, o := range opts {
		if _, ok := o.(grpc.StaticMethodCallOption); ok {
			return true
		}
	}
	return false
}

type legacyClientStream struct {
	grpc.ClientStream

	call *legacyCall
}

func (s legacyClientStream) SendMsg(m any) error {
	err := s.ClientStream.SendMsg(m)
	if err == nil {
		s.call.sent.Inc()
	}
	return err
}

func (s legacyClientStream) RecvMsg(m any) error {
	err := s.ClientStream.RecvMsg(m)
	if err == nil {
		s.call.received.Inc()
	}
	return err
}
