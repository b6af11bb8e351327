// Package act is the page on which something is changed. It runs the commands of
// gctl: first as a dry run, whose answer is the preview, and, when that was agreed
// to, for good. So the dashboard cannot do anything that a command could not, nor
// in another way.
package act

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/widget"
)

// Choice is something that can be done.
type Choice struct {
	Title    string
	Commands [][]string // the words after gctl, one command for each instance
	Reads    bool       // it changes nothing
}

// Options say how it is asked.
type Options struct {
	Choices []Choice // one: it is the one
	// Name has to be typed where the context is protected; empty: y is enough.
	Name string
}

// state is how far it has come.
type state int

const (
	choosing state = iota
	typingTTL
	typingReason
	previewing
	confirming
	doing
	done
)

// Screen is the page.
type Screen struct {
	jobs    *screen.Jobs
	o       Options
	state   state
	at      int // of the choices
	armed   bool
	input   textinput.Model
	ttl     string
	reason  string
	output  []string
	code    int
	did, of int // commands that succeeded, of all, where it is done
	start   int // the first line of the output to be seen, until it was; -1: none
	problem string
	top     int
}

// New returns the page.
func New(jobs *screen.Jobs, o Options) *Screen {
	return &Screen{jobs: jobs, o: o}
}

// Place implements screen.Screen.
func (s *Screen) Place() screen.Place {
	if s.state == choosing {
		return screen.Place{Screen: "act"}
	}
	return screen.Place{Screen: "act", Subject: s.o.Choices[s.at].Title}
}

// Typing implements screen.Typing.
func (s *Screen) Typing() bool {
	return s.state == typingTTL || s.state == typingReason || s.state == confirming
}

// Running implements screen.Running: the change that is under way.
func (s *Screen) Running() string {
	if s.state != doing || s.o.Choices[s.at].Reads {
		return ""
	}
	return s.o.Choices[s.at].Title
}

// Outcome implements screen.Changing.
func (s *Screen) Outcome() screen.Say {
	return screen.Say{Text: s.o.Choices[s.at].Title + ": " + s.verdict(), Bad: s.code != 0}
}

// verdict is what has become of it, in words.
func (s *Screen) verdict() string {
	switch {
	case s.code == 0:
		return "done"
	case s.did > 0:
		return fmt.Sprintf("%d of %d done, then it failed", s.did, s.of)
	default:
		return "it was not done"
	}
}

// armAfter is how long a page ignores keys that were meant for the one before.
const armAfter = 400 * time.Millisecond

type armed struct{}

// Update implements screen.Screen.
func (s *Screen) Update(msg tea.Msg, look *screen.Look) tea.Cmd {
	switch msg := msg.(type) {
	case screen.Shown:
		if s.armed && s.state != confirming { // the yes is not to be a key meant for another page
			return nil
		}
		return s.arm()
	case screen.Answer:
		if got, ok := s.jobs.Accept(msg); ok {
			return s.heard(got, look)
		}
	case tea.KeyPressMsg, tea.PasteMsg:
		return s.typed(msg, look)
	case screen.Act:
		return s.act(msg.Action, look)
	}
	return nil
}

// arm begins to hear keys after a moment.
func (s *Screen) arm() tea.Cmd {
	s.armed = false
	return s.jobs.Start("arm", func(ctx context.Context) tea.Msg {
		timer := time.NewTimer(armAfter)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		return armed{}
	})
}

type answer struct {
	lines   []string
	code    int
	did, of int // commands that succeeded, of all
	last    int // the first line of the last one
}

func (s *Screen) heard(msg tea.Msg, look *screen.Look) tea.Cmd {
	switch msg := msg.(type) {
	case armed:
		s.armed = true
		if len(s.o.Choices) == 1 && s.state == choosing {
			return s.choose(look)
		}
	case answer:
		s.output, s.code, s.top, s.start = msg.lines, msg.code, 0, -1
		if msg.code != 0 {
			s.start = msg.last
		}
		switch {
		case s.state == doing:
			s.state, s.did, s.of = done, msg.did, msg.of
			return screen.Send(screen.Refresh{})
		case s.o.Choices[s.at].Reads || msg.code != 0:
			s.state = done
		default:
			s.state = confirming
			s.ask("")
			return s.arm()
		}
	}
	return nil
}

func (s *Screen) act(a key.Action, look *screen.Look) tea.Cmd {
	if s.state != choosing {
		switch a {
		case key.Up:
			s.top--
		case key.Down:
			s.top++
		case key.Enter:
			if s.state == done {
				return screen.Send(screen.Leave{})
			}
		}
		return nil
	}
	switch a {
	case key.Up:
		s.at = max(0, s.at-1)
	case key.Down:
		s.at = min(len(s.o.Choices)-1, s.at+1)
	case key.Top:
		s.at = 0
	case key.Bottom:
		s.at = len(s.o.Choices) - 1
	case key.Enter, key.Right:
		if s.armed {
			return s.choose(look)
		}
	}
	return nil
}

func (s *Screen) ask(value string) {
	s.input = textinput.New()
	s.input.Prompt = ""
	s.input.CharLimit = 256
	s.input.SetVirtualCursor(false)
	s.input.SetValue(value)
	s.input.CursorEnd()
	s.input.Focus()
}

