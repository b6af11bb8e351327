package tui

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/config"
	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/widget"
)

// digits is how many keys open a view or choose a range: 1 to 9.
const digits = 9

// rangeOf is how far charts go back when a digit is pressed that has no view.
func rangeOf(digit int) time.Duration {
	return [digits]time.Duration{
		5 * time.Minute, time.Hour, 6 * time.Hour, 15 * time.Minute, 30 * time.Minute,
		3 * time.Hour, 12 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour,
	}[digit-1]
}

// span is a window in a few cells: "15m", "1h", "7d".
func span(d time.Duration) string {
	if d > 24*time.Hour {
		return widget.Duration(d)
	}
	return screen.Span(d)
}

// does is what a digit does, in words.
func (m *model) does(digit int) string {
	v, ok := m.o.Views[digit]
	if !ok {
		return "the last " + span(rangeOf(digit))
	}
	words := []string{v.Place}
	if v.Pane != "" {
		words = append(words, "pane "+v.Pane)
	}
	if v.Filter != "" {
		words = append(words, "/"+v.Filter)
	}
	if v.Sort != "" {
		words = append(words, "by "+v.Sort)
	}
	if d := windowOf(v); d > 0 {
		words = append(words, "the last "+span(d))
	}
	return strings.Join(words, ", ")
}

// windowOf is how far a view goes back, 0 for as far as one is.
func windowOf(v config.View) time.Duration {
	d, err := time.ParseDuration(v.Window)
	if err != nil {
		return 0
	}
	return d
}

// checkViews refuses views of what is not there.
func (m *model) checkViews() error {
	for _, digit := range slices.Sorted(maps.Keys(m.o.Views)) {
		v := m.o.Views[digit]
		what := fmt.Sprintf("dash.views.%d: ", digit)
		place, err := ParsePlace(v.Place)
		if err != nil {
			return &fleet.Error{Kind: fleet.Usage, What: what + err.Error(), Hint: screen.HintOf(err)}
		}
		p := m.make(place)
		p.jobs.Close()
		if paned, ok := p.Screen.(screen.Paned); v.Pane != "" && (!ok || !paned.SetPane(v.Pane)) {
			e := &fleet.Error{Kind: fleet.Usage, What: what + place.Screen + " has no pane " + v.Pane}
			if ok {
				e.Hint = "panes: " + strings.Join(paned.Panes(), ", ")
			}
			return e
		}
		if err := checkOrder(what, p.Screen, v.Sort); err != nil {
			return err
		}
	}
	return nil
}

// sorts is a screen whose order can be kept.
type sorts interface {
	screen.Sorted
	screen.Ordered
}

// letterOf is the letter that sorts by the column of an order.
func letterOf(s sorts, order string) (string, bool) {
	for _, l := range s.Letters() {
		if l.Column == strings.TrimPrefix(order, "-") {
			return l.Key, true
		}
	}
	return "", false
}

// checkOrder refuses an order that a screen cannot have.
func checkOrder(what string, s screen.Screen, order string) error {
	by, ok := s.(sorts)
	if ok {
		if _, ok := letterOf(by, order); ok || order == "" {
			return nil
		}
	} else if order == "" {
		return nil
	}
	e := &fleet.Error{Kind: fleet.Usage, What: what + s.Place().Screen + " cannot be sorted by " + strings.TrimPrefix(order, "-")}
	if ok {
		var names []string
		for _, l := range by.Letters() {
			names = append(names, l.Column)
		}
		e.Hint = "columns: " + strings.Join(names, ", ")
	}
	return e
}

