package recording

import (
	"errors"
	"fmt"
	"syscall"
)

// lock takes a file for this process: nobody else can open it until the handle is
// closed, which the system does when the process ends.
func lock(path string) (unlock func(), err error) {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return nil, err
	}
	h, err := syscall.CreateFile(name, syscall.GENERIC_WRITE, 0, nil, syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	if errors.Is(err, syscall.Errno(32)) { // ERROR_SHARING_VIOLATION
		return nil, ErrBusy
	}
	if err != nil {
		return nil, fmt.Errorf("cannot lock the recording: %w", err)
	}
	return func() { _ = syscall.CloseHandle(h) }, nil
}
