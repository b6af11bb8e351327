package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/interop"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/reflection"

	"github.com/gctl-dev/gctl/discovery"
	"github.com/gctl-dev/gctl/discovery/consul"
	"github.com/gctl-dev/gctl/internal/stack"
	userv1 "github.com/gctl-dev/gctl/svc/user/api"
)

// world is what the processes talk to: a Consul agent, a user service that is
// registered in it, and the interop service of grpc-go.
type world struct {
	bin, dir                       string
	client, grpcurl                string
	consul, userAddr, interopAddr  string
	protoset                       string
	stopUser, stopInterop, stopAll func()
}

func newWorld(ctx context.Context, bin, dir string) (*world, error) {
	bin, err := filepath.Abs(bin)
	if err != nil {
		return nil, err
	}
	w := &world{
		bin: bin, dir: dir,
		client:   filepath.Join(bin, "tools", "client"),
		grpcurl:  filepath.Join(bin, "tools", "grpcurl"),
		protoset: filepath.Join(dir, "user.protoset"),
	}
	agent, err := stack.StartConsul(ctx, stack.ConsulOptions{})
	if err != nil {
		return nil, err
	}
	w.consul = agent.Addr
	w.stopAll = func() { _ = agent.Stop() }
	if err := errors.Join(w.startUser(ctx), w.startInterop(ctx)); err != nil {
		w.stop()
		return nil, err
	}
	if err := w.writeProtoset(ctx); err != nil {
		w.stop()
		return nil, err
	}
	return w, nil
}

// writeProtoset has gctl write the schema for grpcurl's runs with a protoset.
func (w *world) writeProtoset(ctx context.Context) error {
	s := w.gctl("", "describe", "--addr", w.userAddr, "user.v1.UserService", "--protoset-out", w.protoset)
	cmd := exec.CommandContext(ctx, s.args[0], s.args[1:]...)
	cmd.Env = append(os.Environ(), s.env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("gctl describe: %w\n%s", err, out)
	}
	return nil
}

func (w *world) stop() {
	for _, f := range []func(){w.stopUser, w.stopInterop, w.stopAll} {
		if f != nil {
			f()
		}
	}
}

// gctl is a run of gctl with a home of its own and the world's Consul.
func (w *world) gctl(name string, args ...string) subject {
	return subject{
		name: name,
		args: append([]string{filepath.Join(w.bin, "gctl")}, args...),
		env: []string{
			"HOME=" + w.dir, "XDG_CONFIG_HOME=", "XDG_CACHE_HOME=", "XDG_STATE_HOME=",
			"CONSUL_HTTP_ADDR=" + w.consul,
		},
	}
}

// startUser starts a user service, waits until it serves, and creates u-1.
func (w *world) startUser(ctx context.Context) error {
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	w.userAddr = addr
	cmd := exec.CommandContext(ctx, filepath.Join(w.bin, "userd"), "--plaintext", "--listen", addr,
		"--store", "sqlite://"+filepath.Join(w.dir, "users.db"), "--consul", w.consul, "--drain-wait", "0s")
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		return err
	}
	w.stopUser = func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	}
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	conn.Connect()
	for s := conn.GetState(); s != connectivity.Ready; s = conn.GetState() {
		if !conn.WaitForStateChange(ctx, s) {
			return fmt.Errorf("userd does not serve: %w\n%s", ctx.Err(), log.String())
		}
	}
	_, err = userv1.NewUserServiceClient(conn).CreateUser(ctx, &userv1.CreateUserRequest{
		User: &userv1.User{Id: "u-1", Email: "ada@example.com", DisplayName: "Ada"},
	})
	return err
}

// awaitPassing waits until Consul's first check of the user service has passed.
func (w *world) awaitPassing(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	client, err := consul.New(consul.Config{Address: w.consul})
	if err != nil {
		return err
	}
	defer client.Close()
	for {
		found, err := client.Lookup(ctx, "user")
		if err != nil {
			return err
		}
		if len(found.Endpoints) > 0 && found.Endpoints[0].Status == discovery.Passing {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// startInterop serves grpc-go's own interop test service.
func (w *world) startInterop(ctx context.Context) error {
	var lc net.ListenConfig
	lis, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	srv := grpc.NewServer()
	testgrpc.RegisterTestServiceServer(srv, interop.NewTestServer())
	reflection.Register(srv)
	go func() { _ = srv.Serve(lis) }()
	w.interopAddr, w.stopInterop = lis.Addr().String(), srv.Stop
	return nil
}

// fillConsul registers services with some instances each, spread over nodes as
// a real fleet is.
func (w *world) fillConsul(ctx context.Context, services, instances int) error {
	for s := range services {
		for i := range instances {
			body := fmt.Sprintf(`{"Node":"node-%d","Address":"127.0.0.1","SkipNodeUpdate":%t,
				"Service":{"ID":"svc-%d-%d","Service":"svc-%d","Tags":["v1"],"Address":"127.0.0.1","Port":%d},
				"Checks":[{"CheckID":"grpc-%d-%d","Name":"grpc","Type":"grpc","ServiceID":"svc-%d-%d","Status":"passing"}]}`,
				(s*instances+i)%100, s*instances+i >= 100, s, i, s, 10000+i, s, i, s, i)
			if err := put(ctx, "http://"+w.consul+"/v1/catalog/register", body); err != nil {
				return err
			}
		}
	}
	return nil
}

func put(ctx context.Context, url, body string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, url, bytes.NewBufferString(body))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("PUT %s: %s", url, resp.Status)
	}
	return nil
}

func freeAddr() (string, error) {
	lis, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed at once
	if err != nil {
		return "", err
	}
	defer lis.Close()
	return lis.Addr().String(), nil
}
