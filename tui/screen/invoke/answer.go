package invoke

import (
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/rpc"
	"github.com/gctl-dev/gctl/rpc/message"
	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/theme"
	"github.com/gctl-dev/gctl/tui/widget"
)

// answer is the pane of what comes back.
type answer struct {
	state   callState
	started time.Time // of the loop's clock
	streams bool      // the method sends more than one message
	asks    bool      // the method takes more than one message
	sent    int
	halved  bool // the requests are ended
	stopped bool // by the user

	from    *fleet.Instance
	header  metadata.MD
	result  *rpc.Result
	err     error
	count   int // messages received
	bytes   int // of those that are kept
	dropped int
	list    []block // messages, and what is said about the end

	top    int
	left   int
	free   bool // the user has scrolled: what is new does not move the text
	height int

	version int // counts the changes of what is seen of it
}

// callState is how far a call is.
type callState int

const (
	notCalled callState = iota
	running
	ended
)

// block is a few lines that belong together.
type block struct {
	head  string
	lines []string
	style func(*theme.Theme) theme.Style
	size  int
}

func (b *block) height() int {
	n := len(b.lines)
	if b.head != "" {
		n++
	}
	return n
}

func plain(t *theme.Theme) theme.Style  { return t.Text }
func bad(t *theme.Theme) theme.Style    { return t.Bad }
func accent(t *theme.Theme) theme.Style { return t.Accent }
func warn(t *theme.Theme) theme.Style   { return t.Warn }

// take adds what is new.
func (a *answer) take(b *batch, types message.Types) {
	a.version++
	if b.from != nil {
		a.from, a.header = b.from, b.header
	}
	a.count += b.dropped
	a.dropped += b.dropped
	for i := range b.messages {
		a.add(&b.messages[i])
	}
	if b.ended {
		a.end(b, types)
	}
}

func (a *answer) add(m *received) {
	a.count++
	b := block{lines: m.lines, style: plain, size: len(m.text)}
	if a.streams {
		b.head = fmt.Sprintf("#%d  %s  %s", m.number, m.at.Format("15:04:05.000"), sizeOf(m.size))
	}
	a.list = append(a.list, b)
	a.bytes += b.size
	drop := 0
	for ; len(a.list)-drop > keptMessages || a.bytes > keptBytes && len(a.list)-drop > 1; drop++ {
		a.bytes -= a.list[drop].size
		a.top -= a.list[drop].height()
	}
	a.list, a.dropped = a.list[drop:], a.dropped+drop
	a.top = max(0, a.top)
}

// end says how the call has ended.
func (a *answer) end(b *batch, types message.Types) {
	a.state, a.result, a.err = ended, b.result, b.err
	note := func(style func(*theme.Theme) theme.Style, lines ...string) {
		if len(lines) > 0 {
			a.list = append(a.list, block{lines: lines, style: style})
		}
	}
	switch {
	case a.stopped:
		note(warn, fmt.Sprintf("cancelled from here after %s", plural(a.count, "message")))
		return
	case a.err != nil:
		note(bad, screen.Sentence(a.err))
		if hint := screen.HintOf(a.err); hint != "" {
			note(accent, "hint: "+hint)
		}
		return
	case a.result == nil || a.result.Status.Code() == codes.OK:
		if a.asks && !a.halved {
			note(warn, "the server ended the call before the requests were ended")
		}
		return
	}
	if a.from == nil && a.result.Instance.ID != "" {
		a.from = &a.result.Instance
	}
	words, hint := rpc.Fault(a.result.Status, a.result.Instance.Addr)
	note(bad, words)
	for _, d := range message.DetailLines(a.result.Status.Proto().GetDetails(), types) {
		note(plain, strings.Split(d, "\n")...)
	}
	switch a.result.Status.Code() {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Unauthenticated, codes.Unknown:
		note(accent, "hint: "+hint)
	case codes.Unimplemented:
		note(accent, "hint: the instance may have another version than the one that was asked for the schema: gctl describe "+a.result.Instance.Addr)
	}
	if a.asks && !a.halved {
		note(warn, "the server ended the call before the requests were ended")
	}
}

func sizeOf(n int) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 1000*1000:
		return fmt.Sprintf("%.1f kB", float64(n)/1000)
	default:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// code is the name of the status, "" where there is none. A nil status is OK.
func (a *answer) code() string {
	if a.result == nil || a.err != nil {
		return ""
	}
	return rpc.CodeName(a.result.Status.Code())
}

// took is how long the call took.
func (a *answer) took() time.Duration {
	if a.result == nil {
		return 0
	}
	return a.result.Timing.LastByte
}

