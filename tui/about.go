package tui

import (
	"encoding/json"
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/screen/pager"
)

// show opens a page of text.
func (m *model) show(s screen.Show) tea.Cmd {
	told := m.push(m.pager(s))
	return tea.Batch(told, m.deliver(screen.Shown{}))
}

// pager makes a page of text.
func (m *model) pager(s screen.Show) page {
	m.pages.count++
	return page{pager.New(s.Title, s.Lines), m.pages.count, &screen.Jobs{Parent: m.ctx, Owner: m.pages.count}}
}

// help lists the keys, those of the screen first.
func (m *model) help() tea.Cmd {
	top := m.pages.top()
	lines := []string{"On this screen:"}
	own := map[string]bool{}
	for _, h := range top.Hints() {
		own[string(h.Action)] = true
		lines = append(lines, fmt.Sprintf("  %-18s %s", strings.Join(m.keys.Keys(h.Action), " "), h.Does))
	}
	if s, ok := top.(screen.Sorted); ok && len(s.Letters()) > 0 && m.keys.Key(key.Sort) != "" {
		var letters []string
		for _, c := range s.Letters() {
			letters = append(letters, c.Key+" "+c.Column)
		}
		lines = append(lines, fmt.Sprintf("  %-18s %s", m.keys.Key(key.Sort)+" and a letter", "sort by: "+strings.Join(letters, ", ")))
	}
	lines = append(lines, "", "Everywhere:")
	for _, b := range m.keys.Bindings() {
		if keys := m.keys.Keys(b.Action); len(keys) > 0 && !own[string(b.Action)] && b.Action.Pick() == 0 {
			lines = append(lines, fmt.Sprintf("  %-18s %s", strings.Join(keys, " "), b.Help))
		}
	}
	lines = append(lines, "", "Ranges of charts and searches, and views that were kept (:save 4, :unsave 4):")
	lines = append(lines, m.viewLines()...)
	lines = append(lines, "", "Filter:",
		"  word               rows that have it; where none has, those that come near",
		"  !word              rows that do not have it",
		"  err>1 p99>200ms    comparisons with a column: > < >= <= = !=",
		"", "Command line:")
	for _, o := range orders() {
		lines = append(lines, fmt.Sprintf("  :%-18s %s", strings.TrimSpace(o.name+" "+o.takes), o.about))
	}
	return m.show(screen.Show{Title: "help", Lines: lines})
}

// evidence shows where what is under the cursor comes from.
func (m *model) evidence() tea.Cmd {
	e, ok := m.pages.top().(screen.Evident)
	if !ok {
		return m.notice(screen.Say{Text: "there is no number here", Bad: true})
	}
	list := e.Evidence(&m.look)
	if len(list) == 0 {
		return m.notice(screen.Say{Text: "there is no number under the cursor", Bad: true})
	}
	return m.show(screen.Show{Title: "evidence", Lines: m.evidenceLines(list)})
}

func (m *model) evidenceLines(list []screen.Evidence) []string {
	var lines []string
	for i := range list {
		e := &list[i]
		if i > 0 {
			lines = append(lines, "")
		}
		lines = append(lines, e.What+":")
		if e.Value != "" {
			lines = append(lines, "  is       "+e.Value)
		}
		if p := e.Provenance; p.Source != "" {
			lines = append(lines, "  from     "+p.Source)
			if p.Query != "" {
				lines = append(lines, "  asked    "+p.Query)
			}
			if !p.At.IsZero() {
				lines = append(lines, "  at       "+p.At.Format("15:04:05 MST")+", "+age(m.clock, m.clock.Add(-m.look.Snap.Age(p, m.clock)))+" ago confirmed")
			}
		}
		for _, n := range e.Notes {
			lines = append(lines, "  note     "+n)
		}
		for _, c := range e.Commands {
			lines = append(lines, "  command  "+c+m.flags(c))
		}
	}
	return lines
}

// flags are what a command of gctl needs to speak of the same fleet.
func (m *model) flags(command string) string {
	if m.o.Context == "" || !strings.HasPrefix(command, "gctl ") {
		return ""
	}
	return " --context " + m.o.Context
}

// describe shows what is under the cursor as text.
func (m *model) describe() tea.Cmd {
	d, ok := m.pages.top().(screen.Described)
	if !ok {
		return m.notice(screen.Say{Text: "there is nothing to describe here", Bad: true})
	}
	title, lines := d.Describe(&m.look)
	if len(lines) == 0 {
		return m.notice(screen.Say{Text: "there is nothing under the cursor", Bad: true})
	}
	return m.show(screen.Show{Title: title, Lines: lines})
}

// json shows what is under the cursor as data.
func (m *model) json() tea.Cmd {
	d, ok := m.pages.top().(screen.Described)
	if !ok {
		return m.notice(screen.Say{Text: "there is no data here", Bad: true})
	}
	data := d.Data(&m.look)
	if data == nil {
		return m.notice(screen.Say{Text: "there is nothing under the cursor", Bad: true})
	}
	text, err := json.MarshalIndent(data, "", "  ")
	if err != nil {
		return m.notice(screen.Say{Text: err.Error(), Bad: true})
	}
	return m.show(screen.Show{Title: "json", Lines: strings.Split(string(text), "\n")})
}

// copy copies what is under the cursor.
func (m *model) copy() tea.Cmd {
	if c, ok := m.pages.top().(screen.Copying); ok {
		return c.Copy(&m.look)
	}
	if c, ok := m.pages.top().(screen.Copied); ok {
		if what, text := c.Copied(&m.look); text != "" {
			return m.said(screen.Clip{What: what, Text: text})
		}
	}
	return m.notice(screen.Say{Text: "there is nothing to copy here", Bad: true})
}
