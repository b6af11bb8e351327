package main

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// process is a running userd.
type process struct {
	cmd   *exec.Cmd
	addr  string
	ended chan struct{}

	mu    sync.Mutex
	log   []string // messages
	lines []string // whole
	store []string // what they name so
}

func userd(t *testing.T, env []string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(append(os.Environ(), "RUN_AS_USERD=1"), env...)
	return cmd
}

// start runs userd until it serves.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	return startSecured(t, append([]string{"--plaintext"}, args...)...)
}

// startSecured is start without --plaintext.
func startSecured(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{
		cmd:   userd(t, nil, append([]string{"--listen=127.0.0.1:0"}, args...)...),
		ended: make(chan struct{}),
	}
	out, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	serving := make(chan string, 1)
	go func() {
		defer close(p.ended)
		p.read(out, serving)
		_ = p.cmd.Wait()
	}()
	t.Cleanup(func() { _ = p.cmd.Process.Kill(); <-p.ended })
	select {
	case p.addr = <-serving:
	case <-p.ended:
		t.Fatalf("userd ended at once: %q", p.messages())
	case <-time.After(20 * time.Second):
		t.Fatal("userd does not serve")
	}
	return p
}

func (p *process) read(out io.Reader, serving chan<- string) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var line struct {
			Msg     string `json:"message"`
			Address string `json:"address"`
			Store   string `json:"store"`
		}
		if json.Unmarshal(lines.Bytes(), &line) != nil {
			line.Msg = lines.Text()
		}
		p.mu.Lock()
		p.log = append(p.log, line.Msg)
		p.lines = append(p.lines, lines.Text())
		if line.Store != "" {
			p.store = append(p.store, line.Store)
		}
		p.mu.Unlock()
		if line.Msg == "serving" {
			serving <- line.Address
		}
	}
}

func (p *process) messages() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.log)
}

// stores returns what the log names as the store.
func (p *process) stores() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.store)
}

// said tells whether a text is anywhere in the log.
func (p *process) said(text string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Contains(strings.Join(p.lines, "\n"), text)
}

// await waits for the end of the process and returns its exit code.
func (p *process) await(t *testing.T) int {
	t.Helper()
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(30 * time.Second):
		t.Fatalf("userd does not end; log %q", p.messages())
		return -1
	}
}

func (p *process) dial(t *testing.T) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(p.addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// eventually polls until there is no error.
func eventually(t *testing.T, what string, check func() error) {
	t.Helper()
	end := time.After(30 * time.Second)
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-look.C:
		case <-end:
			t.Fatalf("%s: %v", what, err)
		}
	}
}
