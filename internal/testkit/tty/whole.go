package tty

import (
	"bytes"
	"time"
	"unicode/utf8"
)

const (
	syncBegin = "\x1b[?2026h"
	syncEnd   = "\x1b[?2026l"
	// holdAtMost is how much of a program's output is held back.
	holdAtMost = 4 << 20
)

// whole returns how much of a program's output, read in chunks that end
// anywhere, may be shown, and how long the rest may wait for what follows it:
// an update between the marks of mode 2026 is shown when it is complete, as is a
// grapheme of several characters. All output is shown in the end, whatever the
// program leaves open.
func whole(b []byte) (n int, rest time.Duration) {
	if len(b) > holdAtMost {
		return len(b), 0
	}
	if begin := bytes.LastIndex(b, []byte(syncBegin)); begin > bytes.LastIndex(b, []byte(syncEnd)) {
		return begin, time.Second // as long as terminals wait
	}
	for i := len(syncBegin) - 1; i > 0; i-- {
		if bytes.HasSuffix(b, []byte(syncBegin[:i])) {
			return len(b) - i, 20 * time.Millisecond
		}
	}
	n = len(b)
	for n > 0 && b[n-1] >= utf8.RuneSelf {
		n--
	}
	return n, 20 * time.Millisecond
}
