package tty

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"
)

// correct adds to the emulator what it does not know, and replaces what it gets
// wrong. Its handlers run inside Write, with mu held.
func (s *Screen) correct(old bool) {
	s.vt.SetCallbacks(vt.Callbacks{
		EnableMode:  func(mode ansi.Mode) { s.setMode(mode, true) },
		DisableMode: func(mode ansi.Mode) { s.setMode(mode, false) },
	})
	s.modes[ansi.ModeTextCursorEnable], s.modes[ansi.ModeAutoWrap] = true, true
	s.vt.RegisterEscHandler('c', func() bool { // a reset forgets modes that it does not list
		clear(s.modes)
		s.inserts, s.kitty = false, [2][]int{}
		return false
	})
	for _, cmd := range []int{0, 2} { // the emulator drops titles with a semicolon
		s.vt.RegisterOscHandler(cmd, func(data []byte) bool {
			_, title, _ := bytes.Cut(data, []byte(";"))
			s.title = string(title)
			return true
		})
	}
	s.vt.RegisterOscHandler(52, s.copied)
	s.vt.RegisterCsiHandler('t', s.reportSize)
	s.vt.RegisterCsiHandler('n', func(params ansi.Params) bool { // the emulator answers as to the DEC form
		operating := len(params) > 0 && params[0].Param(0) == 5
		if operating {
			s.answer("\x1b[0n")
		}
		return operating
	})
	if !old {
		s.knowKitty()
	}
	known := map[ansi.DECMode]bool{ansi.ModeSynchronizedOutput: !old, ansi.ModeUnicodeCore: !old}
	s.vt.RegisterCsiHandler(ansi.Command('?', '$', 'p'), func(params ansi.Params) bool {
		number, _, _ := params.Param(0, 0)
		mode := ansi.DECMode(number)
		yes, ours := known[mode]
		if !ours {
			return false // the emulator knows
		}
		setting := ansi.ModeNotRecognized
		switch {
		case yes && s.modes[mode]:
			setting = ansi.ModeSet
		case yes:
			setting = ansi.ModeReset
		}
		s.answer(ansi.ReportMode(mode, setting))
		return true
	})
}

func (s *Screen) answer(text string) { _, _ = io.WriteString(s.vt.InputPipe(), text) }

func (s *Screen) setMode(mode ansi.Mode, on bool) {
	dec, ok := mode.(ansi.DECMode)
	switch {
	case mode == ansi.ModeInsertReplace:
		s.inserts = on
	case !ok:
	case on:
		s.modes[dec] = true
	default:
		delete(s.modes, dec)
	}
}

// copied keeps what a program sends to the clipboard, "52;c;BASE64".
func (s *Screen) copied(data []byte) bool {
	parts := bytes.SplitN(data, []byte(";"), 3)
	if len(parts) != 3 || string(parts[2]) == "?" { // a terminal does not hand out the clipboard
		return true
	}
	if text, err := base64.StdEncoding.DecodeString(string(parts[2])); err == nil {
		s.clipboard = string(text)
	}
	return true
}

// reportSize answers XTWINOPS 18, the size in cells; other window operations
// are ignored.
func (s *Screen) reportSize(params ansi.Params) bool {
	if operation, _, _ := params.Param(0, 0); operation == 18 {
		s.answer(fmt.Sprintf("\x1b[8;%d;%dt", s.vt.Height(), s.vt.Width()))
	}
	return true
}
