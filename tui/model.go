package tui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/guide"
	"github.com/gctl-dev/gctl/tui/history"
	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/notes"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/theme"
)

// model is the root: it holds what all screens share and passes messages on.
type model struct {
	o   Options
	ctx context.Context //nolint:containedctx // the life of the dashboard
	end context.CancelFunc

	look   screen.Look
	live   *fleet.Snapshot // the latest
	clock  time.Time       // the present second
	cursor time.Time       // the time cursor; zero: now
	known  time.Time       // of what is shown, where the time cursor is in a gap of the recording; else zero
	keys   *key.Map

	actions map[key.Action]func() tea.Cmd // those that mean the same on all screens

	width, height int // of the terminal
	dark          bool
	blurred       bool
	mouse         bool
	clicked       clicked
	clicks        int // so far

	pages pages
	tabs  []tab   // the digits, as the header has them
	input *prompt // what is being typed, nil for nothing
	sort  bool    // the letter of a column comes next
	say   notice
	guide *guide.Guide // nil where it is not shown
	next  string       // the context to switch to

	recalls    int                // that were begun
	stopRecall context.CancelFunc // of the one that is under way; nil: none is
	warned     string             // of this change, which the end of the dashboard would cut short

	first      time.Time   // where a replay begins
	times      []time.Time // of its states, in order
	failed     error       // why there is nothing to replay
	records    int         // recordings so far
	stopRecord context.CancelFunc
	recorder   recorder
	unrecorded bool // the last recording has failed

	jobs *jobControl // nil: there is none here

	did []string // the last actions, for the report of a crash

	dirty bool // what is drawn is not what is
	was   bool // dirty before the message that is being heard
	frame tea.View
}

// notice is a line shown for a while.
type notice struct {
	screen.Say
	number int
}

func newModel(ctx context.Context, o Options) (*model, error) {
	if o.Window <= 0 {
		o.Window = time.Hour
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if err := checkColumns(o.Columns); err != nil {
		return nil, err
	}
	keys, err := key.New(o.Keys)
	if err != nil {
		return nil, err
	}
	ctx, end := context.WithCancel(ctx)
	m := &model{o: o, ctx: ctx, end: end, keys: keys, dark: true, mouse: true, dirty: true}
	m.actions = m.everywhere() //nolint:contextcheck // the model has its own
	m.live, m.clock = o.Store.Snapshot(), o.Now()
	m.look = screen.Look{
		Snap: m.live, Now: m.clock, Clock: m.clock, Live: true, Window: o.Window, Keys: keys, Context: o.Context, Protected: o.Protected, Env: &m.o.Env,
		History: history.New(history.Options{Room: roomFor(&o), All: o.Replay}), Notes: &notes.Notes{}, Began: m.clock,
	}
	if m.live.Version() > 0 {
		m.look.History.Add(m.live)
	}
	if err := m.paint(); err != nil {
		end()
		return nil, err
	}
	m.size(max(o.Width, 80), max(o.Height, 24))
	place, err := ParsePlace(o.Place)
	if err == nil {
		err = m.checkViews()
	}
	if err != nil {
		end()
		return nil, err
	}
	m.tabulate()
	m.pages.push(m.make(screen.Place{Screen: home}))
	if place.Screen != home {
		m.pages.push(m.make(place))
	}
	if o.Guide.Show {
		m.guideBegin()
	}
	return m, nil
}

// roomFor is how much is remembered: a replay has nothing else to hold.
func roomFor(o *Options) int {
	if o.Replay {
		return 500_000
	}
	return 0
}

// paint chooses the theme by the background of the terminal.
func (m *model) paint() error {
	glyphs := theme.Unicode()
	if m.o.ASCII {
		glyphs = theme.ASCII()
	}
	t, err := theme.New(m.o.Theme, m.dark, glyphs)
	if err == nil {
		m.look.Theme = t
	}
	return err
}

// close ends all jobs and the recording.
func (m *model) close() {
	m.end()
	m.recorder.running.Wait() // what was recorded is to be whole
}

// The messages of the root to itself.
type (
	snapMsg   struct{ snap *fleet.Snapshot }
	tickMsg   struct{ now time.Time }
	unsayMsg  struct{ number int }
	filledMsg struct{}
)

// Init implements tea.Model.
func (m *model) Init() tea.Cmd {
	if m.o.Replay {
		return tea.Batch(tea.RequestBackgroundColor, m.load(), m.deliver(screen.Shown{}))
	}
	if m.o.RecordNow {
		return tea.Batch(m.begin(), m.record())
	}
	return m.begin()
}

// begin is the command of a dashboard over a living fleet.
func (m *model) begin() tea.Cmd {
	var note tea.Cmd
	if m.o.Note != "" {
		note = m.notice(screen.Say{Text: m.o.Note})
	}
	return tea.Batch(note, tea.RequestBackgroundColor, m.wait(m.live.Version()), m.tick(), m.backfill(), m.deliver(screen.Shown{}))
}

// wait is the command that waits for a newer snapshot.
func (m *model) wait(after uint64) tea.Cmd {
	store, seen, ctx := m.o.Store, m.look.History, m.ctx
	return func() tea.Msg {
		snap, err := store.Wait(ctx, after)
		if err != nil {
			return nil
		}
		seen.Add(snap)
		return snapMsg{snap}
	}
}

// tick is the command that tells the next second. Nobody looks at a window that is
// not focused: there the time goes slower.
func (m *model) tick() tea.Cmd {
	every, now, ctx := time.Second, m.o.Now, m.ctx
	if m.blurred {
		every = slower * time.Second
	}
	return func() tea.Msg {
		timer := time.NewTimer(every)
		defer timer.Stop()
		select {
		case <-timer.C:
			return tickMsg{now()}
		case <-ctx.Done():
			return nil
		}
	}
}

// slower is how much slower all goes in a window without focus.
const slower = 5

// Update implements tea.Model.
func (m *model) Update(msg tea.Msg) (_ tea.Model, cmd tea.Cmd) {
	m.was, m.dirty = m.dirty, true
	defer func() { cmd = m.lead(cmd) }()
	switch msg := msg.(type) {
	case snapMsg:
		return m, m.snapshot(msg.snap)
	case tickMsg:
		return m, m.second(msg.now)
	case replayMsg:
		return m, m.replay(msg)
	case pastMsg:
		return m, m.recalled(msg)
	case exportedMsg:
		return m, m.exported(msg)
	case recordedMsg:
		return m, m.recorded(msg)
	case savedMsg:
		return m, m.saved(msg)
	case filledMsg:
		return m, m.deliver(screen.Changed{Facts: true})
	case screen.Answer:
		return m, m.answer(msg)
	case tea.KeyPressMsg:
		return m, m.key(msg)
	case tea.PasteMsg:
		return m, m.paste(msg)
	case tea.MouseClickMsg:
		return m, m.click(msg)
	case unclickMsg:
		m.unclick(msg)
		return m, nil
	case tea.MouseWheelMsg:
		return m, m.wheel(msg)
	case tea.WindowSizeMsg:
		m.size(msg.Width, msg.Height)
		return m, m.deliver(screen.Changed{})
	case tea.BackgroundColorMsg:
		m.dark = msg.IsDark()
		_ = m.paint() // the name was right before
		return m, m.deliver(screen.Changed{})
	case suspendMsg:
		return m, m.suspend()
	case continuedMsg:
		return m, m.continued()
	case resumedMsg:
		return m, m.resumed(msg)
	case tea.FocusMsg, tea.BlurMsg:
		_, m.blurred = msg.(tea.BlurMsg)
		m.pace()
		return m, nil
	case unsayMsg:
		if msg.number == m.say.number {
			m.say.Text = ""
		}
		return m, nil
	default:
		return m, m.said(msg)
	}
}

// said hears what screens say.
func (m *model) said(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case screen.Go:
		return m.openAt(msg.Place, msg.At)
	case screen.Leave:
		return m.back()
	case screen.Say:
		return m.notice(msg)
	case screen.Show:
		return m.show(msg)
	case screen.Run:
		return m.follow(msg)
	case screen.Refresh:
		m.o.Store.Refresh()
		return nil
	case outputMsg:
		return m.output(msg)
	case screen.At:
		return m.goTo(msg.Time, false)
	case screen.Clip:
		return tea.Batch(tea.SetClipboard(msg.Text), m.notice(screen.Say{Text: "copied " + msg.What}))
	}
	m.dirty = m.was
	return nil
}

