package file

import (
	"context"
	"errors"
	"net"
	"os"
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
	checked := make([]fleet.Instance, len(instances))
	slots := make(chan struct{}, checkers)
	var group sync.WaitGroup
	for n, i := range instances {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			if i.Catalog != fleet.Maintenance && i.Catalog != fleet.Critical {
				i.Catalog = worse(i.Catalog, connect(ctx, i.Addr))
			}
			checked[n] = i
		})
	}
	group.Wait()
	return checked
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
