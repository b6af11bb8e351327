package recording

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"

	"github.com/gctl-dev/gctl/internal/state"
)

// Dir returns the folder for the recording of a scope, the fleet that a context
// means, below the folder of what gctl remembers. The scope is hashed, as any text
// is one.
func Dir(getenv func(string) string, scope string) (string, error) {
	dir, err := state.Dir(getenv)
	sum := sha256.Sum256([]byte(scope))
	return filepath.Join(dir, "recordings", hex.EncodeToString(sum[:8])), err
}
