//go:build unix

package term_test

import (
	"context"
	"os"
	"testing"

	"github.com/gctl-dev/gctl/internal/term"
)

func TestAClosedPipeIsNoticed(t *testing.T) {
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { writer.Close() })
	s := &term.Streams{}
	s.Out = writer
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if s.AwaitClosed(over) {
		t.Error("it is read, and closed")
	}
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}
	if !s.AwaitClosed(t.Context()) {
		t.Error("not noticed")
	}
}
