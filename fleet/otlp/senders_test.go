package otlp_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet/otlp"
)

// Senders that stop in the midst, send something else or never end cost nobody else
// a span, and do not keep the receiver from closing.
func TestSendersThatMisbehaveCostNobodyElse(t *testing.T) {
	r, err := otlp.Start(context.WithoutCancel(t.Context()), otlp.Options{GRPC: "127.0.0.1:0", HTTP: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	closed := false
	defer func() {
		if !closed {
			_ = r.Close()
		}
	}()
	const head = "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n"
	say := func(addr, text string) net.Conn {
		t.Helper()
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	// Half a body, and then nothing more ever.
	half := say(r.HTTP, head+"Content-Length: 1000\r\n\r\n\x0a\x01")
	if err := half.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if resp, err := http.ReadResponse(bufio.NewReader(half), nil); err != nil || resp.StatusCode != http.StatusBadRequest {
		t.Errorf("half a body: %+v, %v", resp, err)
	}
	say(r.HTTP, head+"Content-Length: 1000\r\n\r\n\x0a\x01") // hangs
	say(r.HTTP, "POST /v1/tr")                               // hangs earlier
	say(r.HTTP, "\x16\x03\x01\x00 what?\r\n\r\n")
	say(r.GRPC, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	say(r.GRPC, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") // hangs in the beginning
	// One that never ends is stopped at the limit.
	endless := say(r.HTTP, head+"Transfer-Encoding: chunked\r\n\r\n")
	sent, chunk := 0, fmt.Sprintf("%x\r\n%s\r\n", 1<<16, make([]byte, 1<<16))
	for err = nil; err == nil && sent < 1<<30; sent += len(chunk) {
		_, err = io.WriteString(endless, chunk)
	}
	if err == nil {
		t.Errorf("%d bytes were taken", sent)
	}

	send(t, r, trace(1, 2))
	if got, err := reader(t, r).Trace(t.Context(), trace(1, 2).ID); err != nil || len(got.Spans) != 2 {
		t.Errorf("a sender like others: %+v, %v", got, err)
	}
	began := time.Now()
	closed = true
	if err := r.Close(); err != nil || time.Since(began) > 10*time.Second {
		t.Errorf("Close = %v after %s", err, time.Since(began))
	}
}
