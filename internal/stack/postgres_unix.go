//go:build unix

package stack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// serverUser returns the IDs of the system's user postgres if this process is
// root's, whom PostgreSQL refuses.
func serverUser() (uid, gid int, needed bool, err error) {
	if os.Geteuid() != 0 {
		return 0, 0, false, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return 0, 0, true, fmt.Errorf("PostgreSQL does not run as root: %w", err)
	}
	uid, errUID := strconv.Atoi(u.Uid)
	gid, errGID := strconv.Atoi(u.Gid)
	return uid, gid, true, errors.Join(errUID, errGID)
}

// give makes a file the server's.
func give(path string) error {
	uid, gid, needed, err := serverUser()
	if err != nil || !needed {
		return err
	}
	if err := os.Chown(path, uid, gid); err != nil {
		return fmt.Errorf("files of the server: %w", err)
	}
	return nil
}

// asServer lets cmd run as the user of give.
func asServer(cmd *exec.Cmd) {
	uid, gid, needed, err := serverUser()
	if err != nil || !needed {
		return // give has said what is wrong
	}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

func kill(pid int) error   { return send(pid, syscall.SIGKILL) }
func pause(pid int) error  { return send(pid, syscall.SIGSTOP) }
func resume(pid int) error { return send(pid, syscall.SIGCONT) }

func send(pid int, s syscall.Signal) error {
	if err := syscall.Kill(pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("signal %d to process %d: %w", s, pid, err)
	}
	return nil
}

// children returns the processes that parent started.
func children(parent int) ([]int, error) {
	out, err := exec.CommandContext(context.Background(), "ps", "-A", "-o", "pid=,ppid=").Output()
	if err != nil {
		return nil, fmt.Errorf("ps: %w", err)
	}
	var pids []int
	for line := range bytes.Lines(out) {
		var pid, ppid int
		if _, err := fmt.Sscan(string(line), &pid, &ppid); err == nil && ppid == parent {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}
