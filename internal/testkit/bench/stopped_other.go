//go:build !unix

package main

import (
	"context"
	"errors"
)

// measureStopped has no SIGSTOP here.
func measureStopped(context.Context, *bench, *report) error {
	return errors.New("processes cannot be stopped on this system")
}
