package commands

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/output"
	"github.com/gctl-dev/gctl/internal/term"
)

// exitCoder is an error that knows its exit code: an RPC that ended with a
// status exits with 64 and the status' code.
type exitCoder interface {
	error
	ExitCode() int
}

const interrupted = 130

// exitCode is the one place that decides the code of the process: 0 yes, 1 gctl
// could not do it, 2 usage, 3 the answer is no, 64+code the status of an RPC,
// 130 interrupted.
func exitCode(ctx context.Context, err error) int {
	var status exitCoder
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		return interrupted
	case errors.As(err, &status):
		return status.ExitCode()
	default:
		return 1 + int(fleet.KindOf(err))
	}
}

// kinds are the names of the kinds of error in JSON.
var kinds = map[fleet.Kind]string{fleet.Failed: "failed", fleet.Usage: "usage", fleet.Negative: "negative"}

// failure is an error as JSON.
type failure struct {
	Error    string   `json:"error"`
	Kind     string   `json:"kind"`
	Instance string   `json:"instance,omitempty"`
	Details  []string `json:"details,omitempty"`
	Hint     string   `json:"hint,omitempty"`
	ExitCode int      `json:"exit_code"`
}

// tell prints err, as JSON where the answer would have been JSON, and returns
// the exit code. An interruption needs no words.
func tell(ctx context.Context, f *Factory, err error) int {
	var query *output.QueryError
	if errors.As(err, &query) {
		err = &fleet.Error{Kind: fleet.Usage, What: err.Error()}
	}
	code := exitCode(ctx, err)
	if code == 0 || code == interrupted {
		return code
	}
	x := failure{Error: err.Error(), Kind: kinds[fleet.KindOf(err)], ExitCode: code}
	var status exitCoder
	if errors.As(err, &status) {
		x.Kind = "status"
	}
	var e *fleet.Error
	if errors.As(err, &e) {
		x.Instance, x.Details, x.Hint = e.Instance, e.Details, e.Hint
	}
	switch output.Format(f.Global.Output) {
	case output.JSON, output.JSONL:
		raw, jsonErr := json.Marshal(x)
		if jsonErr == nil {
			fmt.Fprintf(f.Streams.Err, "%s\n", output.EscapeJSON(raw))
			return code
		}
	}
	fmt.Fprintf(f.Streams.Err, "error: %s\n", indented(x.Error))
	for _, d := range x.Details {
		fmt.Fprintf(f.Streams.Err, "  %s\n", indented(d))
	}
	if x.Hint != "" {
		fmt.Fprintf(f.Streams.Err, "hint: %s\n", indented(x.Hint))
	}
	return code
}

// indented keeps a server's words apart from gctl's: none of their lines can
// pass for a hint.
func indented(text string) string {
	return strings.ReplaceAll(strings.TrimRight(term.Clean(text), "\n"), "\n", "\n    ")
}
