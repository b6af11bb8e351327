// Package channels finds in what processes tell of their connections
// (fleet.ChannelTree) what may be the matter: a connection on which nothing comes
// any more, calls that a handler holds, an address that cannot be reached, an
// uneven balance between addresses.
package channels

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// Kind is what was found.
type Kind string

// The kinds, the worst first.
const (
	Stuck   Kind = "stuck"   // sent something and received nothing since
	Failing Kind = "failing" // an address that cannot be reached
	Held    Kind = "held"    // received calls and answered nothing since
	Uneven  Kind = "uneven"  // one address gets much more or less than its siblings
)

// DefaultSilence is how long nothing must have come for a connection to be stuck.
const DefaultSilence = 10 * time.Second

// Finding is something that may be the matter, with its evidence in words.
type Finding struct {
	Kind     Kind
	Instance fleet.Instance
	Part     Part   // the part of the tree
	ID       int64  // its number in channelz
	Where    string // the address at the other end
	Since    time.Time
	Text     string
}

// Part says what a number of channelz belongs to.
type Part string

// The parts.
const (
	PartChannel    Part = "channel"
	PartSubchannel Part = "subchannel"
	PartServer     Part = "server"
	PartSocket     Part = "socket"
)

// Find returns the findings in one process, the worst first.
func Find(tree *fleet.ChannelTree, silence time.Duration) []Finding {
	if silence <= 0 {
		silence = DefaultSilence
	}
	f := &finder{tree: tree, silence: silence}
	for i := range tree.Channels {
		c := &tree.Channels[i]
		for j := range c.Subchannels {
			s := &c.Subchannels[j]
			f.failing(s)
			for k := range s.Sockets {
				f.stuck(s, &s.Sockets[k])
			}
		}
		f.uneven(c)
	}
	for i := range tree.Servers {
		for j := range tree.Servers[i].Sockets {
			f.held(&tree.Servers[i].Sockets[j])
		}
	}
	order := []Kind{Stuck, Failing, Held, Uneven}
	slices.SortStableFunc(f.found, func(a, b Finding) int {
		return cmp.Compare(slices.Index(order, a.Kind), slices.Index(order, b.Kind))
	})
	return f.found
}

// pile is how many open calls speak for themselves.
const pile = 3

type finder struct {
	tree    *fleet.ChannelTree
	silence time.Duration
	found   []Finding
}

func (f *finder) addf(kind Kind, part Part, id int64, where string, since time.Time, format string, args ...any) {
	f.found = append(f.found, Finding{
		Kind: kind, Instance: f.tree.Instance, Part: part, ID: id, Where: where, Since: since, Text: fmt.Sprintf(format, args...),
	})
}

func (f *finder) ago(at time.Time) time.Duration {
	return f.tree.Now.Sub(at).Round(100 * time.Millisecond)
}

// stuck looks at a connection of a client. What is open may be a stream that has
// nothing to say, such as a watch: it has received something after it was opened.
// An answer that is an error is no message, so where a subchannel has had such
// answers, more must speak for it: several open calls, or calls that go on to
// fail without an answer. And a call that was sent a moment ago on a connection
// that had a rest is not late yet; several may well be.
func (f *finder) stuck(sub *fleet.Subchannel, s *fleet.Socket) {
	if !s.LastSent.After(s.LastReceived) {
		return
	}
	since, what := s.LastReceived, "nothing received for"
	if since.IsZero() {
		since, what = s.LastSent, "nothing ever received, the last message was sent"
	}
	quiet := f.ago(since)
	answered := max(0, sub.Calls.Failed-s.Streams.Failed) // by an error
	open := s.Streams.Open()
	waiting := (open > 1 || open == 1 && answered == 0) && (f.ago(s.LastSent) >= f.silence || open >= pile)
	failing := s.Streams.Failed > answered && f.ago(s.Streams.Last) < f.silence // each call runs into its deadline
	if quiet < f.silence || !waiting && !failing {
		return
	}
	text := fmt.Sprintf("%s %s", what, quiet)
	if s.LastReceived.IsZero() {
		text += " ago"
	}
	if waiting {
		text += fmt.Sprintf(" while %s open", calls(open, "is", "are"))
	} else {
		text += fmt.Sprintf(", %s failed on it", calls(s.Streams.Failed, "has", "have"))
	}
	if s.KeepAlives > 0 {
		text += fmt.Sprintf("; %d keepalive pings sent", s.KeepAlives)
	} else {
		text += "; no keepalive pings, which would find a dead peer"
	}
	f.addf(Stuck, PartSocket, s.ID, s.Remote, since, "%s", text)
}

func calls(n int64, one, many string) string {
	if n == 1 {
		return "1 call " + one
	}
	return fmt.Sprintf("%d calls %s", n, many)
}

// held looks at a connection of a server.
func (f *finder) held(s *fleet.Socket) {
	if s.Own || s.Streams.Open() == 0 || !s.LastReceived.After(s.LastSent) {
		return
	}
	if quiet := f.ago(s.LastReceived); quiet >= f.silence {
		f.addf(Held, PartSocket, s.ID, s.Remote, s.LastReceived, "%s open and nothing was answered for %s: a handler holds them", calls(s.Streams.Open(), "is", "are"), quiet)
	}
}

// failing looks at an address that a client cannot reach.
func (f *finder) failing(s *fleet.Subchannel) {
	if s.State != fleet.ChannelFailing && s.State != fleet.ChannelConnecting {
		return
	}
	last, ok := LastProblem(s.Events)
	switch {
	case ok:
		f.addf(Failing, PartSubchannel, s.ID, s.Target, last.At, "%s: %s", s.State, last.Text)
	case s.State == fleet.ChannelFailing:
		f.addf(Failing, PartSubchannel, s.ID, s.Target, time.Time{}, "%s", s.State)
	}
}

// LastProblem returns the last event that the process took for a warning or an
// error.
func LastProblem(events []fleet.ChannelEvent) (fleet.ChannelEvent, bool) {
	for _, e := range slices.Backward(events) {
		if e.Problem {
			return e, true
		}
	}
	return fleet.ChannelEvent{}, false
}

const (
	evenCalls  = 100 // fewer say nothing about a balance
	unevenness = 1.5 // times the fair share, or less than 1/1.5 of it
	beyondLuck = 4.0 // standard deviations of a random choice
)

// uneven compares the addresses of a channel over which its calls are spread: the
// ready ones, if they are more than one.
func (f *finder) uneven(c *fleet.Channel) {
	var ready []*fleet.Subchannel
	total := int64(0)
	for i := range c.Subchannels {
		if s := &c.Subchannels[i]; s.State == fleet.ChannelReady {
			ready = append(ready, s)
			total += s.Calls.Started
		}
	}
	if len(ready) < 2 || total < evenCalls {
		return
	}
	p := 1 / float64(len(ready))
	fair := float64(total) * p
	luck := beyondLuck * math.Sqrt(float64(total)*p*(1-p))
	for _, s := range ready {
		n := float64(s.Calls.Started)
		if math.Abs(n-fair) > luck && (n > unevenness*fair || n < fair/unevenness) {
			f.addf(Uneven, PartSubchannel, s.ID, s.Target, time.Time{}, "%.0f %% of the %d calls over %d addresses, %.0f %% would be even",
				100*n/float64(total), total, len(ready), 100*p)
		}
	}
}
