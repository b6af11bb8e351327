package control

// Remembered returns of how many resources the server keeps a version.
func Remembered(s *Server) int {
	s.ledger.mu.Lock()
	defer s.ledger.mu.Unlock()
	return len(s.ledger.versions)
}
