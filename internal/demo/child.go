package demo

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"
)

const (
	startTimeout = 20 * time.Second
	stopTimeout  = 5 * time.Second
)

// child is one running instance.
type child struct {
	id       string
	service  string
	cmd      *exec.Cmd
	serving  chan serving  // once
	gone     chan struct{} // closed when the process is gone
	last     string        // its last line, once it is gone
	stopping atomic.Bool

	program program
	at      serving // once it serves
}

// serving is the line of its log by which an instance says where it serves.
type serving struct {
	Message string `json:"message"`
	Address string `json:"address"`
	Admin   string `json:"admin_address"`
	Metrics string `json:"metrics_address"`
	HTTP    string `json:"http_address"`
	Version string `json:"version"`
}

// program is what a child runs.
type program struct {
	path    string
	service string   // in the catalog; also begins the names of its variables
	args    []string // beside those that every instance has
}

// startChild starts an instance, whose log goes to a file in folder. An end that
// nobody asked for goes to ended.
func startChild(o *Options, p program, folder, id string, ended chan<- Exit) (*child, error) {
	c := &child{id: id, service: p.service, program: p, serving: make(chan serving, 1), gone: make(chan struct{})}
	args := append([]string{
		"--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", "--metrics-listen=127.0.0.1:0",
		"--plaintext", "--instance=" + id, "--drain-wait=0s",
	}, p.args...)
	if o.Arrange != nil {
		args = o.Arrange(id, args)
	}
	c.cmd = exec.Command(p.path, args...) //nolint:noctx // ended by interrupt, which lets it drain
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "USERD_") && !strings.HasPrefix(pair, "EDGED_") { // settings for others
			c.cmd.Env = append(c.cmd.Env, pair)
		}
	}
	c.cmd.SysProcAttr = attributes()
	log, err := os.OpenFile(filepath.Join(folder, id+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	out, err := c.cmd.StderrPipe()
	if err == nil {
		err = c.cmd.Start()
	}
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	go func() {
		defer log.Close()
		c.read(io.TeeReader(out, log))
		_ = c.cmd.Wait() // the state says it
		close(c.gone)
		if !c.stopping.Load() {
			ended <- Exit{ID: id, Service: p.service, PID: c.cmd.Process.Pid, Cause: c.cmd.ProcessState.String()}
		}
	}()
	return c, nil
}

// read looks for the line that says where the instance serves.
func (c *child) read(out io.Reader) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var line serving
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Message == "serving" {
			select {
			case c.serving <- line:
			default:
			}
		}
		c.last = lines.Text()
	}
	_, _ = io.Copy(io.Discard, out) // a line too long to scan must not stop the writer
}

func (c *child) awaitServing(ctx context.Context) (serving, error) {
	timeout := time.NewTimer(startTimeout)
	defer timeout.Stop()
	select {
	case c.at = <-c.serving:
		return c.at, nil
	case <-c.gone:
		return serving{}, fmt.Errorf("it ended (%s): %s", c.cmd.ProcessState, c.last)
	case <-timeout.C:
		return serving{}, fmt.Errorf("it does not serve after %s", startTimeout)
	case <-ctx.Done():
		return serving{}, ctx.Err()
	}
}

// interrupt asks the instance to drain.
func (c *child) interrupt() {
	c.stopping.Store(true)
	if err := c.cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		_ = c.cmd.Process.Kill() // no signals on this system
	}
}

// await waits for the end, and makes it after a while.
func (c *child) await() {
	select {
	case <-c.gone:
	case <-time.After(stopTimeout):
		_ = c.cmd.Process.Kill() // gone already, or it goes now
		<-c.gone
	}
}
