//go:build unix

package term

import (
	"os"

	"golang.org/x/sys/unix"
)

// closed tells that nobody reads any more what is written to f: the other end of
// the pipe is closed, or the terminal is gone.
func closed(f *os.File) bool {
	raw, err := f.SyscallConn()
	if err != nil {
		return true
	}
	gone := false
	err = raw.Control(func(fd uintptr) {
		one := []unix.PollFd{{Fd: int32(fd)}}
		if n, err := unix.Poll(one, 0); err == nil && n == 1 {
			gone = one[0].Revents&(unix.POLLERR|unix.POLLHUP|unix.POLLNVAL) != 0
		}
	})
	return gone || err != nil
}
