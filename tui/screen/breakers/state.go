package breakers

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/triage"
	"github.com/gctl-dev/gctl/tui/widget"
)

// rank is how much a breaker wants to be looked at, the more the higher. What an
// operator has decided comes before what the breaker would do by itself.
type rank uint8

const (
	none rank = iota // there is no breaker
	closed
	unknown
	forcedClosed
	flapping
	throttling
	half
	open
	forcedOpen
)

func rankOf(b *fleet.Breaker) rank {
	switch {
	case b.Override == fleet.ForcedOpen:
		return forcedOpen
	case b.Override == fleet.ForcedClosed:
		return forcedClosed
	case b.State == fleet.BreakerOpen:
		return open
	case b.State == fleet.BreakerHalfOpen:
		return half
	case b.State == fleet.BreakerThrottling:
		return throttling
	case b.Flapping:
		return flapping
	case b.State == fleet.BreakerClosed:
		return closed
	default: // also what no state is
		return unknown
	}
}

func (r rank) verdict() triage.Verdict {
	switch r {
	case forcedOpen, open:
		return triage.Bad
	case half, throttling, flapping, forcedClosed:
		return triage.Warn
	case unknown:
		return triage.Unknown
	case none, closed:
	}
	return triage.Good
}

// said is what is written of some breakers: the word of the worst, when it is tried
// again, and how many are as bad as it is. It is comparable, so that the text of one
// that is on many lines is made once.
type said struct {
	rank      rank
	n, of     int    // as bad as that, of all
	share     int    // of calls let through while throttling, percent
	raw       string // what the source says that nobody explained
	ok, tried int64  // probes while half open
	probe     bool   // wait is until the next probe, else since the state began
	known     bool   // wait is known
	wait      int64  // seconds
}

// say is what is written of n breakers of so many that are as b is, at a time.
func say(b *fleet.Breaker, r rank, n, of int, now time.Time) said {
	s := said{rank: r, n: n, of: of}
	switch r {
	case open:
		switch {
		case b.NextProbe.After(now):
			s.known, s.probe, s.wait = true, true, int64((b.NextProbe.Sub(now)+time.Second-1)/time.Second)
		case !b.NextProbe.IsZero():
			s.known, s.probe = true, true
		case !b.Since.IsZero():
			s.known, s.wait = true, int64(now.Sub(b.Since)/time.Second)
		}
	case half:
		if of == 1 {
			s.ok, s.tried = b.Counts.Successes, b.Counts.Requests
		}
	case throttling:
		s.share = int(b.Ratio*100 + .5)
	case unknown:
		s.raw = b.Raw
	case none, closed, forcedClosed, flapping, forcedOpen:
	}
	return s
}

// text is what is written.
func (s said) text() string {
	text := s.word()
	switch {
	case s.known && s.probe && s.wait == 0:
		text += " due"
	case s.known && s.probe:
		text += " " + widget.Age(time.Duration(s.wait)*time.Second)
	case s.known:
		text += " for " + widget.Age(time.Duration(s.wait)*time.Second)
	case s.tried > 0:
		text += fmt.Sprintf(" %d/%d", s.ok, s.tried)
	}
	if s.of > 1 && s.rank > closed {
		text += fmt.Sprintf(" %d of %d", s.n, s.of)
	}
	return text
}

func (s said) word() string {
	switch s.rank {
	case closed:
		return "closed"
	case forcedClosed:
		return "FORCED CLOSED"
	case flapping:
		return "FLAPPING"
	case throttling:
		return fmt.Sprintf("THROTTLING %d%%", s.share)
	case half:
		return "HALF"
	case open:
		return "OPEN"
	case forcedOpen:
		return "FORCED OPEN"
	case unknown:
		return strings.TrimSpace("UNKNOWN " + s.raw)
	case none:
	}
	return ""
}

// words remembers texts, since the same ones are written again and again.
type words map[said]string

const manyWords = 4096

func (w *words) of(s said) string {
	text, ok := (*w)[s]
	if !ok {
		if *w == nil || len(*w) >= manyWords {
			*w = words{}
		}
		text = s.text()
		(*w)[s] = text
	}
	return text
}

// unheard are those who could not be asked although they have a way to tell.
func unheard(state *fleet.SourceState) []fleet.Missing {
	var list []fleet.Missing
	for _, m := range state.Missing {
		if !without(m.Err) {
			list = append(list, m)
		}
	}
	return list
}

// without tells whether an instance has no breakers to tell of, which is no trouble.
// In a recording errors are but texts.
func without(err error) bool {
	for _, reason := range []error{fleet.ErrNoControl, fleet.ErrNoPart} {
		if errors.Is(err, reason) || err != nil && strings.Contains(err.Error(), reason.Error()) {
			return true
		}
	}
	return false
}
