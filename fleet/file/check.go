package file

import (
	"context"
	"errors"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// How instances are checked.
const (
	checkTime = 300 * time.Millisecond // for one instance
	checkers  = 128                    // at once
)

// checkAll returns the instances with the status that a TCP connection to each
// of them shows, or the one that is written where that is worse.
func checkAll(ctx context.Context, instances []fleet.Instance) []fleet.Instance {
	var addrs []string
	for i := range instances {
		if checkable(&instances[i]) {
			addrs = append(addrs, instances[i].Addr)
		}
	}
	seen := connectAll(ctx, addrs)
	checked := slices.Clone(instances)
	for i := range checked {
		if checkable(&checked[i]) {
			checked[i].Catalog = worse(checked[i].Catalog, seen[0])
			seen = seen[1:]
		}
	}
	return checked
}

// checkable tells whether a connection can show that an instance is worse than what
// is written.
func checkable(in *fleet.Instance) bool {
	return in.Catalog != fleet.Maintenance && in.Catalog != fleet.Critical
}

// connectAll returns what a connection to each address shows.
func connectAll(ctx context.Context, addrs []string) []fleet.Status {
	seen := make([]fleet.Status, len(addrs))
	slots := make(chan struct{}, checkers)
	var group sync.WaitGroup
	for i, addr := range addrs {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			seen[i] = connect(ctx, addr)
		})
	}
	group.Wait()
	return seen
}

func worse(written, seen fleet.Status) fleet.Status {
	if seen == fleet.Passing {
		return written
	}
	return seen
}

// connect opens a connection and closes it.
func connect(ctx context.Context, addr string) fleet.Status {
	dialer := net.Dialer{Timeout: checkTime}
	network := "tcp"
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		network, addr = "unix", path
	}
	conn, err := dialer.DialContext(ctx, network, addr)
	switch {
	case err == nil:
		conn.Close()
		return fleet.Passing
	case errors.Is(err, os.ErrDeadlineExceeded) || isTimeout(err):
		return fleet.Warning
	default:
		return fleet.Critical
	}
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}
