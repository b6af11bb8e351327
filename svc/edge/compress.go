package edge

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"connectrpc.com/connect"
)

// bounded decompresses no more than a message may have, whatever it is that
// grows. Errors are the caller's, and say so.
type bounded struct {
	gzip.Reader

	most, left int64
}

func newDecompressor(most int) func() connect.Decompressor {
	return func() connect.Decompressor { return &bounded{most: int64(most)} }
}

func newCompressor() connect.Compressor { return gzip.NewWriter(io.Discard) }

// Reset implements connect.Decompressor.
func (b *bounded) Reset(from io.Reader) error {
	b.left = b.most
	return damaged(b.Reader.Reset(from))
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, tooLarge(b.most)
	}
	return n, damaged(err)
}

func damaged(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return failure(connect.CodeInvalidArgument, "the request is no gzip: "+err.Error())
}

func tooLarge(most int64) *connect.Error {
	return failure(connect.CodeResourceExhausted, fmt.Sprintf("the message is larger than %d bytes", most))
}