// pick does what a digit does: it opens its view, or chooses how far charts and
// searches go back.
func (m *model) pick(digit int) tea.Cmd {
	say := m.notice(screen.Say{Text: m.does(digit)})
	v, ok := m.o.Views[digit]
	if !ok {
		m.look.Window = rangeOf(digit)
		return tea.Batch(m.deliver(screen.Changed{Window: true}), say)
	}
	place, err := ParsePlace(v.Place)
	if err != nil {
		return m.notice(screen.Say{Text: screen.Sentence(err), Bad: true})
	}
	m.look.Window = cmp.Or(windowOf(v), m.look.Window)
	var left tea.Cmd
	var told tea.Msg = screen.Changed{Facts: true, Window: true}
	if m.pages.top().Place() != place {
		left = m.push(m.make(place))
		told = screen.Shown{}
	}
	return tea.Batch(m.dress(v), m.deliver(told), say, left)
}

// dress gives the screen that is seen the pane, the filter and the order of a view.
func (m *model) dress(v config.View) tea.Cmd {
	top := m.pages.top()
	var cmds []tea.Cmd
	if p, ok := top.(screen.Paned); ok && v.Pane != "" {
		p.SetPane(v.Pane)
	}
	if f, ok := top.(screen.Filtered); ok && f.Filter() != v.Filter {
		cmds = append(cmds, f.SetFilter(v.Filter, &m.look))
	}
	if by, ok := top.(sorts); ok && v.Sort != "" {
		letter, _ := letterOf(by, v.Sort)
		for n := 0; n < 2 && by.Order() != v.Sort; n++ { // the second time the other way round
			cmd, _ := by.SortBy(letter, &m.look)
			cmds = append(cmds, cmd)
		}
	}
	return tea.Batch(cmds...)
}

// here is where one is, as a view.
func (m *model) here() (config.View, bool) {
	top := m.pages.top()
	place := top.Place()
	if _, ok := screens()[place.Screen]; !ok {
		return config.View{}, false
	}
	v := config.View{Place: place.String(), Window: screen.Span(m.look.Window)}
	if p, ok := top.(screen.Paned); ok {
		v.Pane = p.Pane()
	}
	if f, ok := top.(screen.Filtered); ok {
		v.Filter = f.Filter()
	}
	if o, ok := top.(screen.Ordered); ok {
		v.Sort = o.Order()
	}
	return v, true
}

// savedMsg is what the saving of a view has come to.
type savedMsg struct {
	digit int
	views map[int]config.View
	err   error
}

// saveView keeps where one is under a digit.
func (m *model) saveView(arg string) tea.Cmd {
	if arg == "" {
		return m.listViews()
	}
	v, ok := m.here()
	if !ok {
		return m.notice(screen.Say{Text: "this page cannot be kept: it is not there without what was asked", Bad: true})
	}
	return m.keepView(arg, &v)
}

// unsaveView makes a digit choose a range again.
func (m *model) unsaveView(arg string) tea.Cmd {
	digit := digitOf(arg)
	if _, ok := m.o.Views[digit]; !ok && digit > 0 {
		return m.notice(screen.Say{Text: fmt.Sprintf("%d has no view: it is %s", digit, m.does(digit)), Bad: true})
	}
	return m.keepView(arg, nil)
}

func (m *model) keepView(arg string, v *config.View) tea.Cmd {
	digit, save := digitOf(arg), m.o.SaveView
	switch {
	case digit == 0:
		return m.notice(screen.Say{Text: "which digit, 1 to 9? as in :save 4; :views lists them", Bad: true})
	case save == nil:
		return m.notice(screen.Say{Text: "views cannot be kept here", Bad: true})
	}
	return func() tea.Msg {
		views, err := save(digit, v)
		return savedMsg{digit, views, err}
	}
}

func digitOf(arg string) int {
	if len(arg) != 1 || arg[0] < '1' || arg[0] > '9' {
		return 0
	}
	return int(arg[0] - '0')
}

// saved says what a digit does from now on.
func (m *model) saved(got savedMsg) tea.Cmd {
	if got.err != nil {
		text := "not kept: " + screen.Sentence(got.err)
		if hint := screen.HintOf(got.err); hint != "" {
			text += "; " + hint
		}
		return m.notice(screen.Say{Text: text, Bad: true})
	}
	m.o.Views = got.views
	m.tabulate()
	return m.notice(screen.Say{Text: fmt.Sprintf("%s is now %s", m.digitKey(got.digit), m.does(got.digit))})
}

