package kit_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/gctl-dev/gctl/svc/kit"
)

// raw is a client of HTTP/2 that keeps no rules.
type raw struct {
	*http2.Framer

	conn net.Conn
	next uint32
}

func dialRaw(t *testing.T, addr string) *raw {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	c := &raw{http2.NewFramer(conn, conn), conn, 1}
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	if err := c.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	return c
}

// begin begins a call and returns its stream.
func (c *raw) begin(t *testing.T, path string, more ...hpack.HeaderField) uint32 {
	t.Helper()
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	fields := append([]hpack.HeaderField{
		{Name: ":method", Value: "POST"}, {Name: ":scheme", Value: "http"}, {Name: ":path", Value: path}, {Name: ":authority", Value: "test"},
		{Name: "content-type", Value: "application/grpc"}, {Name: "te", Value: "trailers"},
	}, more...)
	for _, f := range fields {
		if err := encoder.WriteField(f); err != nil {
			t.Fatal(err)
		}
	}
	id := c.next
	c.next += 2
	const most = 16 << 10
	rest := block.Bytes()
	first := rest[:min(most, len(rest))]
	rest = rest[len(first):]
	err := c.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: first, EndHeaders: len(rest) == 0})
	for err == nil && len(rest) > 0 {
		part := rest[:min(most, len(rest))]
		rest = rest[len(part):]
		err = c.WriteContinuation(id, len(rest) == 0, part)
	}
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// reset reads until a stream is reset, and returns why.
func (c *raw) reset(t *testing.T, stream uint32) http2.ErrCode {
	t.Helper()
	for {
		frame, err := c.ReadFrame()
		if err != nil {
			t.Fatalf("stream %d was not reset: %v", stream, err)
		}
		if r, ok := frame.(*http2.RSTStreamFrame); ok && r.StreamID == stream {
			return r.ErrCode
		}
	}
}

// refused checks that a client which does not keep to the limit of streams has
// the next one refused. The gate is what holds up those that are let in.
func refused(t *testing.T, addr string, g *gate) {
	t.Helper()
	c := dialRaw(t, addr)
	for range 1000 {
		c.begin(t, "/test.Streams/Call")
	}
	for range 1000 {
		<-g.entered
	}
	if code := c.reset(t, c.begin(t, "/test.Streams/Call")); code != http2.ErrCodeRefusedStream {
		t.Errorf("stream 1001 was reset with %v", code)
	}
	if len(g.entered) != 0 {
		t.Error("stream 1001 came through")
	}
}

func TestHeadersOfAClientThatKeepsNoLimit(t *testing.T) {
	r := startOdd(t, kit.Config{}, nil)
	c := dialRaw(t, r.Addr())
	large := make([]hpack.HeaderField, 20)
	for i := range large {
		large[i] = hpack.HeaderField{Name: "x-large", Value: string(bytes.Repeat([]byte{'a' + byte(i)}, 8<<10)), Sensitive: true}
	}
	stream := c.begin(t, oddCall, large...)
	if err := c.answered(stream); err == nil {
		t.Error("headers of 160 KiB were taken")
	}
	if err := call(t, r.dial(t)); err != nil {
		t.Errorf("another client: %v", err)
	}
}

// answered reads until the stream is answered, with nil, or reset or cut off.
func (c *raw) answered(stream uint32) error {
	for {
		frame, err := c.ReadFrame()
		if err != nil {
			return err
		}
		switch f := frame.(type) {
		case *http2.HeadersFrame:
			if f.StreamID == stream {
				return nil
			}
		case *http2.RSTStreamFrame:
			return errors.New(f.ErrCode.String())
		case *http2.GoAwayFrame:
			return errors.New(f.ErrCode.String())
		}
	}
}
