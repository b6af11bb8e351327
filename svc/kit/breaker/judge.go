package breaker

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// verdict is what the end of a call says of its target.
type verdict int

const (
	ignored verdict = iota // nothing
	success
	failure
)

// Verdicts in the words of gobreaker, which takes nil for a success.
var (
	errFailure = errors.New("failure")
	errIgnored = errors.New("ignored")
)

func (v verdict) err() error {
	switch v {
	case success:
		return nil
	case failure:
		return errFailure
	default:
		return errIgnored
	}
}

// statusOf returns the status of a call, also where an interceptor below passed
// on a bare context error.
func statusOf(err error) *status.Status {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return status.FromContextError(err)
	}
	return status.Convert(err)
}

// judge returns what the end of a call says. Hurried calls are those whose own
// deadline is the likelier reason for exceeding it.
func judge(err error, hurried bool) verdict {
	if err == nil {
		return success
	}
	s := statusOf(err)
	if s.Code() == codes.Unavailable && stopping(s) {
		return ignored
	}
	switch s.Code() {
	case codes.Canceled, codes.ResourceExhausted:
		return ignored
	case codes.DeadlineExceeded:
		if hurried {
			return ignored
		}
		return failure
	case codes.Unavailable, codes.Internal, codes.Unknown, codes.DataLoss:
		return failure
	default:
		return success
	}
}

// stopping tells whether an instance ended a call because it is drained: it says
// so, and is gone from the catalog already.
func stopping(s *status.Status) bool {
	for _, detail := range s.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok && info.GetReason() == ReasonStopping {
			return true
		}
	}
	return false
}

// hurried tells whether a call that passed at a time since the set was made has
// so little time that exceeding it says nothing of the target.
func (s *Set) hurried(ctx context.Context, since time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return ok && deadline.Sub(s.start)-since < s.options.MinDeadline
}

const maxErrorBytes = 256

// describe returns an error as it is shown: on one line, printable, and short.
func describe(err error) string {
	s := statusOf(err)
	message := s.Message()[:min(len(s.Message()), maxErrorBytes)]
	line := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(message, ""))
	line = code.Code(s.Code()).String() + ": " + line
	if len(line) <= maxErrorBytes {
		return line
	}
	return strings.ToValidUTF8(line[:maxErrorBytes-len("…")], "") + "…"
}
