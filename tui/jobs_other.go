//go:build !unix

package tui

import (
	"context"

	tea "charm.land/bubbletea/v2"
)

// jobControl is not to be had on this system.
type jobControl struct{}

func newJobControl() *jobControl { return nil }

func (*jobControl) close() {}

func (*jobControl) watch(context.Context, func(tea.Msg)) {}

func (*jobControl) stop(context.Context) error { return errNotStopped }
