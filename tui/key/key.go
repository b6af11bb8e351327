// Package key says which key means what. Screens get what was meant, not the key,
// so that each can be bound to another.
package key

import (
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/gctl-dev/gctl/fleet"
)

// Action is what a key means.
type Action string

// The actions.
const (
	Command    Action = "command"
	Filter     Action = "filter"
	Help       Action = "help"
	Enter      Action = "enter"
	Back       Action = "back"
	HistBack   Action = "history-back"
	HistNext   Action = "history-forward"
	NextPane   Action = "next-pane"
	PrevPane   Action = "previous-pane"
	Up         Action = "up"
	Down       Action = "down"
	Left       Action = "left"
	Right      Action = "right"
	Top        Action = "top"
	Bottom     Action = "bottom"
	HalfUp     Action = "half-page-up"
	HalfDown   Action = "half-page-down"
	PageUp     Action = "page-up"
	PageDown   Action = "page-down"
	CursorBack Action = "cursor-back"
	CursorNext Action = "cursor-forward"
	ScrubBack  Action = "scrub-back"
	ScrubNext  Action = "scrub-forward"
	Live       Action = "live"
	Record     Action = "record"
	Export     Action = "export"
	Mark       Action = "mark"
	Sort       Action = "sort"
	Describe   Action = "describe"
	JSON       Action = "json"
	Copy       Action = "copy"
	Invoke     Action = "invoke"
	Traces     Action = "traces"
	Breakers   Action = "breakers"
	Events     Action = "events"
	Evidence   Action = "evidence"
	Why        Action = "why"
	Act        Action = "act"
	Note       Action = "note"
	Send       Action = "send"
	HalfClose  Action = "half-close"
	Add        Action = "add"
	Remove     Action = "remove"
	Rename     Action = "rename"
	MoveUp     Action = "move-up"
	MoveDown   Action = "move-down"
	Save       Action = "save"
	History    Action = "history"
	Instance   Action = "instance"
	Refresh    Action = "refresh"
	Mouse      Action = "mouse"
	GuideNext  Action = "guide-next"
	GuideClose Action = "guide-close"
	Suspend    Action = "suspend"
	Quit       Action = "quit"
	Pick1      Action = "range-1"
	Pick2      Action = "range-2"
	Pick3      Action = "range-3"
	Pick4      Action = "range-4"
	Pick5      Action = "range-5"
	Pick6      Action = "range-6"
	Pick7      Action = "range-7"
	Pick8      Action = "range-8"
	Pick9      Action = "range-9"
)

// Pick returns the number of one of the Picks, 0 for another action.
func (a Action) Pick() int {
	n, ok := strings.CutPrefix(string(a), "range-")
	if !ok {
		return 0
	}
	return int(n[0] - '0')
}

// PickOf returns the Pick of a number from 1 to 9.
func PickOf(n int) Action { return Action("range-" + string(rune('0'+n))) }

// Binding is an action and the keys that mean it.
type Binding struct {
	Action Action
	Keys   []string // as Bubble Tea names them: "ctrl+d", "esc", "G"
	Help   string
}

