package tui

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/tui/key"
)

// guard is the model as Bubble Tea gets it: it writes a report of a panic before
// Bubble Tea gives the terminal back. The report has what was done, and where, and
// nothing of what was on the screen, typed or answered.
type guard struct {
	*model

	once   *sync.Once
	report *crash
	seen   atomic.Pointer[where] // as the loop left it: commands may read it at any time
}

// where is what a report says of the dashboard.
type where struct {
	screen        string
	width, height int
	did           []string // that it is added to behind its end does not matter here
}

// crash is the report of a panic.
type crash struct {
	path string // of the file
	text string
	err  error // why there is no file
}

func newGuard(m *model) *guard {
	g := &guard{model: m, once: &sync.Once{}, report: &crash{}}
	g.publish()
	return g
}

// publish tells where the dashboard is now. It runs on the loop.
func (g *guard) publish() {
	g.seen.Store(&where{g.pages.top().Place().Screen, g.width, g.height, g.did})
}

// Update implements tea.Model.
func (g *guard) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	defer g.watch()
	defer g.publish() // of a panic too
	_, cmd := g.model.Update(msg)
	return g, g.wrap(cmd)
}

// Init implements tea.Model.
func (g *guard) Init() tea.Cmd {
	defer g.watch()
	return g.wrap(g.model.Init())
}

// View implements tea.Model.
func (g *guard) View() tea.View {
	defer g.watch()
	return g.model.View()
}

// wrap watches over a command, and those that it leads to.
func (g *guard) wrap(cmd tea.Cmd) tea.Cmd {
	if cmd == nil {
		return nil
	}
	return func() tea.Msg {
		defer g.watch()
		msg := cmd()
		if batch, ok := msg.(tea.BatchMsg); ok {
			for i := range batch {
				batch[i] = g.wrap(batch[i])
			}
		}
		return msg
	}
}

// watch writes the report of a panic and lets it go on.
func (g *guard) watch() {
	r := recover()
	if r == nil {
		return
	}
	g.once.Do(func() { g.write(r, debug.Stack()) })
	panic(r)
}

func (g *guard) write(r any, stack []byte) {
	what := fmt.Sprintf("%T", r) // its text may be anything
	if err, ok := r.(runtime.Error); ok {
		what = err.Error()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "gctl %s, %s, %s/%s\n", g.o.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	fmt.Fprintf(&b, "panic: %s\n", what)
	at := g.seen.Load()
	fmt.Fprintf(&b, "screen: %s, %dx%d\n", at.screen, at.width, at.height)
	fmt.Fprintf(&b, "last actions: %s\n\n%s", strings.Join(at.did, " "), withoutArguments(stack))
	g.report.text = b.String()
	if g.o.Crashes == "" {
		return
	}
	if g.report.err = os.MkdirAll(g.o.Crashes, 0o700); g.report.err != nil {
		return
	}
	path := filepath.Join(g.o.Crashes, "crash-"+time.Now().UTC().Format("20060102T150405Z")+".txt")
	if g.report.err = os.WriteFile(path, []byte(g.report.text), 0o600); g.report.err == nil {
		g.report.path = path
	}
}

// withoutArguments is a stack without what functions were called with.
func withoutArguments(stack []byte) string {
	var lines []string
	for line := range strings.Lines(string(stack)) {
		if i := strings.LastIndex(line, "("); i > 0 && !strings.HasPrefix(line, "\t") {
			line = line[:i] + "(...)\n"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "")
}

// note remembers an action for a report.
func (m *model) note(a key.Action) {
	const kept = 20
	m.did = append(m.did, string(a))
	if len(m.did) > kept {
		m.did = m.did[1:]
	}
}
