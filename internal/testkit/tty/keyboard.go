package tty

import (
	"fmt"

	"github.com/charmbracelet/x/ansi"
)

// keyboard is how keys are sent.
type keyboard struct {
	application bool // cursor keys in application mode (DECCKM)
	kitty       bool // kitty's protocol, at least its flag 1: no key is the start of another
}

// Keyboard returns the flags of kitty's keyboard protocol
// (https://sw.kovidgoyal.net/kitty/keyboard-protocol/) that the program has set
// on the screen that it uses now. Of them the terminal honours the first.
func (s *Screen) Keyboard() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.flags()
}

func (s *Screen) keyboard() keyboard {
	return keyboard{application: s.Mode(ansi.ModeCursorKeys), kitty: s.Keyboard()&ansi.KittyDisambiguateEscapeCodes != 0}
}

// stack returns the stack of flags of the screen in use: each has its own.
func (s *Screen) stack() *[]int {
	if s.vt.IsAltScreen() {
		return &s.kitty[1]
	}
	return &s.kitty[0]
}

func (s *Screen) flags() int {
	stack := *s.stack()
	if len(stack) == 0 {
		return 0
	}
	return stack[len(stack)-1]
}

// knowKitty teaches the emulator the protocol's four sequences.
func (s *Screen) knowKitty() {
	s.vt.RegisterCsiHandler(ansi.Command('?', 0, 'u'), func(ansi.Params) bool {
		s.answer(fmt.Sprintf("\x1b[?%du", s.flags()))
		return true
	})
	s.vt.RegisterCsiHandler(ansi.Command('>', 0, 'u'), func(params ansi.Params) bool {
		flags, _, _ := params.Param(0, 0)
		stack := s.stack()
		*stack = append((*stack)[max(0, len(*stack)-31):], flags) // a program must not fill the memory
		return true
	})
	s.vt.RegisterCsiHandler(ansi.Command('<', 0, 'u'), func(params ansi.Params) bool {
		n, _, _ := params.Param(0, 1)
		stack := s.stack()
		*stack = (*stack)[:len(*stack)-min(max(n, 1), len(*stack))]
		return true
	})
	s.vt.RegisterCsiHandler(ansi.Command('=', 0, 'u'), func(params ansi.Params) bool {
		flags, _, _ := params.Param(0, 0)
		how, _, _ := params.Param(1, 1)
		stack := s.stack()
		if len(*stack) == 0 {
			*stack = []int{0}
		}
		top := &(*stack)[len(*stack)-1]
		switch how {
		case 2:
			*top |= flags
		case 3:
			*top &^= flags
		default:
			*top = flags
		}
		return true
	})
}