// verdict writes how the call stands.
func (a *answer) verdict(l *widget.Line, t *theme.Theme, clock time.Time, keys *key.Map) {
	switch {
	case a.state == notCalled:
		l.Put(t.Dim, "nothing was sent yet: ")
		l.Put(t.Accent, keys.Key(key.Send))
		l.Put(t.Dim, " sends")
		return
	case a.state == running:
		l.Put(t.Accent, t.Glyphs.Dot+" open ")
		l.Put(t.Text, widget.Age(clock.Sub(a.started)))
		if a.asks {
			l.Put(t.Text, fmt.Sprintf("  %d sent", a.sent))
			if a.halved {
				l.Put(t.Text, ", no more to come")
			}
		}
	case a.stopped:
		l.Put(t.Warn, t.Glyphs.Warn+" cancelled")
	case a.err != nil:
		l.Put(t.Bad, t.Glyphs.Bad+" no call")
	case a.result == nil:
		return
	case a.result.Status.Code() == codes.OK:
		l.Put(t.Good, t.Glyphs.Good+" OK")
	default:
		l.Put(t.Bad, fmt.Sprintf("%s %s (%d)", t.Glyphs.Bad, a.code(), a.result.Status.Code()))
	}
	if d := a.took(); d > 0 {
		l.Put(t.Text, "  "+widget.Duration(d))
	}
	if a.from != nil && a.from.ID != "" {
		l.Put(t.Text, "  "+a.from.ID)
		l.Put(t.Dim, " "+a.from.Addr)
	}
	if a.streams || a.count > 1 {
		l.Put(t.Text, "  "+plural(a.count, "message"))
	}
	if a.dropped > 0 {
		l.Put(t.Warn, fmt.Sprintf("  %s the first %d were dropped", t.Glyphs.Warn, a.dropped))
	}
}

func (a *answer) total() int {
	n := 0
	for i := range a.list {
		n += a.list[i].height()
	}
	return n
}

// do scrolls and tells whether the action was for that.
func (a *answer) do(act key.Action) bool {
	a.version++
	page := max(1, a.height)
	end := max(0, a.total()-a.height)
	if !a.free && a.streams {
		a.top = end
	}
	switch act {
	case key.Up:
		a.top--
	case key.Down:
		a.top++
	case key.Top:
		a.top = 0
	case key.Bottom:
		a.top = end
	case key.HalfUp:
		a.top -= (page + 1) / 2
	case key.HalfDown:
		a.top += (page + 1) / 2
	case key.PageUp:
		a.top -= page
	case key.PageDown:
		a.top += page
	case key.Left:
		a.left = max(0, a.left-sideways)
	case key.Right:
		a.left += sideways
	default:
		return false
	}
	a.top = max(0, min(a.top, end))
	a.free = a.top < end
	return true
}

// view draws h lines of w cells.
func (a *answer) view(look *screen.Look, w, h int) []string {
	t := look.Theme
	l := &widget.Line{}
	out := make([]string, 0, h)
	if h <= 0 {
		return out
	}
	l.Pad(1)
	a.verdict(l, t, look.Clock, look.Keys)
	out = append(out, l.Fit(w))
	a.height = max(1, h-1)
	end := max(0, a.total()-a.height)
	skip := end
	if a.free || !a.streams { // one answer is read from its beginning
		skip = min(a.top, end)
	}
	for i := range a.list {
		b := &a.list[i]
		n := b.height()
		if skip >= n {
			skip -= n
			continue
		}
		for y := skip; y < n && len(out) < h; y++ {
			out = append(out, a.line(l, t, b, y, w))
		}
		skip = 0
		if len(out) >= h {
			break
		}
	}
	return widget.Fill(out, h, w)
}

func (a *answer) line(l *widget.Line, t *theme.Theme, b *block, y, w int) string {
	l.Reset("")
	l.Grow(2*w + 32)
	l.Pad(1)
	if b.head != "" {
		if y == 0 {
			l.Cell(t.Dim, b.head, w-1, t.Glyphs.More)
			return l.Fit(w)
		}
		y--
	}
	l.Cell(b.style(t), from(b.lines[y], a.left), w-1, t.Glyphs.More)
	return l.Fit(w)
}

// text is all lines that are kept.
func (a *answer) text() []string {
	var lines []string
	for i := range a.list {
		if a.list[i].head != "" {
			lines = append(lines, a.list[i].head)
		}
		lines = append(lines, a.list[i].lines...)
	}
	return lines
}