// pace tells the store how fast to go.
func (m *model) pace() {
	if m.blurred {
		m.o.Store.Slow(slower)
		return
	}
	m.o.Store.Slow(1)
}

// attend tells the store what is on the screen. The past does not change.
func (m *model) attend() {
	var seen []fleet.Subject
	if top := m.pages.top(); m.cursor.IsZero() {
		if v, ok := top.(screen.Visible); ok {
			seen = v.Visible()
		} else if f, ok := top.(screen.Focused); ok {
			on := f.Focus(&m.look)
			seen = append(seen, fleet.Subject{Service: on.Service, Instance: on.Instance}, fleet.Subject{Service: on.Service})
		}
	}
	m.o.Store.Attend(seen)
}

// snapshot takes a newer snapshot.
func (m *model) snapshot(snap *fleet.Snapshot) tea.Cmd {
	m.live = snap
	m.attend()
	wait := m.wait(snap.Version())
	if !m.cursor.IsZero() { // the past does not change
		return wait
	}
	m.look.Snap = snap
	return tea.Batch(wait, m.deliver(screen.Changed{Facts: true}))
}

// second takes the next second.
func (m *model) second(now time.Time) tea.Cmd {
	m.clock, m.look.Clock = now, now
	m.attend()
	if !m.cursor.IsZero() {
		m.dirty = m.was
		return m.tick()
	}
	m.look.Now = now
	return tea.Batch(m.tick(), m.deliver(screen.Changed{}))
}

// deliver gives the screen that is seen a message.
func (m *model) deliver(msg tea.Msg) tea.Cmd { return m.pages.top().Update(msg, &m.look) }

// notice shows a line for a while.
func (m *model) notice(s screen.Say) tea.Cmd {
	m.say.Say = s
	m.say.number++
	number, ctx := m.say.number, m.ctx
	return func() tea.Msg {
		timer := time.NewTimer(4 * time.Second)
		defer timer.Stop()
		select {
		case <-timer.C:
			return unsayMsg{number}
		case <-ctx.Done():
			return nil
		}
	}
}
