package tty

// feed gives bytes to the emulator. The caller holds mu.
func (s *Screen) feed(b []byte) { _, _ = s.vt.Write(b) }
