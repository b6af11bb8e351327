package kit

import (
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// endReflection ends streams of reflection when the server begins to refuse calls:
// clients hold them open for as long as they are connected, and a graceful stop
// waits for every stream. The handler, which waits for the next question, notices
// by the stream's end.
func (s *Server) endReflection(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	if !strings.HasPrefix(info.FullMethod, "/grpc.reflection.") {
		return handler(srv, stream)
	}
	done := make(chan error, 1)
	go func() { done <- handler(srv, stream) }()
	select {
	case err := <-done:
		return err
	case <-s.stopping:
		return status.Error(codes.Unavailable, "the server is stopping")
	}
}
