package invoke

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gctl-dev/gctl/rpc"
	"github.com/gctl-dev/gctl/tui/screen"
)

// runStream runs a call that is made by do, and returns a function that waits for
// its end.
func runStream(ctx context.Context, s *stream, do func(ctx context.Context, inv *rpc.Invocation) error) (wait func()) {
	var group sync.WaitGroup
	group.Go(func() {
		s.run(ctx, &screen.Method{Call: func(ctx context.Context, _ string, inv *rpc.Invocation) (*rpc.Result, error) {
			return nil, do(ctx, inv)
		}}, "", 0)
	})
	return group.Wait
}

func TestAStreamKeepsTheOrder(t *testing.T) {
	s := newStream()
	const n = 500
	wait := runStream(t.Context(), s, func(_ context.Context, inv *rpc.Invocation) error {
		for i := range n {
			if err := inv.OnMessage(wrapperspb.Int64(int64(i))); err != nil {
				return err
			}
		}
		return nil
	})
	next := 0
	for {
		b, ok := s.next(t.Context())
		if !ok {
			t.Fatal("the stream ended without its end")
		}
		for _, m := range b.messages {
			if want := fmt.Sprintf("%q", fmt.Sprint(next)); m.text != want || m.number != next+1 {
				t.Fatalf("message %d is %s, number %d", next, m.text, m.number)
			}
			next++
		}
		if b.ended {
			break
		}
	}
	if next != n {
		t.Errorf("%d messages came, want %d", next, n)
	}
	wait()
}

func TestAStreamHoldsUpNobodyAndKeepsTheLatest(t *testing.T) {
	s := newStream()
	for i := range keptMessages + 50 {
		s.receive(fmt.Sprint(i), time.Now())
	}
	b, _ := s.next(t.Context())
	if len(b.messages) != keptMessages || b.dropped != 50 || b.messages[0].number != 51 {
		t.Errorf("%d messages from number %d on, %d dropped", len(b.messages), b.messages[0].number, b.dropped)
	}
	for range 6 {
		s.receive(strings.Repeat("x", largest+100), time.Now())
	}
	b, _ = s.next(t.Context())
	bytes := 0
	for _, m := range b.messages {
		bytes += len(m.text)
		if m.size != largest+100 {
			t.Errorf("the size is %d", m.size)
		}
	}
	if bytes > keptBytes || len(b.messages) != 4 || b.dropped != 2 {
		t.Errorf("%d bytes in %d messages, %d dropped", bytes, len(b.messages), b.dropped)
	}
}

func TestACancelledStreamLeavesNothingBehind(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := newStream()
	wait := runStream(ctx, s, func(ctx context.Context, inv *rpc.Invocation) error {
		got := make(chan error)
		go func() { _, err := inv.Next(); got <- err }() // as a call of a client stream does
		<-ctx.Done()
		return <-got
	})
	cancel()
	wait()
	b, ok := s.next(t.Context())
	if !ok || !b.ended || !errors.Is(b.err, context.Canceled) {
		t.Errorf("the end is %v, %v", ok, b)
	}
	if _, ok := s.next(ctx); ok {
		t.Error("who waits for a stream whose page is gone waits on")
	}
}

func TestNextOfAPageThatIsGoneEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := newStream()
	var group sync.WaitGroup
	group.Go(func() { s.next(ctx) })
	cancel()
	group.Wait() // or this hangs
}

func TestRequestsWaitUntilTheyAreTaken(t *testing.T) {
	s := newStream()
	for i := range requestQueue {
		if !s.send(&emptypb.Empty{}) {
			t.Fatalf("request %d found no room", i)
		}
	}
	if s.send(&emptypb.Empty{}) {
		t.Error("there is room for any number of requests")
	}
	s.halfClose()
	s.halfClose()
	if s.send(&emptypb.Empty{}) {
		t.Error("a request goes out behind the end")
	}
	taken := 0
	wait := runStream(t.Context(), s, func(_ context.Context, inv *rpc.Invocation) error {
		for {
			if _, err := inv.Next(); err != nil {
				return err
			}
			taken++
		}
	})
	wait()
	if taken != requestQueue {
		t.Errorf("%d were taken", taken)
	}
}

func TestWhatIsKeptOfAnAnswerIsBounded(t *testing.T) {
	a := answer{streams: true}
	for i := range keptMessages + 10 {
		a.take(&batch{messages: []received{{number: i + 1, text: "{}", lines: []string{"{}"}}}}, nil)
	}
	if len(a.list) != keptMessages || a.dropped != 10 || a.count != keptMessages+10 {
		t.Errorf("%d are kept, %d dropped of %d", len(a.list), a.dropped, a.count)
	}
	for i := range 10 {
		m := received{number: i, text: strings.Repeat("x", largest), size: largest + 2000}
		m.split()
		a.take(&batch{messages: []received{m}}, nil)
	}
	if a.bytes > keptBytes {
		t.Errorf("%d bytes are kept", a.bytes)
	}
	last := a.list[len(a.list)-1].lines
	if got := last[len(last)-1]; got != "... and 2.0 kB more of this message" {
		t.Errorf("a message that was cut ends with %q", got)
	}
}
