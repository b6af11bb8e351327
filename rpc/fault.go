package rpc

import (
	"strings"
	"unicode"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Fault tells of a failed RPC the words of its status, on one line, and what may
// be done about it. addr is where it was asked.
func Fault(s *status.Status, addr string) (words, hint string) {
	switch {
	case !NotGRPC(s):
		hint = "gctl explain " + addr + " shows how it is reached; its own log may say more"
	case s.Code() == codes.Unauthenticated, s.Code() == codes.PermissionDenied:
		hint = "a gateway in front of it may want credentials: gctl explain " + addr
	case strings.Contains(s.Message(), ": 429 "):
		hint = "a gateway in front of it limits calls: try again later"
	default:
		hint = "this may be a web server, or a gateway without such a route: gctl explain " + addr
	}
	return oneLine(s.Message()), hint
}

// NotGRPC tells from the words of grpc-go (internal/transport/http2_client.go)
// that a status was made up for an answer of HTTP that has none.
func NotGRPC(s *status.Status) bool {
	message := s.Message()
	return strings.Contains(message, "unexpected HTTP status code received from server") ||
		strings.Contains(message, "malformed header: missing HTTP content-type") ||
		strings.Contains(message, "received unexpected content-type")
}

// oneLine makes one line of a peer's words.
func oneLine(text string) string {
	const most = 1000
	cut := strings.ToValidUTF8(text[:min(len(text), most)], "")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return ' '
		case unicode.IsControl(r):
			return -1
		}
		return r
	}, cut)
}
