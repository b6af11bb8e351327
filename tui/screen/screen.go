// Package screen is what the dashboard's screens have in common: what a screen is,
// what it is shown, what it may ask for, and what it may say.
//
// A screen's Update and View run on the one loop of the dashboard. They ask nobody
// and know no clock: what time it is and what the fleet is like, Look says; what
// takes time is a job (Jobs), whose answer comes as a message.
package screen

import (
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/history"
	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/notes"
	"github.com/gctl-dev/gctl/tui/theme"
	"github.com/gctl-dev/gctl/tui/widget"
)

// Place names a page: which screen, about what.
type Place struct {
	Screen  string // "services", "service", "trace", ...
	Subject string // "checkout"; empty where it is about everything
}

// Pointed is a screen that can begin with the cursor on something: the service on
// one of its instances.
type Pointed interface{ Point(at string) }

// String is the place as the command line has it: "service/checkout".
func (p Place) String() string {
	if p.Subject == "" {
		return p.Screen
	}
	return p.Screen + "/" + p.Subject
}

// Look is what is shown: the same moment in all panes.
type Look struct {
	Snap    *fleet.Snapshot // of the time cursor, or the latest
	History *history.History
	Notes   *notes.Notes
	Now     time.Time     // the time cursor, or the present second
	Began   time.Time     // when gctl began to look
	Live    bool          // Now is the present
	Clock   time.Time     // the present second
	Window  time.Duration // that charts and searches go back

	// Of a moment that the dashboard has not seen itself: it is read from the
	// recording, or why it cannot be. Neither: it has nothing of it.
	Recalling bool
	RecallErr error

	Width, Height int // of the body
	Theme         *theme.Theme
	Keys          *key.Map
	Context       string // the name of the context, as evidence names it
	Protected     bool   // the context wants names to be typed before something is done
	Env           *Env
}

// End is where charts end: at the present, or, where the time cursor is so far in
// the past that it would not be on them, so that it stands in their middle.
func (l *Look) End() time.Time {
	if l.Now.Before(l.Clock.Add(-l.Window)) {
		return l.Now.Add(l.Window / 2)
	}
	return l.Clock
}

// Screen is a page of the dashboard.
type Screen interface {
	// Place tells what it is about.
	Place() Place
	// Update hears a message: Shown, Changed, Action, Typed, or an answer to its own
	// jobs.
	Update(msg tea.Msg, look *Look) tea.Cmd
	// View draws the page: Height lines, each Width cells wide.
	View(look *Look) []string
	// Status writes what stands above the page: counts, order, what is asked.
	Status(look *Look, l *widget.Line)
	// Hints are the actions that are worth knowing here, the best first.
	Hints() []Hint
}

// Hint is an action and what it does on a screen, in one or two words.
type Hint struct {
	Action key.Action
	Does   string
}

// Filtered is a screen whose rows can be filtered.
type Filtered interface {
	Filter() string
	SetFilter(text string, look *Look) tea.Cmd
}

// Typing is a screen that may want keys as they are, without a meaning of ours.
type Typing interface{ Typing() bool }

// Sorted is a screen whose rows can be sorted by the letter of a column.
type Sorted interface {
	SortBy(letter string, look *Look) (tea.Cmd, bool)
	Letters() []widget.Letter
}

// Ordered is a screen that says by which column its rows are sorted: "err", or
// "-err" for the other way round.
type Ordered interface{ Order() string }

// Paned is a screen of several tables, of which one has the keys.
type Paned interface {
	Pane() string
	Panes() []string
	// SetPane gives a table the keys, and tells whether there is such a one.
	SetPane(name string) bool
}

// Focus is what the cursor of a screen is on. What is empty is not meant.
type Focus struct {
	Service  string
	Instance string // ID
	Method   string // full name
	Trace    string // ID
	Breaker  *fleet.Breaker
	Marked   []fleet.Instance // instances that are marked, or the one under the cursor
}

// Focused is a screen whose cursor is on something.
type Focused interface{ Focus(look *Look) Focus }

// Visible is a screen that shows several services or instances: which ones are seen,
// as drawn last, the most important first. Of the others the Focus is what is seen.
type Visible interface{ Visible() []fleet.Subject }

// Evidence is where a number on the screen comes from, and how to get it again.
type Evidence struct {
	What       string // "p99 of checkout"
	Value      string
	Provenance fleet.Provenance
	Notes      []string // corrections, rules of joining
	Commands   []string // that show the same: gctl, grpcurl, curl
}

// Evident is a screen that says where its numbers come from.
type Evident interface{ Evidence(look *Look) []Evidence }

// Described is a screen that can show what is under its cursor as text or as data.
type Described interface {
	Describe(look *Look) (title string, lines []string)
	Data(look *Look) any // what -o json prints; nil for nothing
}

// Running is a screen that can have a call under way, which goes on while another
// screen is seen. It tells which; empty is none.
type Running interface{ Running() string }

// Changing is a screen whose call changes the fleet: it is not cancelled with its page.
// Outcome tells in a line what has become of the last one.
type Changing interface {
	Running
	Outcome() Say
}

// Tabled is a screen whose rows are data.
type Tabled interface{ Rows(look *Look) any }

// Copied is a screen of which something can be copied.
type Copied interface {
	Copied(look *Look) (what, text string)
}

// Copying is a screen of which there is more than one thing to copy: it asks which.
type Copying interface{ Copy(look *Look) tea.Cmd }

// Escaped is a screen on which esc first ends something of its own. It tells
// whether there was something.
type Escaped interface {
	Escape(look *Look) (tea.Cmd, bool)
}

// The messages that screens get.
type (
	// Shown says that the screen is the one that is seen from now on.
	Shown struct{}
	// Changed says that the Look is another: a newer snapshot, another time, size or
	// theme.
	Changed struct {
		Facts  bool // the snapshot is another
		Window bool // the window or the time cursor is another
	}
	// Act is an action that is the screen's own to do.
	Act struct{ Action key.Action }
	// Click is a click of the mouse at a line of the body; Twice opens.
	Click struct {
		X, Y  int
		Twice bool
	}
)

// The messages that screens send.
type (
	// Go opens a place, with the cursor on At where the screen is Pointed.
	Go struct {
		Place Place
		At    string
	}
	// Leave goes back.
	Leave struct{}
	// Say shows a line for a while.
	Say struct {
		Text string
		Bad  bool
	}
	// Show opens a page of text.
	Show struct {
		Title string
		Lines []string
	}
	// Run runs a command of gctl, as it stands in a shell, and shows what it says. One
	// that changes something is shown and asked for first.
	Run struct {
		Command string
		Changes bool
	}
	// Refresh asks all sources again, since something was changed.
	Refresh struct{}
	// At moves the time cursor.
	At struct{ Time time.Time }
	// Clip copies.
	Clip struct{ What, Text string }
)

// Send is the command that sends a message.
func Send(msg tea.Msg) tea.Cmd { return func() tea.Msg { return msg } }

// Open is the command that opens a place.
func Open(name, subject string) tea.Cmd { return Send(Go{Place: Place{name, subject}}) }
