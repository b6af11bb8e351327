package invoke

import (
	"strconv"
	"strings"

	"charm.land/bubbles/v2/textarea"
	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/gctl-dev/gctl/internal/term"
	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/theme"
	"github.com/gctl-dev/gctl/tui/widget"
)

// raw is the pane of the JSON: the mirror of the form. Secrets are hidden in it but
// for the time in which it is edited.
type raw struct {
	lines  []string // secrets hidden
	of     int      // the change of the form that they are of
	bad    string   // what keeps the form from being sent, the first of it
	top    int
	left   int
	height int

	area   *textarea.Model // while it is edited
	wrong  error           // what is wrong with what was typed
	warned bool            // that it would be lost
}

// What can be edited here: a key costs the text area as much as the text is large.
const (
	mostLines = 500
	mostBytes = 32 << 10
	longest   = 4 << 10 // of one line, in bytes
)

// tooMuch tells what of a text is too much to be edited here, "" if nothing is.
func tooMuch(text string) string {
	if n := strings.Count(text, "\n") + 1; n > mostLines {
		return strconv.Itoa(n) + " lines are too many to be edited here"
	}
	if len(text) > mostBytes {
		return sizeOf(len(text)) + " are too much to be edited here"
	}
	for line := range strings.Lines(text) {
		if len(line) > longest {
			return "a line of " + sizeOf(len(line)) + " is too long to be edited here"
		}
	}
	return ""
}

// mirror takes the JSON of the form, if that has changed.
func (r *raw) mirror(f *fields) {
	if r.of == f.change && r.lines != nil {
		return
	}
	r.of = f.change
	text := strings.TrimRight(string(f.form.Redacted()), "\n")
	if text == "" {
		text = "{}"
	}
	r.lines, r.bad = strings.Split(text, "\n"), ""
	if problems := f.form.Problems(); len(problems) > 0 {
		r.bad = strings.TrimPrefix(problems[0].Path+": ", ": ") + problems[0].Text
	}
}

// begin begins to edit a JSON; the cursor is at its end, or where a first field
// belongs. It tells what is in the way.
func (r *raw) begin(text string) (problem string) {
	if strings.TrimSpace(text) == "{}" {
		text = "{\n  \n}"
	}
	if problem := tooMuch(text); problem != "" {
		return problem
	}
	a := textarea.New()
	a.Prompt, a.ShowLineNumbers, a.CharLimit = "", false, 0
	a.MaxHeight, a.MaxWidth = 0, 0
	a.MaxContentHeight = mostLines * 2
	a.SetVirtualCursor(false)
	a.SetWidth(160)
	a.SetHeight(10)
	a.SetValue(text)
	a.MoveToBegin()
	a.CursorDown()
	a.CursorEnd()
	a.Focus()
	r.area, r.wrong, r.warned, r.left, r.top = &a, nil, false, 0, 0
	return ""
}

// end ends the editing.
func (r *raw) end() { r.area, r.wrong, r.warned = nil, nil, false }

// paste takes what is too much to be edited as the whole request.
func (r *raw) paste(text, problem string, f *fields) tea.Cmd {
	if err := f.form.SetJSON([]byte(text)); err != nil {
		return say(problem + ", and it is no request by itself: " + screen.Sentence(err))
	}
	r.end()
	f.changed()
	return tell("taken as the request: " + sizeOf(len(text)))
}

// typed hears a key and takes the text into the form where that is right.
func (r *raw) typed(msg tea.Msg, f *fields) tea.Cmd {
	if p, ok := msg.(tea.PasteMsg); ok {
		if problem := tooMuch(p.Content); problem != "" {
			return r.paste(p.Content, problem, f)
		}
	}
	before := r.area.Value()
	area, cmd := r.area.Update(msg)
	r.area, r.warned = &area, false
	text := area.Value()
	if text == before {
		return cmd
	}
	if r.wrong = f.form.SetJSON([]byte(text)); r.wrong == nil {
		f.changed()
	}
	return cmd
}

// do scrolls and tells whether the action was for that.
func (r *raw) do(a key.Action) bool {
	page := max(1, r.height)
	switch a {
	case key.Up:
		r.top--
	case key.Down:
		r.top++
	case key.Top:
		r.top = 0
	case key.Bottom:
		r.top = len(r.lines)
	case key.HalfUp:
		r.top -= (page + 1) / 2
	case key.HalfDown:
		r.top += (page + 1) / 2
	case key.PageUp:
		r.top -= page
	case key.PageDown:
		r.top += page
	case key.Left:
		r.left = max(0, r.left-sideways)
	case key.Right:
		r.left += sideways
	default:
		return false
	}
	return true
}

const sideways = 8

// from is a text without its first n cells.
func from(text string, n int) string {
	if n == 0 {
		return text
	}
	return widget.From(text, n)
}

// view draws h lines of w cells.
func (r *raw) view(look *screen.Look, w, h int, f *fields) []string {
	if r.area != nil {
		return r.editor(look, w, h)
	}
	r.mirror(f)
	r.height = h
	r.top = max(0, min(r.top, len(r.lines)-h))
	t := look.Theme
	l := &widget.Line{}
	out := make([]string, 0, h)
	if r.bad != "" && h > 1 {
		l.Pad(1)
		l.Put(t.Bad, t.Glyphs.Bad+" not to be sent: "+r.bad)
		out = append(out, l.Fit(w))
	}
	for i := r.top; i < len(r.lines) && len(out) < h; i++ {
		l.Reset("")
		l.Grow(2*w + 32)
		l.Pad(1)
		l.Cell(t.Text, from(r.lines[i], r.left), w-1, t.Glyphs.More)
		out = append(out, l.Fit(w))
	}
	return widget.Fill(out, h, w)
}

// editor draws the text that is being edited, and what is wrong with it.
func (r *raw) editor(look *screen.Look, w, h int) []string {
	t := look.Theme
	l := &widget.Line{}
	style, text := t.Good, t.Glyphs.Good+" taken into the form"
	if r.wrong != nil {
		style, text = t.Bad, t.Glyphs.Bad+" "+screen.Sentence(r.wrong)
	}
	foot := wrapped(style, text, w, min(3, h/3))
	room := h - len(foot)
	lines := strings.Split(r.area.Value(), "\n")
	row, column := r.area.Line(), r.area.Column()
	r.top = max(0, min(r.top, row, len(lines)-room), row-room+1)
	out := make([]string, 0, h)
	for i := r.top; i < len(lines) && len(out) < room; i++ {
		l.Reset("")
		l.Pad(1)
		if i == row {
			l.Typed(t, []rune(lines[i]), column, max(1, w-1), false)
		} else {
			l.Cell(t.Text, lines[i], w-1, t.Glyphs.More)
		}
		out = append(out, l.Fit(w))
	}
	out = append(widget.Fill(out, room, w), foot...)
	return widget.Fill(out, h, w)
}

// wrapped is a text in lines of w cells, at most so many.
func wrapped(s theme.Style, text string, w, most int) []string {
	var lines []string
	for part := range strings.SplitSeq(ansi.Wrap(term.CleanLine(text), max(1, w-2), ""), "\n") {
		if len(lines) == most {
			break
		}
		l := &widget.Line{}
		l.Pad(1)
		l.Put(s, part)
		lines = append(lines, l.Fit(w))
	}
	return lines
}
