package term

import (
	"context"
	"os"
	"time"
)

// closedEvery is how often AwaitClosed looks.
const closedEvery = 200 * time.Millisecond

// AwaitClosed returns true as soon as nobody reads any more what is written to Out,
// and false when ctx ends. It is for those who rarely write: a write shows it by
// itself.
func (s *Streams) AwaitClosed(ctx context.Context) bool {
	out, ok := s.Out.(*os.File)
	if !ok {
		<-ctx.Done()
		return false
	}
	tick := time.NewTicker(closedEvery)
	defer tick.Stop()
	for !closed(out) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
	return true
}
