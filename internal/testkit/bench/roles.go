package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/gctl-dev/gctl/internal/testkit/load"
	"github.com/gctl-dev/gctl/svc/kit"
	userv1 "github.com/gctl-dev/gctl/svc/user/api"
)

// roleVariable says which server this binary is, started again as a process of
// its own.
const roleVariable = "GCTL_BENCH_ROLE"

// The roles. All answer GetUser with the same user.
const (
	roleBare    = "bare"        // grpc-go as it comes
	roleKit     = "kit"         // the kit's full chain, no traces
	roleSampled = "kit-sampled" // 1 % of the calls traced, to a collector that is away
	roleTraced  = "kit-traced"  // all calls traced, to a collector that is away
	nowhere     = "127.0.0.1:9" // discard: nobody listens
)

// play is main for a role.
func play(role string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var err error
	switch role {
	case roleBare:
		err = serveBare(ctx)
	case roleEmpty:
		err = playEmpty()
	case roleHealth:
		err = serveHealth(ctx)
	default:
		err = serveKit(ctx, role)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// launchRole starts a role and waits until it serves.
func launchRole(ctx context.Context, role string) (*load.Instance, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	return load.Launch(ctx, cmd)
}

// constant answers as fast as can be.
type constant struct {
	userv1.UnimplementedUserServiceServer

	user *userv1.User
}

func newConstant() constant {
	return constant{user: &userv1.User{
		Id: "u-1", Email: "ada@example.com", DisplayName: "Ada", Role: userv1.Role_ROLE_ADMIN, State: userv1.State_STATE_ACTIVE,
		Groups: []string{"oncall", "core"}, Labels: map[string]string{"team": "core"},
		CreateTime: timestamppb.New(time.Unix(1, 0)), UpdateTime: timestamppb.New(time.Unix(2, 0)), Revision: 7,
	}}
}

// GetUser implements user.v1.UserService.
func (c constant) GetUser(context.Context, *userv1.GetUserRequest) (*userv1.User, error) {
	return c.user, nil
}

func serveBare(ctx context.Context) error {
	lis, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	userv1.RegisterUserServiceServer(server, newConstant())
	healthpb.RegisterHealthServer(server, health.NewServer()) // clients ask for it
	defer context.AfterFunc(ctx, server.Stop)()
	line, err := json.Marshal(map[string]string{"message": "serving", "address": lis.Addr().String()})
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s\n", line)
	if err := server.Serve(lis); !errors.Is(err, grpc.ErrServerStopped) {
		return err
	}
	return nil
}

func serveKit(ctx context.Context, role string) error {
	config := kit.Config{
		Listen: "127.0.0.1:0", MetricsListen: "127.0.0.1:0", Plaintext: true,
		RateLimits: []string{"*=1000000/s,burst=100000"}, ConcurrencyLimit: "100..1000", DeadlineFloor: time.Millisecond,
	}
	switch role {
	case roleSampled:
		config.OTLP, config.OTLPPlaintext, config.TraceRatio = nowhere, true, 0.01
	case roleTraced:
		config.OTLP, config.OTLPPlaintext, config.TraceRatio = nowhere, true, 1
	}
	server, err := kit.New(ctx, kit.Options{Config: config, Service: "user", LogTo: os.Stderr})
	if err != nil {
		return err
	}
	userv1.RegisterUserServiceServer(server, newConstant())
	return server.Run(ctx)
}

// cpuTime returns the time that a process has computed, user and system, in steps
// of 10 ms (proc_pid_stat(5); USER_HZ is 100 on every Linux).
func cpuTime(pid int) (time.Duration, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// Behind the name, which may hold anything, in parentheses.
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	var ticks int64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil
}
