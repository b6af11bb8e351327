package commands

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/config"
	"github.com/gctl-dev/gctl/internal/testkit"
	"github.com/gctl-dev/gctl/reflection"
)

// gctl runs the command line in process against the instance at addr.
func gctl(ctx context.Context, addr string, in io.Reader, out io.Writer, words ...string) result {
	f, run := testFactory(nil)
	f.Context = func() (config.Context, error) { return config.Context{}, nil }
	f.Catalog = func() (fleet.Catalog, error) { return OneInstance(addr) }
	f.Cache = func() (reflection.Cache, error) { return nil, os.ErrNotExist }
	if in != nil {
		f.Streams.In = in
	}
	if out != nil {
		f.Streams.Out = out
	}
	return run(ctx, append([]string{"--addr", addr}, words...)...)
}

// TestInterop makes the calls of the interop tests that every implementation of
// gRPC passes (https://github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md)
// against servers in two languages.
func TestInterop(t *testing.T) {
	t.Run("go", func(t *testing.T) {
		_, addr := testkit.Server{}.Start(t)
		interop(t, addr)
	})
	t.Run("node", func(t *testing.T) { interop(t, testkit.NodeServer(t)) })
}

func interop(t *testing.T, addr string) {
	for name, test := range map[string]func(*testing.T, string){
		"empty_unary": emptyUnary, "large_unary": largeUnary, "client_streaming": clientStreaming,
		"server_streaming": serverStreaming, "ping_pong": pingPong, "empty_stream": emptyStream,
		"custom_metadata": customMetadata, "status_code_and_message": statusCodeAndMessage,
		"special_status_message": specialStatusMessage, "unimplemented": unimplemented,
		"timeout_on_sleeping_server": timeoutOnSleepingServer, "cancel_after_begin": cancelAfterBegin,
		"cancel_after_first_response": cancelAfterFirstResponse,
	} {
		t.Run(name, func(t *testing.T) { test(t, addr) })
	}
}

// Node's reflection names the entries of maps as it likes, and imports neither
// well-known types nor the files of other packages.
func TestNodesOwnWayToDescribeItsMessages(t *testing.T) {
	addr := testkit.NodeServer(t)
	thing := `{"id":"t-1","labels":{"a":"b"},"subThings":{"1":{"id":"t-2"}},"madeAt":"2026-01-02T03:04:05Z","weight":0,"color":"BLUE"}`
	r := want(t, 0, addr, nil, "call", "Things.Echo", "-d", thing, "-o", "jsonl")
	var got, sent any
	if err := errors.Join(json.Unmarshal([]byte(r.out), &got), json.Unmarshal([]byte(thing), &sent)); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, sent) {
		t.Errorf("got %s, sent %s", r.out, thing)
	}
	r = want(t, 0, addr, nil, "describe", "gctl.testing.Thing")
	if !strings.Contains(r.out, "map<int32, .gctl.testing.Thing> sub_things = 3;") || r.err != "" {
		t.Errorf("described as %s%s", r.out, r.err)
	}
}

// want runs gctl and checks its code.
func want(t *testing.T, code int, addr string, in io.Reader, words ...string) result {
	t.Helper()
	r := gctl(t.Context(), addr, in, nil, words...)
	if r.code != code {
		t.Fatalf("%q: code %d, want %d\n%s%s", words, r.code, code, r.out, r.err)
	}
	return r
}

func emptyUnary(t *testing.T, addr string) {
	if r := want(t, 0, addr, nil, "call", "grpc.testing.TestService/EmptyCall"); r.out != "{}\n" {
		t.Errorf("answer %q", r.out)
	}
}

const large, larger = 271828, 314159

func zeros(n int) string { return base64.StdEncoding.EncodeToString(make([]byte, n)) }

func largeUnary(t *testing.T, addr string) {
	request := fmt.Sprintf(`{"responseSize": %d, "payload": {"body": %q}}`, larger, zeros(large))
	r := want(t, 0, addr, strings.NewReader(request), "call", "UnaryCall", "-d", "@", "--jq", ".payload.body")
	if strings.TrimSpace(r.out) != zeros(larger) {
		t.Errorf("an answer of %d characters", len(r.out))
	}
}

func clientStreaming(t *testing.T, addr string) {
	var in strings.Builder
	for _, n := range []int{27182, 8, 1828, 45904} {
		fmt.Fprintf(&in, "{\"payload\": {\"body\": %q}}\n", zeros(n))
	}
	r := want(t, 0, addr, strings.NewReader(in.String()), "call", "StreamingInputCall", "-d", "@", "--jq", ".aggregatedPayloadSize")
	if r.out != "74922\n" {
		t.Errorf("answer %q", r.out)
	}
}

func serverStreaming(t *testing.T, addr string) {
	r := want(t, 0, addr, nil, "call", "StreamingOutputCall", "--jq", ".payload.body | @base64d | length",
		"-d", `{"responseParameters": [{"size": 31415}, {"size": 9}, {"size": 2653}, {"size": 58979}]}`)
	if r.out != "31415\n9\n2653\n58979\n" {
		t.Errorf("answer %q", r.out)
	}
}

