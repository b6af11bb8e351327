package rpc

import (
	"context"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/metadata"
)

// headers are those of the request: the user's, and above them the protocol's.
func (x *exchange) headers(ctx context.Context) http.Header {
	h := http.Header{}
	md, _ := metadata.FromOutgoingContext(ctx)
	for name, values := range md {
		if x.web.protocol.OwnsHeader(name) {
			continue
		}
		for _, v := range values {
			if strings.HasSuffix(name, "-bin") {
				v = base64.RawStdEncoding.EncodeToString([]byte(v))
			}
			h.Add(name, v)
		}
	}
	encoding, accept := x.wire.encodings()
	h.Set("Content-Type", x.wire.contentType())
	h.Set("User-Agent", strings.TrimSpace(x.web.opts.UserAgent+" gctl"))
	h.Set(accept, "gzip")
	if x.web.opts.Compress != "" {
		h.Set(encoding, x.web.opts.Compress)
	}
	if x.wire == grpcWeb {
		h.Set("Accept", grpcWeb.contentType())
		h.Set("X-Grpc-Web", "1")
	} else {
		h.Set("Connect-Protocol-Version", "1")
	}
	if end, ok := ctx.Deadline(); ok {
		setTimeout(h, x.wire, time.Until(end))
	}
	return h
}

// setTimeout tells the server how long the RPC may take. Connect allows ten
// digits of milliseconds, gRPC eight digits of any unit.
func setTimeout(h http.Header, w wire, left time.Duration) {
	ms := max(left.Milliseconds(), 1)
	switch {
	case w != grpcWeb:
		h.Set("Connect-Timeout-Ms", strconv.FormatInt(min(ms, 9_999_999_999), 10))
	case ms < 100_000_000:
		h.Set("Grpc-Timeout", strconv.FormatInt(ms, 10)+"m")
	default:
		h.Set("Grpc-Timeout", strconv.FormatInt(min(ms/1000, 99_999_999), 10)+"S")
	}
}

// trailerPrefix marks the trailers of Connect's unary responses among the headers.
const trailerPrefix = "Trailer-"

// responseMetadata returns the headers of a response, without those of the
// protocol itself, and the trailers among them.
func responseMetadata(w wire, h http.Header) (header, trailer metadata.MD) {
	header, trailer = metadata.MD{}, metadata.MD{}
	encoding, accept := w.encodings()
	addMetadata(header, h, func(name string) bool {
		return name == encoding || name == accept || isGRPCHeader(name) ||
			w == connectUnary && strings.HasPrefix(name, trailerPrefix)
	})
	if w != connectUnary {
		return header, trailer
	}
	trailers := http.Header{}
	for name, values := range h {
		if name, ok := strings.CutPrefix(name, trailerPrefix); ok {
			trailers[name] = values
		}
	}
	addMetadata(trailer, trailers, nil)
	return header, trailer
}

// isGRPCHeader tells whether a header carries the status, not metadata.
func isGRPCHeader(name string) bool {
	switch http.CanonicalHeaderKey(name) {
	case "Grpc-Status", "Grpc-Message", "Grpc-Status-Details-Bin", "Grpc-Encoding", "Grpc-Accept-Encoding":
		return true
	}
	return false
}

// addMetadata adds headers but those that skip names. Values of names in -bin
// are base64, several joined by commas; what is not stays as it came.
func addMetadata(md metadata.MD, h map[string][]string, skip func(string) bool) {
	for name, values := range h {
		if skip != nil && skip(name) {
			continue
		}
		name = strings.ToLower(name)
		if !strings.HasSuffix(name, "-bin") {
			md.Append(name, values...)
			continue
		}
		for _, value := range values {
			for part := range strings.SplitSeq(value, ",") {
				part = strings.TrimSpace(part)
				if raw, err := decodeBase64(part); err == nil {
					part = string(raw)
				}
				md.Append(name, part)
			}
		}
	}
}

// decodeBase64 takes base64 with padding and without.
func decodeBase64(s string) ([]byte, error) {
	return base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
}

// mediaType returns the media type of a body in lower case, without parameters.
func mediaType(h http.Header) string {
	kind, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(kind))
}
