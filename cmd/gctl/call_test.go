package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/gctl-dev/gctl/internal/testkit"
)

// program prepares a process of gctl with a home of its own.
func program(t *testing.T, words ...string) *exec.Cmd {
	t.Helper()
	home := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "gctl", words...)
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_CACHE_HOME="+home, "XDG_STATE_HOME="+home)
	return cmd
}

func TestCtrlCCancelsTheRPCAndExits130(t *testing.T) {
	ended := make(chan error, 1)
	_, addr := testkit.Server{Options: []grpc.ServerOption{
		grpc.StreamInterceptor(func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
			err := handler(srv, ss)
			if strings.HasSuffix(info.FullMethod, "/FullDuplexCall") {
				ended <- context.Cause(ss.Context())
			}
			return err
		}),
	}}.Start(t)
	cmd := program(t, "--addr", addr, "call", "FullDuplexCall", "-d", "@", "-o", "jsonl")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(stdin, `{"responseParameters": [{"size": 1}]}`)
	if _, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 130 {
		t.Errorf("exit code %d, want 130", code)
	}
	select {
	case err := <-ended:
		if err == nil {
			t.Error("the server's context was not cancelled")
		}
	case <-time.After(10 * time.Second):
		t.Error("the server never saw the end")
	}
}
