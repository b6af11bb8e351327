package load

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"
)

// startTimeout bounds the start and the end of an instance.
const startTimeout = 30 * time.Second

// Instance is a running process of a service.
type Instance struct {
	Addr    string // of the API
	Admin   string // of the control API, "" without
	Metrics string // of /metrics, "" without
	HTTP    string // of what an edge serves to browsers, "" without
	Pid     int

	cmd   *exec.Cmd
	ended chan struct{}

	mu  sync.Mutex
	log []string // its last lines
}

// Launch runs the command until it says in its log that it serves.
func Launch(ctx context.Context, cmd *exec.Cmd) (*Instance, error) {
	i := &Instance{cmd: cmd, ended: make(chan struct{})}
	out, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	i.Pid = cmd.Process.Pid
	serving := make(chan struct{})
	go func() {
		defer close(i.ended)
		i.read(out, serving)
		_ = cmd.Wait() // a killed process' error is no news
	}()
	timeout := time.NewTimer(startTimeout)
	defer timeout.Stop()
	select {
	case <-serving:
		return i, nil
	case <-i.ended:
		return nil, fmt.Errorf("%s ended at once:\n%s", cmd.Path, i.Log())
	case <-timeout.C:
		err = errors.New("it does not serve")
	case <-ctx.Done():
		err = ctx.Err()
	}
	i.Kill()
	return nil, fmt.Errorf("%s: %w:\n%s", cmd.Path, err, i.Log())
}

// read keeps the last lines of a log, and closes serving with the one that says so.
func (i *Instance) read(out io.Reader, serving chan<- struct{}) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for told := false; lines.Scan(); {
		i.mu.Lock()
		if len(i.log) == 50 {
			i.log = slices.Delete(i.log, 0, 10)
		}
		i.log = append(i.log, lines.Text())
		i.mu.Unlock()
		if told || !strings.Contains(lines.Text(), `"serving"`) {
			continue
		}
		var line struct {
			Message string `json:"message"`
			Address string `json:"address"`
			Admin   string `json:"admin_address"`
			Metrics string `json:"metrics_address"`
			HTTP    string `json:"http_address"`
		}
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Message == "serving" {
			i.Addr, i.Admin, i.Metrics, i.HTTP, told = line.Address, line.Admin, line.Metrics, line.HTTP, true
			close(serving)
		}
	}
	_, _ = io.Copy(io.Discard, out) // after a line that is too long
}

// Log returns the last lines of its log.
func (i *Instance) Log() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return strings.Join(i.log, "\n")
}

// Signal sends a signal.
func (i *Instance) Signal(sig os.Signal) error { return i.cmd.Process.Signal(sig) }

// Wait waits for the end, which takes half a minute at most; the error tells of an
// exit code that is not 0.
func (i *Instance) Wait() error {
	timeout := time.NewTimer(startTimeout)
	defer timeout.Stop()
	select {
	case <-i.ended:
		if code := i.cmd.ProcessState.ExitCode(); code != 0 {
			return fmt.Errorf("exit code %d:\n%s", code, i.Log())
		}
		return nil
	case <-timeout.C:
		return fmt.Errorf("process %d does not end:\n%s", i.Pid, i.Log())
	}
}

// Kill ends the process at once and returns when it is gone.
func (i *Instance) Kill() {
	_ = i.cmd.Process.Kill() // it may be gone
	<-i.ended
}
