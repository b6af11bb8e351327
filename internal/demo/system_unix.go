//go:build unix

package demo

import (
	"errors"
	"os"
	"syscall"
)

// tryLock locks f until it is closed, by the kernel too when the process dies.
func tryLock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errLocked
	}
	return err
}
