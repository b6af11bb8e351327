package balancer

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gctl-dev/gctl/discovery/balancer/internal/outlier"
)

// classify tells what the end of an attempt says about the endpoint. age is how
// long it took, usual what calls of its method take, 0 if that is not known. Where
// bytes were received before the caller gave up it may have been a stream that lived
// as long as it should.
func classify(info balancer.DoneInfo, age, usual time.Duration) outlier.Outcome {
	if info.Err == nil {
		if !info.BytesSent {
			return outlier.Neutral // the connection was gone before the call began
		}
		return outlier.Answered
	}
	switch code(info.Err) {
	case codes.Canceled: // the caller gave up
		if info.BytesReceived {
			return outlier.Neutral
		}
		return outlier.Abandoned
	case codes.DeadlineExceeded:
		// Sooner than usual: the caller was impatient, or had lost its time elsewhere.
		if info.BytesReceived || age < usual {
			return outlier.Neutral
		}
		return outlier.Expired
	case codes.Unavailable, codes.Internal, codes.Unknown, codes.DataLoss:
		return outlier.Failed
	case codes.ResourceExhausted:
		return outlier.Refused
	default: // an answer that the caller does not like
		return outlier.Answered
	}
}

func code(err error) codes.Code {
	switch {
	case errors.Is(err, context.Canceled):
		return codes.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		return codes.DeadlineExceeded
	default:
		return status.Code(err)
	}
}
