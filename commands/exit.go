package commands

import (
	"errors"
	"fmt"

	"github.com/gctl-dev/gctl/fleet"
)

// exitCode prints err the way DESIGN says (error:, details, hint:) and returns
// the code of the process: 0, 1 (gctl could not do it), 2 (usage), 3 (the
// answer is no).
func exitCode(f *Factory, err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintf(f.Streams.Err, "error: %v\n", err)
	var e *fleet.Error
	if errors.As(err, &e) {
		for _, d := range e.Details {
			fmt.Fprintf(f.Streams.Err, "  %s\n", d)
		}
		if e.Hint != "" {
			fmt.Fprintf(f.Streams.Err, "hint: %s\n", e.Hint)
		}
	}
	return 1 + int(fleet.KindOf(err))
}
