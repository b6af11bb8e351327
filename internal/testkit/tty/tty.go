// Package tty shows tests what a user sees. Start runs a program in a
// pseudo-terminal, Press and its kind are the user's hands, WaitFor and Text
// are the eyes. NewScreen is the screen alone, for programs that run in the
// process of the test.
//
//	term := tty.Start(t, tty.Options{Width: 120, Height: 40}, gctl, "dash")
//	term.WaitFor("SERVICE")
//	term.Press("/"); term.Type("checkout"); term.Press("enter")
//	term.WaitGone("payments")
//	term.Golden(t, "dash-filtered")
//
// Nothing here sleeps until a program may have finished: a test waits for the
// state of the screen and is woken by what the program writes. What is written
// between the marks of a synchronized update (mode 2026) appears at once, so a
// test never sees half a frame of a program that draws this way.
//
// The terminal is github.com/charmbracelet/x/vt, corrected where it would
// mislead a test. It knows the 16, 256 and 2^24 colours, and says that it knows
// synchronized updates (mode 2026), grapheme clusters (2027) and the first level
// of kitty's keyboard protocol, as today's terminals do; an Old one knows none of
// the three, as xterm. It ignores modifyOtherKeys.
//
// A Bubble Tea program in the process of its test gets a Screen with the
// options WithOutput, WithInput(nil), WithWindowSize and WithEnvironment, whose
// TTY_FORCE=1 makes it use the colours of TERM and COLORTERM.
package tty
