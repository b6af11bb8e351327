package telemetry

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"

	"google.golang.org/grpc/metadata"
)

const (
	requestIDKey = "x-request-id"
	maxRequestID = 128 // bytes
)

type callKey struct{}

// call is what the server knows of a call from its first moment on.
type call struct {
	id, method string
	sent       bool // the caller sent the id
}

// RequestID returns the ID of the request that a context belongs to: what the
// caller sent as x-request-id if that is at most 128 of the characters A-Z a-z
// 0-9 . _ -, else one that was made up. It is "" where no server of this package
// set it.
func RequestID(ctx context.Context) string {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		return c.id
	}
	return ""
}

// WithRequestID returns a context with the ID of a request that did not come in
// by gRPC, for logs and the calls made with it. An ID that RequestID would not
// take from a caller is replaced by one that is made up.
func WithRequestID(ctx context.Context, id string) context.Context {
	if !sane(id) {
		id = newRequestID()
	}
	return context.WithValue(ctx, callKey{}, &call{id: id})
}

func newCall(ctx context.Context, method string) *call {
	if values := metadata.ValueFromIncomingContext(ctx, requestIDKey); len(values) > 0 && sane(values[0]) {
		return &call{id: values[0], method: method, sent: true}
	}
	return &call{id: newRequestID(), method: method}
}

func sane(id string) bool {
	if id == "" || len(id) > maxRequestID {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

// newRequestID returns 128 random bits. They tell requests apart and protect
// nothing, so they need not be hard to guess.
func newRequestID() string {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:8], rand.Uint64()) //nolint:gosec // see above
	binary.LittleEndian.PutUint64(b[8:], rand.Uint64()) //nolint:gosec // see above
	return hex.EncodeToString(b[:])
}
