package main

import (
	"bytes"
	"encoding/base64"
	"strings"
	"syscall"
	"testing"

	"github.com/gctl-dev/gctl/internal/testkit"
)

// TestAStreamOfBigMessagesNeedsLittleMemory has 100 messages of 1 MiB.
func TestAStreamOfBigMessagesNeedsLittleMemory(t *testing.T) {
	_, addr := testkit.Server{}.Start(t)
	request := `{"responseParameters": [` + strings.TrimSuffix(strings.Repeat(`{"size": 1048576},`, 100), ",") + `]}`
	for _, how := range []string{"json", "jsonl", "envelope"} {
		t.Run(how, func(t *testing.T) {
			cmd := program(t, "--addr", addr, "call", "StreamingOutputCall", "-d", request, "-o", how)
			var counted counter
			var errOut bytes.Buffer
			cmd.Stdout, cmd.Stderr = &counted, &errOut
			if err := cmd.Run(); err != nil {
				t.Fatalf("%v: %s", err, errOut.String())
			}
			if least := 100 * base64.StdEncoding.EncodedLen(1<<20); int(counted) < least {
				t.Errorf("%d bytes came, want %d", counted, least)
			}
			usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
			// The race detector multiplies memory; the test program is larger than gctl.
			if mib := usage.Maxrss >> 10; mib > 60 && !raceEnabled {
				t.Errorf("%d MiB resident, want at most 60", mib)
			} else {
				t.Logf("%d MiB resident", mib)
			}
		})
	}
}

type counter int

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}
