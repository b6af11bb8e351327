package stack

import (
	"os/exec"
	"syscall"
)

// dieWithParent lets the kernel end the child when this process dies, so that
// a killed test run leaves no backend behind.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
