package rpc

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// The flags of an envelope: a byte of flags, four bytes of length, the data.
const (
	flagCompressed byte = 1
	flagEndStream  byte = 2    // Connect: the data is the JSON of how the stream ended
	flagTrailers   byte = 0x80 // gRPC-Web: the data are trailers
	envelopeHead        = 5
)

func enveloped(flags byte, data []byte) []byte {
	b := make([]byte, 0, envelopeHead+len(data))
	b = binary.BigEndian.AppendUint32(append(b, flags), uint32(len(data)))
	return append(b, data...)
}

// envelopeLimit is how much data an envelope may have: as much as a message, but
// for one that ends the stream.
func envelopeLimit(flags byte, limit int) int {
	if flags&^flagCompressed != 0 {
		return maxResponseHeader
	}
	return limit
}

// readEnvelope reads an envelope with a message of at most limit bytes. The error is
// io.EOF where there is none, and a status where it is too large.
func readEnvelope(r io.Reader, limit int) (flags byte, data []byte, err error) {
	var head [envelopeHead]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	limit = envelopeLimit(head[0], limit)
	size := int64(binary.BigEndian.Uint32(head[1:]))
	if size > int64(limit) {
		return 0, nil, oversize(size, limit)
	}
	var buf bytes.Buffer // grows with what comes, not with what was promised
	if _, err := io.CopyN(&buf, r, size); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return 0, nil, err
	}
	return head[0], buf.Bytes(), nil
}

// oversize is the status of a response that is too large, in grpc-go's words.
func oversize(size int64, limit int) error {
	return status.Errorf(codes.ResourceExhausted, "received message larger than max (%d vs. %d)", size, limit)
}

func compress(raw []byte) []byte {
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	_, _ = w.Write(raw) // a buffer takes everything
	_ = w.Close()
	return buf.Bytes()
}

// decompress unpacks at most limit bytes; the error is a status.
func decompress(packed []byte, limit int) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, status.Errorf(codes.Internal, "cannot decompress the response: %v", err)
	}
	raw, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	switch {
	case err != nil:
		return nil, status.Errorf(codes.Internal, "cannot decompress the response: %v", err)
	case len(raw) > limit:
		return nil, status.Errorf(codes.ResourceExhausted, "received message after decompression larger than max %d", limit)
	}
	return raw, nil
}