// digitKey is the key of a digit, which may be bound otherwise.
func (m *model) digitKey(digit int) string {
	return cmp.Or(m.keys.Key(key.PickOf(digit)), fmt.Sprintf("%d (no key)", digit))
}

// viewLines say what each digit does.
func (m *model) viewLines() []string {
	lines := make([]string, 0, digits)
	for digit := 1; digit <= digits; digit++ {
		lines = append(lines, fmt.Sprintf("  %-18s %s", m.digitKey(digit), m.does(digit)))
	}
	return lines
}

// listViews shows what each digit does.
func (m *model) listViews() tea.Cmd {
	lines := append([]string{"What the digits do:"}, m.viewLines()...)
	lines = append(lines, "", ":save 4 keeps where you are under 4, with its filter, order and window;", ":unsave 4 makes 4 choose a range again. They are kept in the configuration,", "under dash.views.")
	return m.show(screen.Show{Title: "views", Lines: lines})
}

// digitNames are the digits, for the command line.
func digitNames(*model) []string {
	return strings.Split("123456789", "")
}

// keptDigits are those that have a view.
func keptDigits(m *model) []string {
	var names []string
	for _, digit := range slices.Sorted(maps.Keys(m.o.Views)) {
		names = append(names, fmt.Sprint(digit))
	}
	return names
}

// tellDigit is what a digit does, for the command line.
func (m *model) tellDigit(name string) string {
	if digit := digitOf(name); digit > 0 {
		return m.does(digit)
	}
	return ""
}

// tab is a digit in the header.
type tab struct {
	key, text string
	window    time.Duration // that it chooses; 0 for a view
	place     screen.Place  // that its view opens
	width     int
}

// mostLabel is how many cells of a view's place the header shows.
const mostLabel = 24

// tabulate makes the digits of the header, those that have a key.
func (m *model) tabulate() {
	m.tabs = nil
	for digit := 1; digit <= digits; digit++ {
		t := tab{key: m.keys.Key(key.PickOf(digit))}
		if v, ok := m.o.Views[digit]; ok {
			t.text = v.Place
			t.place, _ = ParsePlace(v.Place) // it was right before
		} else {
			t.window = rangeOf(digit)
			t.text = span(t.window)
		}
		t.width = widget.Width(t.key) + min(widget.Width(t.text), mostLabel) + 4
		if t.key != "" {
			m.tabs = append(m.tabs, t)
		}
	}
}

// here tells whether a digit leads to where one is.
func (t *tab) here(place screen.Place, window time.Duration) bool {
	return t.place == place || t.window > 0 && t.window == window
}

// digits writes what the digits do, as far as there is room: views and the window
// that one sees before other ranges.
func (m *model) digits(l *widget.Line, room int) {
	t, place := m.look.Theme, m.pages.top().Place()
	var shown [digits]bool
	for _, first := range [...]bool{true, false} {
		for i := range m.tabs {
			tab := &m.tabs[i]
			if important := tab.window == 0 || tab.here(place, m.look.Window); important != first {
				continue
			}
			if room -= tab.width; room < 0 {
				break // the others would look as if one was left out
			}
			shown[i] = true
		}
	}
	for i := range m.tabs {
		if !shown[i] {
			continue
		}
		tab := &m.tabs[i]
		style, open, end := t.Dim, "", ""
		if tab.here(place, m.look.Window) {
			style, open, end = t.Accent, "[", "]"
		}
		l.Put(t.Dim, tab.key+":")
		l.Put(style, open)
		l.Cell(style, tab.text, tab.width-widget.Width(tab.key)-4, t.Glyphs.More)
		l.Put(style, end+" ")
	}
}
