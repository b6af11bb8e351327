//go:build !linux

package main

import (
	"context"
	"errors"
)

const roleEmpty = "empty-tea"

func playEmpty() error { return nil }

// measureDash has no pseudo-terminal here.
func measureDash(context.Context, *bench, *report) error {
	return errors.New("the dashboard is measured on Linux only")
}
