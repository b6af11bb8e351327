//go:build !unix

package term

import "os"

// closed cannot be known before something is written.
func closed(*os.File) bool { return false }
