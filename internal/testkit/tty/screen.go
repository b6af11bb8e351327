package tty

import (
	"fmt"
	"io"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"
)

// patience is how long the wait for a state of the screen lasts.
const patience = 20 * time.Second

// Screen is what a terminal shows of the bytes that are written to it. It may
// be used by several goroutines; what fails a test (WaitFor and its kind) only
// by the test's own.
type Screen struct {
	t     testing.TB
	theme Theme
	reply func([]byte) // takes what the terminal answers to the program

	mu        sync.Mutex
	vt        *vt.Emulator
	decoding  byte // the state of the decoder of sequences
	wraps     bool // the next grapheme begins a line: a wide one fills the last
	inserts   bool // insert mode (IRM)
	modes     map[ansi.DECMode]bool
	kitty     [2][]int // the flags of kitty's keyboard, on the main and the alternate screen
	title     string
	clipboard string
	bytes     int64
	ended     string        // why nothing will be written any more
	changed   chan struct{} // closed and replaced when anything of this changes
}

// NewScreen returns a screen for a program that runs in the process of the
// test and writes here. A bare newline also returns to the first column, as
// nothing turns it into CR LF on the way. What the program asks the terminal is
// not answered, but Bubble Tea asks nothing without an input.
func NewScreen(t testing.TB, width, height int) *Screen {
	t.Helper()
	s := newScreen(t, width, height, Dark, false, func([]byte) {})
	fmt.Fprint(s, "\x1b[20h")
	s.bytes = 0
	return s
}

func newScreen(t testing.TB, width, height int, theme Theme, old bool, reply func([]byte)) *Screen {
	s := &Screen{
		t: t, theme: theme, reply: reply,
		vt:      vt.NewEmulator(width, height),
		modes:   map[ansi.DECMode]bool{},
		changed: make(chan struct{}),
	}
	s.vt.SetScrollbackSize(1)
	s.vt.SetDefaultForegroundColor(theme.Foreground)
	s.vt.SetDefaultBackgroundColor(theme.Background)
	s.vt.SetDefaultCursorColor(theme.Foreground)
	s.correct(old)
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		s.drain()
	}()
	t.Cleanup(func() {
		// Not vt.Close, which races with the Read in drain.
		if pipe, ok := s.vt.InputPipe().(io.Closer); ok {
			_ = pipe.Close()
		}
		<-drained
	})
	return s
}

// drain passes on the emulator's answers. Until somebody reads one, the
// emulator blocks in Write.
func (s *Screen) drain() {
	buf := make([]byte, 4096)
	for {
		n, err := s.vt.Read(buf)
		if err != nil {
			return
		}
		s.reply(append([]byte(nil), buf[:n]...))
	}
}

// Write shows what a program writes. It never fails.
func (s *Screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bytes += int64(len(b))
	s.feed(b)
	s.wake()
	return len(b), nil
}

// wake wakes who waits. The caller holds mu.
func (s *Screen) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// end says that nothing will be written any more.
func (s *Screen) end(why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = why
	s.wake()
}

// resize changes the size of the screen.
func (s *Screen) resize(width, height int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.vt.Resize(width, height)
	s.wake()
}

// Size returns the screen's width and height in cells.
func (s *Screen) Size() (width, height int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.vt.Width(), s.vt.Height()
}

// Text returns the lines of the screen without colours, blanks at the end of a
// line and empty lines at the end cut.
func (s *Screen) Text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text()
}

func (s *Screen) text() string {
	var lines strings.Builder
	for y := range s.vt.Height() {
		var line strings.Builder
		for x := range s.vt.Width() {
			if cell := s.vt.CellAt(x, y); cell != nil && cell.Width > 0 { // 0 is right of a wide one
				line.WriteString(cell.Content)
			}
		}
		lines.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return strings.TrimRight(lines.String(), "\n")
}

// Cursor returns the cell of the cursor, counted from 0.
func (s *Screen) Cursor() (x, y int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.vt.CursorPosition()
	return at.X, at.Y
}

// CursorVisible tells whether the program shows the cursor.
func (s *Screen) CursorVisible() bool { return s.Mode(ansi.ModeTextCursorEnable) }

// AltScreen tells whether the program has taken the alternate screen.
func (s *Screen) AltScreen() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.vt.IsAltScreen()
}

// Mode tells whether the program has set a mode of the terminal, such as
// [ansi.ModeBracketedPaste].
func (s *Screen) Mode(mode ansi.DECMode) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.modes[mode]
}

// Modes returns the modes that are set now, to compare before and after.
func (s *Screen) Modes() map[ansi.DECMode]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.modes)
}

// Title returns the title that the program gave its window.
func (s *Screen) Title() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.title
}

// Clipboard returns what the program last copied (OSC 52).
func (s *Screen) Clipboard() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clipboard
}

// Bytes returns how many bytes of the program are on the screen.
func (s *Screen) Bytes() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes
}
