package guide

import "github.com/gctl-dev/gctl/tui/key"

// step is one thing that is worth knowing.
type step struct {
	key   key.Action // by what it is done
	about string     // what it is good for; in 66 cells, so that it fits 80 columns
	do    string     // what to press; {action} is the key of an action; short, so that it fits 60 columns
	where []string   // the screens on which that works; empty: on all
	done  func(was, is *Moment) bool
}

// opened is a step that is done on a screen.
func opened(name string) func(was, is *Moment) bool {
	return func(was, is *Moment) bool { return was.Screen != name && is.Screen == name }
}

// steps are all, in the order in which they lead from one to the next.
func steps() []step {
	onService := []string{"services", "service", "traces", "trace", "breakers", "events"} // where the cursor is on one
	return []step{
		{
			key: key.Enter, about: "Every service in a row, the one in trouble first; WHY says what.",
			do: "{enter} opens the service", where: []string{"services"}, done: opened("service"),
		},
		{
			key: key.CursorBack, about: "One time cursor for charts, health, breakers and traces.",
			do:   "{cursor-back} goes back in time",
			done: func(was, is *Moment) bool { return !is.Live && is.Now.Before(was.Now) },
		},
		{
			key: key.Live, about: "All on the screen is of that moment; {cursor-forward} goes forth again.",
			do: "{live} comes back to now",
			done: func(was, is *Moment) bool {
				return !was.Live && is.Live || is.Replay && is.Now.After(was.Now)
			},
		},
		{
			key: key.Evidence, about: "Every number can be checked: the query, the command, its age.",
			do: "{evidence} shows where it comes from", where: onService, done: opened("evidence"),
		},
		{
			key: key.Why, about: "What is wrong, since when, and the likeliest cause first.",
			do: "{why} asks why it is not well", where: onService, done: opened("why"),
		},
		{
			key: key.Invoke, about: "Every method can be called, by a form made from its schema.",
			do: "{invoke} invokes a method", where: onService, done: opened("invoke"),
		},
		{
			key: key.Help, about: "Each screen has a few keys of its own, the rest are the same on all.",
			do: "{help} lists the keys", done: opened("help"),
		},
		{
			key: key.Command, about: "Any screen from any screen: {command}traces, {command}breakers, {command}events.",
			do: "{command} opens the command line", done: func(_, is *Moment) bool { return is.Command },
		},
	}
}

// What the strip says when no step is left.
const (
	overAbout = "That is all it takes. {act} acts, {traces} shows traces, {breakers} breakers."
	overDo    = "{guide-close} closes the guide for good, {command}guide begins it again"
)
