package control_test

import (
	"context"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	controlv1 "github.com/gctl-dev/gctl/api/gctl/control/v1"
)

// progress is a stream of a drain whose client reads from a channel.
type progress struct {
	grpc.ServerStreamingServer[controlv1.DrainResponse]

	ctx   context.Context
	steps chan *controlv1.DrainResponse
}

func (p *progress) Context() context.Context { return p.ctx }

func (p *progress) Send(r *controlv1.DrainResponse) error {
	p.steps <- r
	return nil
}

// watching is a stream of breakers whose client reads from a channel.
type watching struct {
	grpc.ServerStreamingServer[controlv1.WatchBreakersResponse]

	ctx      context.Context
	messages chan *controlv1.WatchBreakersResponse
}

func (w *watching) Context() context.Context { return w.ctx }

func (w *watching) Send(r *controlv1.WatchBreakersResponse) error {
	select {
	case w.messages <- r:
		return nil
	case <-w.ctx.Done():
		return w.ctx.Err()
	}
}

// While the client does not read, a hundred thousand changes of two breakers
// block nobody; then it gets one message with the last state of both.
func TestChangesAreMergedForASlowWatch(t *testing.T) {
	i := newInstance()
	s := start(t, i.options())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stream := &watching{ctx: ctx, messages: make(chan *controlv1.WatchBreakersResponse)}
	ended := make(chan error, 1)
	go func() { ended <- s.WatchBreakers(&controlv1.WatchBreakersRequest{}, stream) }()
	if first := <-stream.messages; first.GetSequence() != 0 || len(first.GetBreakers()) != 3 {
		t.Fatalf("snapshot = %v", first)
	}
	for n := range int64(100_000) {
		for _, name := range []string{"user/read", "mail/send"} {
			i.breakers.change(name, func(b *controlv1.Breaker) { b.Trips = n + 1 })
		}
	}
	last := map[string]int64{}
	for sequence := int64(1); last["user/read"] != 100_000 || last["mail/send"] != 100_000; sequence++ {
		m := <-stream.messages
		if m.GetSequence() != sequence || sequence > 3 {
			t.Fatalf("message %d: %v", sequence, m)
		}
		for _, b := range m.GetBreakers() {
			last[b.GetName()] = b.GetTrips()
		}
	}
	cancel()
	if err := <-ended; status.Code(err) != codes.Canceled {
		t.Errorf("the watch ended with %v", err)
	}
	if n := i.breakers.watchers(); n != 0 {
		t.Errorf("%d watchers are left", n)
	}
}

// A breaker that comes up after the snapshot is a change; one that says that it
// changed and did not is none.
func TestNewsOfAWatch(t *testing.T) {
	i := newInstance()
	s := start(t, i.options())
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	stream := &watching{ctx: ctx, messages: make(chan *controlv1.WatchBreakersResponse)}
	ended := make(chan error, 1)
	go func() { ended <- s.WatchBreakers(&controlv1.WatchBreakersRequest{Target: "user"}, stream) }()
	if first := <-stream.messages; len(first.GetBreakers()) != 2 {
		t.Fatalf("snapshot = %v", first)
	}
	i.breakers.change("user/read", func(*controlv1.Breaker) {})
	i.breakers.trip("mail/send")
	i.breakers.mu.Lock()
	i.breakers.all["user/late"] = newBreakers("user/late").all["user/late"]
	i.breakers.mu.Unlock()
	i.breakers.change("user/late", func(*controlv1.Breaker) {})
	m := <-stream.messages
	if m.GetSequence() != 1 || len(m.GetBreakers()) != 1 || m.GetBreakers()[0].GetName() != "user/late" || m.GetBreakers()[0].GetEtag() == "" {
		t.Errorf("message = %v", m)
	}
	s.Close()
	if err := <-ended; status.Code(err) != codes.Unavailable {
		t.Errorf("the watch ended with %v", err)
	}
}
