package demo

import "syscall"

// attributes let the kernel end a child when this process dies, and keep a
// ctrl-c of the terminal from it: the world ends its children itself.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
