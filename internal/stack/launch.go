package stack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// launch says how a backend is started that listens on ports of its own and
// answers 200 at a URL once it is ready.
type launch struct {
	name  string
	ports int
	// args are the arguments for a folder and as many ports as asked for.
	args func(dir string, ports []int) ([]string, error)
	// ready is the URL to ask.
	ready func(ports []int) string
}

// running is a started backend in a folder of its own.
type running struct {
	proc  *process
	dir   string
	ports []int
}

// start starts the backend and waits until it is ready.
func (l launch) start(ctx context.Context) (*running, error) {
	path, err := Find(l.name)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", l.name+"-")
	if err != nil {
		return nil, fmt.Errorf("folder of %s: %w", l.name, err)
	}
	// As with Consul: a port that was free may be taken by now, so try others.
	for attempt := 1; ; attempt++ {
		r, err := l.try(ctx, path, dir)
		if err == nil {
			return r, nil
		}
		if attempt == 5 || !strings.Contains(err.Error(), "address already in use") {
			return nil, errors.Join(err, removeAll(dir))
		}
	}
}

func (l launch) try(ctx context.Context, path, dir string) (*running, error) {
	ports, err := freePorts(l.ports)
	if err != nil {
		return nil, err
	}
	args, err := l.args(dir, ports)
	if err != nil {
		return nil, fmt.Errorf("configuration of %s: %w", l.name, err)
	}
	proc, err := start(path, dir, args...)
	if err != nil {
		return nil, err
	}
	if err := l.await(ctx, proc, l.ready(ports)); err != nil {
		return nil, errors.Join(err, proc.stop())
	}
	return &running{proc: proc, dir: dir, ports: ports}, nil
}

func (l launch) await(ctx context.Context, proc *process, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	client := &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		_, _, err := get(ctx, client, url)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s did not get ready: %w\n%s", l.name, ctx.Err(), proc.output())
		case <-proc.ended:
			return fmt.Errorf("%s ended at once\n%s", l.name, proc.output())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Stop ends the backend and removes its files. It is not asked to end: it would
// first wait for its clients, and to save what is removed anyway.
func (r *running) Stop() error {
	return errors.Join(r.proc.kill(), removeAll(r.dir))
}

func loopback(port int) string { return "127.0.0.1:" + strconv.Itoa(port) }