// pingPong sends the next request only when the answer to the one before is
// there: both directions flow at the same time.
func pingPong(t *testing.T, addr string) {
	typed, in := io.Pipe()
	out, printed := io.Pipe()
	done := make(chan result, 1)
	go func() {
		done <- gctl(t.Context(), addr, typed, printed, "call", "FullDuplexCall", "-d", "@", "-o", "jsonl")
		printed.Close()
		typed.Close() // no more writing if it ended too early
	}()
	answers := json.NewDecoder(out)
	for _, size := range []int{31415, 9, 2653, 58979} {
		fmt.Fprintf(in, "{\"responseParameters\": [{\"size\": %d}], \"payload\": {\"body\": \"AAAA\"}}\n", size)
		var answer map[string]map[string][]byte
		if err := answers.Decode(&answer); err != nil {
			t.Fatalf("%v: %+v", err, <-done)
		}
		if got := len(answer["payload"]["body"]); got != size {
			t.Errorf("%d bytes, want %d", got, size)
		}
	}
	in.Close()
	go io.Copy(io.Discard, out) // the last newline
	if r := <-done; r.code != 0 {
		t.Errorf("code %d: %s", r.code, r.err)
	}
}

func emptyStream(t *testing.T, addr string) {
	for _, how := range [][]string{{"-d", ""}, {"-d", "@"}} {
		r := want(t, 0, addr, strings.NewReader(""), append([]string{"call", "FullDuplexCall"}, how...)...)
		if r.out != "" {
			t.Errorf("answer %q", r.out)
		}
	}
}

// parse reads an envelope.
func parse(t *testing.T, r result) envelope {
	t.Helper()
	var e envelope
	if err := json.Unmarshal([]byte(r.out), &e); err != nil {
		t.Fatalf("%v in %s", err, r.out)
	}
	return e
}

func customMetadata(t *testing.T, addr string) {
	binary := base64.StdEncoding.EncodeToString([]byte{0xab, 0xab, 0xab})
	for method, data := range map[string]string{"UnaryCall": `{"responseSize": 1}`, "FullDuplexCall": `{"responseParameters": [{"size": 1}]}`} {
		r := want(t, 0, addr, nil, "call", method, "-d", data, "-o", "envelope",
			"-H", "x-grpc-test-echo-initial: test_initial_metadata_value", "--rpc-header", "x-grpc-test-echo-trailing-bin: "+binary)
		e := parse(t, r)
		if got := e.Headers["x-grpc-test-echo-initial"]; len(got) != 1 || got[0] != "test_initial_metadata_value" {
			t.Errorf("%s: headers %v", method, e.Headers)
		}
		if got := e.Trailers["x-grpc-test-echo-trailing-bin"]; len(got) != 1 || got[0] != binary {
			t.Errorf("%s: trailers %v", method, e.Trailers)
		}
	}
}

func statusCodeAndMessage(t *testing.T, addr string) {
	data := `{"responseStatus": {"code": 2, "message": "test status message"}}`
	for _, method := range []string{"UnaryCall", "FullDuplexCall"} {
		r := want(t, 66, addr, nil, "call", method, "-d", data)
		if !strings.Contains(r.err, "UNKNOWN") || !strings.Contains(r.err, "test status message") {
			t.Errorf("%s: %s", method, r.err)
		}
	}
}

func specialStatusMessage(t *testing.T, addr string) {
	const special = "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \U0001f608\t\n"
	quoted := `"\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \ud83d\ude08\t\n"`
	data := `{"responseStatus": {"code": 2, "message": ` + quoted + `}}`
	r := want(t, 66, addr, nil, "call", "UnaryCall", "-d", data, "-o", "envelope")
	if e := parse(t, r); e.Status.Message != special {
		t.Errorf("message %q, want %q", e.Status.Message, special)
	}
}

func unimplemented(t *testing.T, addr string) {
	set := filepath.Join(t.TempDir(), "set")
	if err := os.WriteFile(set, testkit.TestProtoset(t), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, method := range []string{"TestService/UnimplementedCall", "UnimplementedService/UnimplementedCall"} {
		r := want(t, 76, addr, nil, "call", method, "--protoset", set)
		if !strings.Contains(r.err, "UNIMPLEMENTED") {
			t.Error(r.err)
		}
	}
}

func timeoutOnSleepingServer(t *testing.T, addr string) {
	typed, in := io.Pipe() // never closed while the call lasts
	defer in.Close()
	r := want(t, 68, addr, typed, "call", "FullDuplexCall", "-d", "@", "--max-time", "0.05")
	if !strings.Contains(r.err, "DEADLINE_EXCEEDED") || !strings.Contains(r.err, "--max-time") {
		t.Error(r.err)
	}
}

func cancelAfterBegin(t *testing.T, addr string) {
	ctx, cancel := context.WithCancel(t.Context())
	typed, in := io.Pipe()
	defer in.Close()
	time.AfterFunc(50*time.Millisecond, cancel)
	if r := gctl(ctx, addr, typed, nil, "call", "StreamingInputCall", "-d", "@"); r.code != 130 {
		t.Errorf("code %d: %s", r.code, r.err)
	}
}

func cancelAfterFirstResponse(t *testing.T, addr string) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	typed, in := io.Pipe()
	defer in.Close()
	out := &onWrite{do: cancel}
	go fmt.Fprintln(in, `{"responseParameters": [{"size": 1}]}`)
	if r := gctl(ctx, addr, typed, out, "call", "FullDuplexCall", "-d", "@"); r.code != 130 {
		t.Errorf("code %d: %s", r.code, r.err)
	}
}

// onWrite does something when it is first written to.
type onWrite struct {
	bytes.Buffer
	once sync.Once
	do   func()
}

func (w *onWrite) Write(b []byte) (int, error) {
	w.once.Do(w.do)
	return w.Buffer.Write(b)
}
