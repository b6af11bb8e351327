package tui

import (
	"context"
	"encoding/json"
	"io"
	"strings"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/screen"
)

// headless runs a model without a terminal: commands beside, messages one by one.
type headless struct {
	m    *model
	ctx  context.Context //nolint:containedctx // the life of the commands
	msgs chan tea.Msg
	all  sync.WaitGroup
}

func newHeadless(ctx context.Context, m *model) *headless {
	h := &headless{m: m, ctx: ctx, msgs: make(chan tea.Msg)}
	h.do(m.Init()) //nolint:contextcheck // the model has its own
	return h
}

// do runs a command.
func (h *headless) do(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	h.all.Go(func() {
		msg := cmd()
		if batch, ok := msg.(tea.BatchMsg); ok {
			for _, c := range batch {
				h.do(c)
			}
			return
		}
		if msg == nil {
			return
		}
		select {
		case h.msgs <- msg:
		case <-h.ctx.Done():
		case <-h.m.ctx.Done():
		}
	})
}

// wait ends the model and waits for its commands.
func (h *headless) wait() {
	h.m.close()
	h.all.Wait()
}

// send gives the model a message.
func (h *headless) send(msg tea.Msg) {
	_, cmd := h.m.Update(msg)
	h.do(cmd)
}

// until handles messages until the model is as wanted, or ctx ends.
func (h *headless) until(wanted func() bool) error {
	for !wanted() {
		select {
		case msg := <-h.msgs:
			h.send(msg)
		case <-h.ctx.Done():
			return context.Cause(h.ctx)
		}
	}
	return nil
}

// settled tells whether every source has answered or failed, and the screen waits
// for nothing.
func (m *model) settled() bool {
	if m.o.Replay {
		return m.failed != nil || !m.first.IsZero() && !m.pages.list[m.pages.at].jobs.Any()
	}
	return m.live.Answered() && !m.pages.list[m.pages.at].jobs.Any() && m.live == m.o.Store.Snapshot()
}

// Frame is one picture of the dashboard.
type Frame struct {
	Lines []string // as they are drawn, with their styles
	Place screen.Place
	Data  any // what is on it, as data
	At    time.Time

	m *model
}

// Snapshot draws one frame of w×h cells, as soon as all sources have answered or
// failed and the screen waits for nothing, or when patience is over: what has not
// answered then is shown as what it is.
func Snapshot(ctx context.Context, o Options, w, h int, patience time.Duration) (*Frame, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	m, err := newModel(ctx, o)
	if err != nil {
		return nil, err
	}
	defer m.close()
	m.size(w, h)
	waiting, stop := context.WithTimeout(ctx, patience)
	defer stop()
	run := newHeadless(waiting, m)
	defer run.wait()
	if err := run.until(m.settled); err != nil && ctx.Err() != nil { //nolint:contextcheck // the model has its own
		return nil, context.Cause(ctx)
	}
	if m.failed != nil {
		return nil, m.failed
	}
	f := &Frame{Lines: m.lines(), Place: m.pages.top().Place(), At: m.look.Now, m: m}
	if t, ok := m.pages.top().(screen.Tabled); ok {
		f.Data = t.Rows(&m.look)
	} else if d, ok := m.pages.top().(screen.Described); ok {
		f.Data = d.Data(&m.look)
	}
	return f, nil
}

// Text writes the frame without styles.
func (f *Frame) Text(w io.Writer) error {
	for _, line := range f.Lines {
		if _, err := io.WriteString(w, strings.TrimRight(ansi.Strip(line), " ")+"\n"); err != nil {
			return err
		}
	}
	return nil
}

// ANSI writes the frame with its styles.
func (f *Frame) ANSI(w io.Writer) error {
	for _, line := range f.Lines {
		if _, err := io.WriteString(w, line+"\n"); err != nil {
			return err
		}
	}
	return nil
}

// frameDoc is a frame as JSON.
type frameDoc struct {
	Screen  string      `json:"screen"`
	Subject string      `json:"subject"`
	Context string      `json:"context"`
	At      time.Time   `json:"at"`
	Sources []sourceDoc `json:"sources"`
	Data    any         `json:"data"`
}

type sourceDoc struct {
	Name   string             `json:"name"`
	Status fleet.SourceStatus `json:"status"`
	At     *time.Time         `json:"at"`
	Error  string             `json:"error"`
}

// JSON writes what is on the frame as data.
func (f *Frame) JSON(w io.Writer) error {
	doc := frameDoc{Screen: f.Place.Screen, Subject: f.Place.Subject, Context: f.m.o.Context, At: f.At, Sources: []sourceDoc{}, Data: f.Data}
	for _, s := range f.m.look.Snap.Sources() {
		d := sourceDoc{Name: s.Name, Status: s.Status, Error: screen.Sentence(s.Err)}
		if !s.At.IsZero() {
			d.At = &s.At
		}
		doc.Sources = append(doc.Sources, d)
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(doc)
}
