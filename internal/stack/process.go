package stack

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync"
	"time"
)

// process is a child whose output is kept for error messages.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed when the child is gone
	out   tail
}

func start(path, dir string, args ...string) (*process, error) {
	cmd := exec.Command(path, args...) //nolint:noctx // ended by stop, which lets it tidy up
	cmd.Dir = dir
	dieWithParent(cmd)
	return startCmd(cmd)
}

// startCmd starts a child that is prepared up to its output.
func startCmd(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // a killed child's error is no news
	}()
	return p, nil
}

func (p *process) output() string { return p.out.String() }

// stop asks the child to end, and after 5 s makes it.
func (p *process) stop() error {
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		_ = p.cmd.Process.Kill() // no signals on this system
	}
	select {
	case <-p.ended:
	case <-time.After(5 * time.Second):
		return p.kill()
	}
	return nil
}

func (p *process) kill() error {
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill %s: %w", p.cmd.Path, err)
	}
	<-p.ended
	return nil
}

// tail keeps the last 16 kB written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

const tailSize = 16 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, b...)
	if extra := len(t.buf) - tailSize; extra > 0 {
		t.buf = append(t.buf[:0], t.buf[extra:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.buf))
}

// freePorts returns n ports of 127.0.0.1 that are free for TCP and UDP now.
func freePorts(n int) ([]int, error) {
	ports := make([]int, 0, n)
	for tries := 0; len(ports) < n; tries++ {
		l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer l.Close()                      //nolint:errcheck // held until all are found, so that no port comes twice
		port := l.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // it listens on TCP
		u, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
		if err != nil {
			if tries > 50 {
				return nil, fmt.Errorf("find a free port: %w", err)
			}
			continue
		}
		u.Close() //nolint:errcheck // nothing was sent
		ports = append(ports, port)
	}
	return ports, nil
}
