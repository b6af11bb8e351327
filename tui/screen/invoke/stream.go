package invoke

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/rpc"
	"github.com/gctl-dev/gctl/rpc/message"
	"github.com/gctl-dev/gctl/tui/screen"
)

// What is kept of a call: so many of the latest messages, together so large.
const (
	keptMessages = 1000
	keptBytes    = 4 << 20
	largest      = 1 << 20 // of one message; the rest of it is cut
	requestQueue = 64      // that wait until the server takes them
)

// received is a response as it is shown.
type received struct {
	number int // from 1
	at     time.Time
	text   string // JSON
	size   int    // of the JSON, before it was cut
	lines  []string
}

// split breaks the text into lines.
func (r *received) split() {
	text := strings.TrimRight(r.text, "\n")
	if r.size > len(r.text) {
		text += fmt.Sprintf("\n... and %s more of this message", sizeOf(r.size-len(r.text)))
	}
	r.lines = strings.Split(text, "\n")
}

// batch is what has happened in a call since the batch before.
type batch struct {
	messages []received
	dropped  int             // messages that came and went in between
	from     *fleet.Instance // who answers, once that is known
	header   metadata.MD
	ended    bool // the last batch
	result   *rpc.Result
	err      error
}

// stream is a call under way. One command runs it, others wait one after the other
// for what is new and bring it to the loop in its order. It never holds up the
// server: of what nobody has fetched yet only the latest is kept.
type stream struct {
	mu     sync.Mutex
	new    batch
	bytes  int
	count  int
	signal chan struct{} // something is new

	requests chan proto.Message
	closed   bool      // no more requests; of the loop
	last     time.Time // of the last batch; of the commands that wait
}

func newStream() *stream {
	return &stream{signal: make(chan struct{}, 1), requests: make(chan proto.Message, requestQueue)}
}

// send gives the call one more request and tells whether there was room for it.
func (s *stream) send(m proto.Message) bool {
	if s.closed {
		return false
	}
	select {
	case s.requests <- m:
		return true
	default:
		return false
	}
}

// halfClose ends the requests.
func (s *stream) halfClose() {
	if !s.closed {
		s.closed = true
		close(s.requests)
	}
}

// run makes the call and returns when it has ended. Every goroutine of it has then
// ended or is about to.
func (s *stream) run(ctx context.Context, m *screen.Method, instance string, limit time.Duration) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	encoder := message.Encoder{Format: message.JSON, Types: m.Types, AllowPartial: true}
	result, err := m.Call(ctx, instance, &rpc.Invocation{
		Method: m.Desc, MaxTime: limit,
		Next: func() (proto.Message, error) {
			select {
			case m, ok := <-s.requests:
				if !ok {
					return nil, io.EOF
				}
				return m, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		},
		OnHeader: func(in fleet.Instance, md metadata.MD) error {
			s.change(func(b *batch) { b.from, b.header = &in, md })
			return nil
		},
		OnMessage: func(m proto.Message) error {
			raw, err := encoder.Encode(m)
			if err != nil {
				raw = []byte("a message that cannot be shown: " + err.Error())
			}
			s.receive(string(raw), time.Now())
			return nil
		},
	})
	s.change(func(b *batch) { b.ended, b.result, b.err = true, result, err })
}

// receive keeps a response; the oldest go where it is too much.
func (s *stream) receive(text string, at time.Time) {
	s.change(func(b *batch) {
		s.count++
		size := len(text)
		if size > largest {
			text = text[:largest]
		}
		b.messages = append(b.messages, received{number: s.count, at: at, text: text, size: size})
		s.bytes += len(text)
		drop := 0
		for ; len(b.messages)-drop > keptMessages || s.bytes > keptBytes; drop++ {
			s.bytes -= len(b.messages[drop].text)
		}
		b.messages, b.dropped = b.messages[drop:], b.dropped+drop
	})
}

func (s *stream) change(do func(*batch)) {
	s.mu.Lock()
	do(&s.new)
	s.mu.Unlock()
	select {
	case s.signal <- struct{}{}:
	default:
	}
}

// pace is the least time between two batches: a stream is not to cost more than the
// eye can follow.
const pace = 50 * time.Millisecond

// next waits for what is new. False: ctx has ended.
func (s *stream) next(ctx context.Context) (batch, bool) {
	select {
	case <-s.signal:
	case <-ctx.Done():
		return batch{}, false
	}
	if rest := pace - time.Since(s.last); rest > 0 {
		timer := time.NewTimer(rest)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return batch{}, false
		}
	}
	s.last = time.Now()
	s.mu.Lock()
	got := s.new
	s.new, s.bytes = batch{}, 0
	s.mu.Unlock()
	for i := range got.messages { // here, so that the loop does not have to
		got.messages[i].split()
	}
	return got, true
}
