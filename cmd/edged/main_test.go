package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"connectrpc.com/connect"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/gctl-dev/gctl/internal/stack"
	"github.com/gctl-dev/gctl/svc/kit"
	"github.com/gctl-dev/gctl/svc/user"
	userv1 "github.com/gctl-dev/gctl/svc/user/api"
)

// The tests run this binary again as edged: a real process with real signals.
func TestMain(m *testing.M) {
	if os.Getenv("RUN_AS_EDGED") != "" {
		main()
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// process is a running edged.
type process struct {
	cmd        *exec.Cmd
	grpc, http string // addresses
	ended      chan struct{}

	mu  sync.Mutex
	log []string // messages
}

func edged(t *testing.T, env []string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(append(os.Environ(), "RUN_AS_EDGED=1"), env...)
	return cmd
}

// start runs edged until it serves.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{
		cmd:   edged(t, nil, append([]string{"--plaintext", "--listen=127.0.0.1:0", "--http-listen=127.0.0.1:0"}, args...)...),
		ended: make(chan struct{}),
	}
	out, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	serving := make(chan [2]string, 1)
	go func() {
		defer close(p.ended)
		p.read(out, serving)
		_ = p.cmd.Wait()
	}()
	t.Cleanup(func() { _ = p.cmd.Process.Kill(); <-p.ended })
	select {
	case addrs := <-serving:
		p.grpc, p.http = addrs[0], addrs[1]
	case <-p.ended:
		t.Fatalf("edged ended at once: %q", p.messages())
	case <-time.After(20 * time.Second):
		t.Fatal("edged does not serve")
	}
	return p
}

func (p *process) read(out io.Reader, serving chan<- [2]string) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var line struct {
			Msg     string `json:"message"`
			Address string `json:"address"`
			HTTP    string `json:"http_address"`
		}
		if json.Unmarshal(lines.Bytes(), &line) != nil {
			line.Msg = lines.Text()
		}
		p.mu.Lock()
		p.log = append(p.log, line.Msg)
		p.mu.Unlock()
		if line.Msg == "serving" {
			serving <- [2]string{line.Address, line.HTTP}
		}
	}
}

func (p *process) messages() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.log)
}

// await waits for the end of the process and returns its exit code.
func (p *process) await(t *testing.T) int {
	t.Helper()
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(30 * time.Second):
		t.Fatalf("edged does not end; log %q", p.messages())
		return -1
	}
}

