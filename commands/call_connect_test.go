package commands

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gctl-dev/gctl/internal/testkit"
)

// webServer is a server on connect-node, called by one protocol.
type webServer struct {
	addr  string
	flags []string
}

func (s *webServer) call(t *testing.T, code int, method, data string, flags ...string) result {
	t.Helper()
	words := append([]string{"call", method, "-d", "@"}, s.flags...)
	return want(t, code, s.addr, strings.NewReader(data), append(words, flags...)...)
}

// TestConnectInterop makes calls of the interop tests in the protocols of
// browsers, against those protocols' own implementation.
func TestConnectInterop(t *testing.T) {
	http1, http2 := testkit.ConnectServer(t)
	schema := filepath.Join(t.TempDir(), "test.binpb")
	if err := os.WriteFile(schema, testkit.TestProtoset(t), 0o600); err != nil {
		t.Fatal(err)
	}
	for version, addr := range map[string]string{"HTTP 1": http1, "HTTP 2": http2} {
		for _, protocol := range []string{"connect", "grpc-web"} {
			s := &webServer{addr, []string{"--protocol", protocol, "--protoset", schema}}
			t.Run(protocol+" over "+version, s.interop)
		}
	}
	t.Run("streams of requests", (&webServer{http2, []string{"--protocol", "connect", "--protoset", schema}}).requests)
}

func (s *webServer) interop(t *testing.T) {
	if r := s.call(t, 0, "EmptyCall", ""); r.out != "{}\n" {
		t.Errorf("answer %q", r.out)
	}
	request := fmt.Sprintf(`{"responseSize": %d, "payload": {"body": %q}}`, larger, zeros(large))
	for _, flags := range [][]string{nil, {"--compress", "gzip"}} {
		r := s.call(t, 0, "UnaryCall", request, append(flags, "--jq", ".payload.body")...)
		if strings.TrimSpace(r.out) != zeros(larger) {
			t.Errorf("an answer of %d characters", len(r.out))
		}
	}
	sizes := `{"responseParameters": [{"size": 31415}, {"size": 9}, {"size": 2653}, {"size": 0}]}`
	if r := s.call(t, 0, "StreamingOutputCall", sizes, "--jq", ".payload.body // \"\" | @base64d | length"); r.out != "31415\n9\n2653\n0\n" {
		t.Errorf("answer %q", r.out)
	}
	s.metadata(t)
	s.statuses(t)
	s.call(t, 76, "TestService/UnimplementedCall", "")
	s.call(t, 76, "UnimplementedService/UnimplementedCall", "")
}

func (s *webServer) metadata(t *testing.T) {
	for _, method := range []string{"UnaryCall", "StreamingOutputCall"} {
		e := parse(t, s.call(t, 0, method, "", "-o", "envelope",
			"-H", "x-grpc-test-echo-initial: test_initial_metadata_value", "-H", "x-grpc-test-echo-trailing-bin: q6ur"))
		if got := fmt.Sprint(e.Headers["x-grpc-test-echo-initial"], e.Trailers["x-grpc-test-echo-trailing-bin"]); got != "[test_initial_metadata_value] [q6ur]" {
			t.Errorf("%s: headers %v, trailers %v", method, e.Headers, e.Trailers)
		}
	}
}

func (s *webServer) statuses(t *testing.T) {
	const special = "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \U0001f608\t\n"
	status, err := json.Marshal(map[string]any{"responseStatus": map[string]any{"code": 2, "message": special}})
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range []string{"UnaryCall", "StreamingOutputCall"} {
		e := parse(t, s.call(t, 66, method, string(status), "-o", "envelope"))
		if e.Status.Message != special || len(e.Status.Details) != 1 || !strings.Contains(string(e.Status.Details[0]), "EchoStatus") {
			t.Errorf("%s: %+v", method, e.Status)
		}
	}
}

func (s *webServer) requests(t *testing.T) {
	data := `{"payload": {"body": "AAAA"}} {} {"payload": {"body": "AAAA"}}`
	if r := s.call(t, 0, "StreamingInputCall", data, "--jq", ".aggregatedPayloadSize"); r.out != "6\n" {
		t.Errorf("answer %q", r.out)
	}
	if r := s.call(t, 0, "FullDuplexCall", `{"responseParameters": [{"size": 1}]} {"responseParameters": [{"size": 2}]}`, "-o", "jsonl"); strings.Count(r.out, "\n") != 2 {
		t.Errorf("answer %q", r.out)
	}
	if r := s.call(t, 0, "FullDuplexCall", ""); r.out != "" {
		t.Errorf("answer %q", r.out)
	}
}
