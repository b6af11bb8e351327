//go:build !linux

package stack

import "os/exec"

// dieWithParent can do nothing here: only Linux offers it.
func dieWithParent(*exec.Cmd) {}