func (s *Screen) choose(look *screen.Look) tea.Cmd {
	if len(s.o.Choices) == 0 {
		return nil
	}
	c := &s.o.Choices[s.at]
	switch {
	case c.Reads:
		s.state = doing
		return s.run(look, func(args []string) []string { return args }, false)
	case c.value("--ttl") != "":
		s.state = typingTTL
		s.ask(c.value("--ttl"))
	default:
		s.state = typingReason
		s.ask(c.value("--reason"))
	}
	return nil
}

// value is the value of a flag in the commands, empty where there is none.
func (c *Choice) value(flag string) string {
	if len(c.Commands) == 0 {
		return ""
	}
	i := slices.Index(c.Commands[0], flag)
	if i < 0 || i+1 >= len(c.Commands[0]) {
		return ""
	}
	return c.Commands[0][i+1]
}

// typed hears a key for what is being typed.
func (s *Screen) typed(msg tea.Msg, look *screen.Look) tea.Cmd {
	if !s.armed {
		return nil
	}
	if k, ok := msg.(tea.KeyPressMsg); ok {
		switch k.String() {
		case "esc":
			return screen.Send(screen.Leave{})
		case "enter":
			return s.next(look)
		}
	}
	s.problem = ""
	var cmd tea.Cmd
	s.input, cmd = s.input.Update(msg)
	return cmd
}

// next takes what was typed.
func (s *Screen) next(look *screen.Look) tea.Cmd {
	typed := strings.TrimSpace(s.input.Value())
	switch s.state {
	case typingTTL:
		if d, err := time.ParseDuration(typed); err != nil || d < time.Second || d > 24*time.Hour {
			s.problem = "it holds for 1s to 24h, as in 15m"
			return nil
		}
		s.ttl, s.state = typed, typingReason
		s.ask(s.o.Choices[s.at].value("--reason"))
	case typingReason:
		s.reason, s.state = typed, previewing
		return s.run(look, func(args []string) []string { return append(args, "--dry-run") }, true)
	case confirming:
		want := s.o.Name
		if want == "" {
			want = "y"
		}
		if typed != want && (s.o.Name != "" || typed != "yes") {
			s.problem = "nothing was done: " + want + " was not what was typed; esc leaves"
			return nil
		}
		yes := []string{"--yes"}
		if s.o.Name != "" {
			yes = []string{"--yes-i-mean", s.o.Name}
		}
		s.state = doing
		return s.run(look, func(args []string) []string { return append(args, yes...) }, true)
	case choosing, previewing, doing, done:
	}
	return nil
}

// args are the words of a command with what was typed.
func (s *Screen) args(command []string) []string {
	args := slices.Clone(command)
	set := func(flag, value string) {
		if value == "" {
			return
		}
		if i := slices.Index(args, flag); i >= 0 && i+1 < len(args) {
			args[i+1] = value
			return
		}
		args = append(args, flag, value)
	}
	set("--ttl", s.ttl)
	set("--reason", s.reason)
	return args
}

// run runs the commands one after the other; the first that fails is the last.
func (s *Screen) run(look *screen.Look, with func([]string) []string, reason bool) tea.Cmd {
	do := look.Env.Command
	if do == nil {
		s.state, s.code, s.output = done, 1, []string{"in a recording nothing can be changed"}
		return nil
	}
	var all [][]string
	for _, c := range s.o.Choices[s.at].Commands {
		args := slices.Clone(c)
		if reason {
			args = s.args(c)
			if s.reason == "" && !slices.Contains(args, "--reason") {
				args = append(args, "--reason", "by hand, in the dashboard")
			}
		}
		all = append(all, with(args))
	}
	return s.jobs.Start("run", func(ctx context.Context) tea.Msg {
		a := answer{of: len(all)}
		for i, args := range all {
			output, code := do(ctx, args...)
			a.last = len(a.lines)
			if len(all) > 1 {
				a.lines = append(a.lines, fmt.Sprintf("%d of %d: gctl %s", i+1, len(all), screen.Line(args...)))
			}
			a.lines = append(a.lines, strings.Split(strings.TrimRight(output, "\n"), "\n")...)
			if a.code = code; code != 0 {
				if left := len(all) - i - 1; left > 0 {
					a.lines = append(a.lines, fmt.Sprintf("the other %d were not tried", left))
				}
				break
			}
			a.did++
		}
		return a
	})
}

// Status implements screen.Screen.
func (s *Screen) Status(*screen.Look, *widget.Line) {}

// Hints implements screen.Screen. As long as keys are ignored, none is named.
func (s *Screen) Hints() []screen.Hint {
	switch {
	case s.Running() != "":
		return []screen.Hint{{Action: key.Back, Does: "leave it to run on"}}
	case !s.armed || s.state == previewing || s.state == doing:
		return []screen.Hint{{Action: key.Back, Does: "leave"}}
	case s.state == choosing:
		return []screen.Hint{{Action: key.Enter, Does: "choose"}, {Action: key.Back, Does: "leave"}}
	}
	return []screen.Hint{{Action: key.Enter, Does: "go on"}, {Action: key.Back, Does: "leave"}}
}
