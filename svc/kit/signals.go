package kit

import (
	"log/slog"
	"os"
	"time"
)

// sameSignal is how long the same signal again is taken for an echo of the first:
// some tools signal a process and then its group.
const sameSignal = 300 * time.Millisecond

// signals are those that tell the process to stop.
type signals struct {
	come <-chan os.Signal
	log  *slog.Logger

	first os.Signal // nil if there was none yet
	at    time.Time // of the first
	hurry bool      // there was a second one
}

func (s *signals) begin(first os.Signal) { s.first, s.at = first, time.Now() }

// second waits until something is done, and returns true as soon as there was a
// second signal. Where a drain was not begun by a signal the first one only joins
// it: who sends it wants a drain, and need not know that there is one.
func (s *signals) second(done <-chan struct{}) bool {
	for !s.hurry {
		select {
		case <-done:
			return false
		case sig := <-s.come:
			switch {
			case s.first == nil:
				s.log.Info("draining already: the next signal stops at once", "signal", sig.String())
				s.begin(sig)
			case sig == s.first && time.Since(s.at) < sameSignal:
			default:
				s.hurry = true
			}
		}
	}
	return true
}
