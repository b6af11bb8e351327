package tty

import (
	"image/color"

	"github.com/charmbracelet/x/ansi"
)

// Theme is the colours of a terminal.
type Theme struct {
	Foreground, Background color.Color     // told to programs that ask (OSC 10 and 11)
	Palette                [16]color.Color // what the 16 colours look like in a picture
}

// Dark and Light are the two themes; Dark is what a Terminal has by default.
var (
	Dark = Theme{Foreground: rgb(0xd8dee9), Background: rgb(0x16181d), Palette: [16]color.Color{
		rgb(0x2a2e36), rgb(0xe5534b), rgb(0x57ab5a), rgb(0xc69026), rgb(0x539bf5), rgb(0xb083f0), rgb(0x39c5cf), rgb(0xadbac7),
		rgb(0x636e7b), rgb(0xff938a), rgb(0x8ddb8c), rgb(0xf2cc60), rgb(0x96d0ff), rgb(0xdcbdfb), rgb(0x76e3ea), rgb(0xf0f3f6),
	}}
	Light = Theme{Foreground: rgb(0x24292f), Background: rgb(0xffffff), Palette: [16]color.Color{
		rgb(0x24292f), rgb(0xcf222e), rgb(0x116329), rgb(0x7d4e00), rgb(0x0969da), rgb(0x8250df), rgb(0x1b7c83), rgb(0x6e7781),
		rgb(0x57606a), rgb(0xa40e26), rgb(0x1a7f37), rgb(0x633c01), rgb(0x218bff), rgb(0xa475f9), rgb(0x3192aa), rgb(0x8c959f),
	}}
)

func rgb(v uint32) color.Color {
	return color.RGBA{R: uint8(v >> 16), G: uint8(v >> 8), B: uint8(v), A: 0xff}
}

// resolve returns what a cell's colour looks like.
func (t Theme) resolve(c color.Color) color.Color {
	switch c := c.(type) {
	case ansi.BasicColor:
		return t.Palette[c&15]
	case ansi.IndexedColor:
		if c < 16 {
			return t.Palette[c]
		}
	}
	return c
}