// startUsers runs a user service.
func startUsers(t *testing.T, config kit.Config) string {
	t.Helper()
	config.Listen, config.Plaintext = "127.0.0.1:0", true
	server, err := kit.New(t.Context(), kit.Options{Config: config, Service: user.Name, LogTo: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	if err := user.Setup(t.Context(), server, "sqlite://"+filepath.Join(t.TempDir(), "users.db")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- server.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	})
	return server.Addr()
}

func httpClient(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func create(t *testing.T, p *process, id string) error {
	t.Helper()
	c := connect.NewClient[userv1.CreateUserRequest, userv1.User](httpClient(t), "http://"+p.http+"/user.v1.UserService/CreateUser")
	_, err := c.CallUnary(t.Context(), connect.NewRequest(&userv1.CreateUserRequest{
		User: &userv1.User{Id: id, Email: id + "@example.com", DisplayName: id},
	}))
	return err
}

func TestTheDrainIncludesTheHTTPServer(t *testing.T) {
	p := start(t, "--target-addr="+startUsers(t, kit.Config{}), "--drain-wait=1s")
	watch := connect.NewClient[userv1.WatchUsersRequest, userv1.UserChange](httpClient(t), "http://"+p.http+"/user.v1.UserService/WatchUsers", connect.WithGRPCWeb())
	stream, err := watch.CallServerStream(t.Context(), connect.NewRequest(&userv1.WatchUsersRequest{}))
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := create(t, p, "u-1"); err != nil {
		t.Errorf("a call while clients get time to notice: %v", err)
	}
	if !stream.Receive() || stream.Msg().GetCreated().GetId() != "u-1" {
		t.Errorf("watch while draining = %v, %v", stream.Msg(), stream.Err())
	}
	if stream.Receive() || connect.CodeOf(stream.Err()) != connect.CodeUnavailable {
		t.Errorf("the watch ended with %v, want UNAVAILABLE", stream.Err())
	}
	if code := p.await(t); code != 0 {
		t.Errorf("exit code %d, log %q", code, p.messages())
	}
}

func TestASecondSignalStopsAtOnce(t *testing.T) {
	p := start(t, "--target-addr=127.0.0.1:1", "--drain-wait=1h")
	for _, s := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		if err := p.cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
		for !slices.Contains(p.messages(), "draining") {
			select {
			case <-p.ended:
			case <-time.After(10 * time.Millisecond):
			}
		}
	}
	if code := p.await(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestTheTargetIsFoundInTheCatalog(t *testing.T) {
	agent := stack.ConsulFor(t, stack.ConsulOptions{})
	startUsers(t, kit.Config{Consul: agent.Addr, Instance: "user-1"})
	p := start(t, "--consul="+agent.Addr, "--drain-wait=0s")
	end := time.Now().Add(20 * time.Second)
	for err := create(t, p, "u-1"); err != nil && connect.CodeOf(err) != connect.CodeAlreadyExists; err = create(t, p, "u-1") {
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
	conn, err := grpc.NewClient(p.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	got, err := userv1.NewUserServiceClient(conn).GetUser(t.Context(), &userv1.GetUserRequest{Id: "u-1"})
	if err != nil || got.GetId() != "u-1" {
		t.Errorf("by gRPC: %v, %v", got, err)
	}
	watch, err := healthpb.NewHealthClient(conn).Watch(t.Context(), &healthpb.HealthCheckRequest{Service: "user.v1.UserService"})
	for verdict := healthpb.HealthCheckResponse_UNKNOWN; err == nil && verdict != healthpb.HealthCheckResponse_SERVING; {
		var now *healthpb.HealthCheckResponse
		now, err = watch.Recv()
		verdict = now.GetStatus()
	}
	if err != nil {
		t.Errorf("health: %v", err)
	}
}

func TestCommandLineErrors(t *testing.T) {
	for _, test := range []struct {
		name string
		env  []string
		args []string
		code int
		want string
	}{
		{"no certificate", nil, []string{"--target-addr=a:1"}, 2, "give --tls-cert and --tls-key, or --plaintext"},
		{"no catalog", nil, []string{"--plaintext", "--listen=127.0.0.1:0"}, 2, "where are the instances of user? give --consul"},
		{"contradiction", []string{"EDGED_PLAINTEXT=true"}, []string{"--target-addr=a:1", "--tls-server-ca=x"}, 2, "contradicts the --tls flags"},
		{"bad variable", []string{"EDGED_DRAIN_WAIT=soon"}, []string{"--plaintext"}, 2, `EDGED_DRAIN_WAIT: "soon" is no valid value`},
		{"argument", nil, []string{"serve"}, 2, `unexpected argument "serve"`},
		{"origin", nil, []string{"--plaintext", "--listen=127.0.0.1:0", "--target-addr=a:1", "--cors-origin=app"}, 2, "--cors-origin"},
		{"target", nil, []string{"--plaintext", "--listen=127.0.0.1:0", "--target-addr=nonsense"}, 2, "is not HOST:PORT"},
		{"port 0", nil, []string{"--plaintext", "--listen=127.0.0.1:0", "--target-addr=a:0"}, 2, `nobody can dial "a:0"`},
		{"address", nil, []string{"--plaintext", "--listen=127.0.0.1:0", "--target-addr=a:1", "--http-listen=nowhere"}, 1, "--http-listen"},
	} {
		t.Run(test.name, func(t *testing.T) {
			out, err := edged(t, test.env, test.args...).CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != test.code || !strings.Contains(string(out), test.want) {
				t.Errorf("%v, output %q, want exit %d and %q", err, out, test.code, test.want)
			}
		})
	}
}
