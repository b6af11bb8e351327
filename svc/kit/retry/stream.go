package retry

import (
	"context"
	"errors"
	"io"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// StreamClientInterceptor repeats streams with a single request that failed
// before their first message.
func (r *Retrier) StreamClientInterceptor() grpc.StreamClientInterceptor {
	return func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, streamer grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
		r.budget.call()
		open := func() (grpc.ClientStream, error) { return streamer(ctx, desc, cc, method, opts...) }
		below, err := open()
		if desc.ClientStreams {
			return below, err
		}
		s := &stream{retrier: r, ctx: ctx, method: method, open: open, below: below, attempt: 1}
		if err != nil {
			if err = s.again(err); err != nil {
				return nil, err
			}
		}
		return s, nil
	}
}

// stream is the present attempt of a stream.
type stream struct {
	retrier *Retrier
	ctx     context.Context //nolint:containedctx // a stream carries its context
	method  string
	open    func() (grpc.ClientStream, error)
	attempt int  // RecvMsg alone uses it, as settled
	settled bool // something was handed on that RecvMsg returned

	mu      sync.Mutex
	below   grpc.ClientStream
	request any
	sent    bool
	closed  bool
	headed  bool // a header was handed on
}

// again opens the stream anew as long as that is to be tried, after its attempt
// ended with err.
func (s *stream) again(err error) error {
	for {
		s.mu.Lock()
		request := s.request
		s.mu.Unlock()
		if err = s.retrier.wait(s.ctx, s.method, request, s.attempt, err); err != nil {
			return err
		}
		s.attempt++
		if err = s.reopen(); err == nil {
			return nil
		}
		s.retrier.ended(s.method, err)
	}
}

// reopen sends again what was sent.
func (s *stream) reopen() error {
	below, err := s.open()
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.below = below
	if s.sent {
		if err := below.SendMsg(s.request); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
	}
	if s.closed {
		return below.CloseSend()
	}
	return nil
}

func (s *stream) RecvMsg(message any) error {
	for {
		err := s.current().RecvMsg(message)
		if s.settled {
			return err
		}
		if s.attempt > 1 {
			s.retrier.ended(s.method, ifFailed(err))
		}
		if err == nil || errors.Is(err, io.EOF) || s.handedHeader() {
			s.settled = true
			return err
		}
		if err = s.again(err); err != nil {
			s.settled = true
			return err
		}
	}
}

func ifFailed(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func (s *stream) SendMsg(message any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.request, s.sent = message, true
	return s.below.SendMsg(message)
}

func (s *stream) CloseSend() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return s.below.CloseSend()
}

// Header hands on a header once there is one; the stream is not repeated then.
func (s *stream) Header() (metadata.MD, error) {
	header, err := s.current().Header()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.headed = s.headed || header != nil
	return header, err
}

func (s *stream) Trailer() metadata.MD { return s.current().Trailer() }

func (s *stream) Context() context.Context { return s.current().Context() }

func (s *stream) current() grpc.ClientStream {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.below
}

func (s *stream) handedHeader() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.headed
}
