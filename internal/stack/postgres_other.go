//go:build !unix

package stack

import (
	"errors"
	"os/exec"
)

var errNoSignals = errors.New("this system has no signals for that")

func give(string) error { return nil }

func asServer(*exec.Cmd) {}

func kill(int) error   { return errNoSignals }
func pause(int) error  { return errNoSignals }
func resume(int) error { return errNoSignals }

func children(int) ([]int, error) { return nil, errNoSignals }
