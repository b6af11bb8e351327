package control

import (
	"context"

	"google.golang.org/protobuf/proto"
)

// Check checks a request by the rules of its schema.
func Check(ctx context.Context, s *Server, request proto.Message) error { return s.check(ctx, request) }

// Remembered returns of how many resources the server keeps a version.
func Remembered(s *Server) int {
	s.ledger.mu.Lock()
	defer s.ledger.mu.Unlock()
	return len(s.ledger.versions)
}