// Defaults are the bindings of a user who has changed none, in the order in which
// a help lists them.
func Defaults() []Binding {
	list := []Binding{
		{Up, []string{"up", "k"}, "up"},
		{Down, []string{"down", "j"}, "down"},
		{Left, []string{"left", "h"}, "left, fold"},
		{Right, []string{"right", "l"}, "right, unfold"},
		{Top, []string{"g", "home"}, "first"},
		{Bottom, []string{"G", "end"}, "last"},
		{HalfDown, []string{"ctrl+d"}, "half a page down"},
		{HalfUp, []string{"ctrl+u"}, "half a page up"},
		{PageDown, []string{"pgdown", "ctrl+f"}, "a page down"},
		{PageUp, []string{"pgup"}, "a page up"},
		{NextPane, []string{"tab"}, "next pane"},
		{PrevPane, []string{"shift+tab"}, "previous pane"},
		{Enter, []string{"enter"}, "open"},
		{Back, []string{"esc"}, "clear the filter, then back"},
		{HistBack, []string{"["}, "back in history"},
		{HistNext, []string{"]"}, "forward in history"},
		{Command, []string{":"}, "command line"},
		{Filter, []string{"/"}, "filter"},
		{Sort, []string{"s"}, "sort by the column whose letter follows"},
		{Mark, []string{"space"}, "mark"},
		{Describe, []string{"d"}, "describe"},
		{JSON, []string{"y"}, "as JSON"},
		{Copy, []string{"c"}, "copy"},
		{Evidence, []string{"e"}, "evidence: where this comes from"},
		{Why, []string{"w"}, "why is this service not well"},
		{Traces, []string{"t"}, "traces"},
		{Breakers, []string{"b"}, "breakers"},
		{Events, []string{"v"}, "events: what changed"},
		{Invoke, []string{"x"}, "invoke a method"},
		{Act, []string{"a"}, "act: drain, quarantine, override ..."},
		{CursorBack, []string{","}, "time cursor back"},
		{CursorNext, []string{"."}, "time cursor forward"},
		{ScrubBack, []string{"<"}, "the state before"},
		{ScrubNext, []string{">"}, "the state after"},
		{Live, []string{"0"}, "back to now"},
		{Record, []string{"R"}, "record, stop recording"},
		{Export, []string{"E"}, "export the incident as Markdown, with its data"},
		{Note, []string{"n"}, "note, among the events"},
		{Send, []string{"ctrl+s"}, "send the request"},
		{HalfClose, []string{"ctrl+e"}, "end the requests of a stream"},
		{Add, []string{"+"}, "add an element, an entry"},
		{Remove, []string{"-"}, "remove it, or clear the field"},
		{Rename, []string{"r"}, "rename an entry of a map"},
		{MoveUp, []string{"K", "shift+up"}, "move an element of a list up"},
		{MoveDown, []string{"J", "shift+down"}, "move an element of a list down"},
		{Save, []string{"S"}, "save the request under a name"},
		{History, []string{"H"}, "the requests that were made"},
		{Instance, []string{"i"}, "choose the instance that is called"},
		{Refresh, []string{"ctrl+r"}, "ask again now"},
		{Mouse, []string{"M"}, "leave the mouse to the terminal, take it back"},
		{GuideNext, []string{"N"}, "the next step of the guide"},
		{GuideClose, []string{"D"}, "close the guide for good; :guide brings it back"},
		{Suspend, suspendKeys(), "suspend: give the terminal to the shell, fg comes back"},
		{Help, []string{"?", "f1"}, "help"},
		{Quit, []string{"q", "ctrl+c"}, "quit"},
	}
	for n := 1; n <= 9; n++ {
		digit := string(rune('0' + n))
		list = append(list, Binding{PickOf(n), []string{digit}, "range or view " + digit})
	}
	return list
}

// suspendKeys are none on a system without job control.
func suspendKeys() []string {
	if runtime.GOOS == "windows" {
		return nil
	}
	return []string{"ctrl+z"}
}

// Map tells what a key means.
type Map struct {
	list []Binding
	by   map[string]Action
}

// New returns the default bindings with those of own instead, by the name of the
// action. An action that is bound to nothing has no key, except for quit.
func New(own map[string][]string) (*Map, error) {
	m := &Map{list: Defaults(), by: map[string]Action{}}
	for name, keys := range own {
		i := slices.IndexFunc(m.list, func(b Binding) bool { return string(b.Action) == name })
		if i < 0 {
			return nil, unknownAction(name, m.list)
		}
		m.list[i].Keys = keys
	}
	for _, b := range m.list {
		for _, k := range b.Keys {
			other, twice := m.by[k]
			switch mine, others := isOwn(own, b.Action), isOwn(own, other); {
			case twice && others && !mine: // the user's own wins over a default
				continue
			case twice && others && mine:
				return nil, &fleet.Error{Kind: fleet.Usage, What: fmt.Sprintf("the key %q means both %s and %s", k, other, b.Action), Hint: "bind one of them to another key"}
			}
			m.by[k] = b.Action
		}
	}
	if len(m.Keys(Quit)) == 0 {
		m.by["ctrl+c"] = Quit
	}
	return m, nil
}

func isOwn(own map[string][]string, a Action) bool {
	_, ok := own[string(a)]
	return ok
}

func unknownAction(name string, list []Binding) error {
	names := make([]string, len(list))
	for i := range list {
		names[i] = string(list[i].Action)
	}
	e := &fleet.Error{Kind: fleet.Usage, What: fmt.Sprintf("keys: no action %q", name), Hint: "actions: " + strings.Join(names, ", ")}
	if near := fleet.Nearest(name, names, 1); len(near) > 0 {
		e.Hint = "did you mean " + near[0] + "?"
	}
	return e
}

// Of returns what a key means, "" for nothing.
func (m *Map) Of(k string) Action { return m.by[k] }

// Keys returns the keys of an action as they work, the usual one first.
func (m *Map) Keys(a Action) []string {
	var keys []string
	for _, b := range m.list {
		if b.Action != a {
			continue
		}
		for _, k := range b.Keys {
			if m.by[k] == a {
				keys = append(keys, k)
			}
		}
	}
	return keys
}

// Key returns the usual key of an action, "" if it has none.
func (m *Map) Key(a Action) string {
	if keys := m.Keys(a); len(keys) > 0 {
		return keys[0]
	}
	return ""
}

// Bindings lists all, in the order of Defaults.
func (m *Map) Bindings() []Binding { return m.list }
