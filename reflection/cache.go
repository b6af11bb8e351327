package reflection

// Cache keeps what was learned from one run to the next. It is only ever a
// shortcut: what it lost or garbled is fetched again.
type Cache interface {
	// Load returns what was saved under key last, and false if there is nothing.
	Load(key string) ([]byte, bool)
	// Save keeps data under key. Keys are any text.
	Save(key string, data []byte) error
}
