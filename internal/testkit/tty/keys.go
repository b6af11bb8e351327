package tty

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Modifiers of keys as xterm counts them
// (https://invisible-island.net/xterm/ctlseqs/ctlseqs.html, "PC-Style Function Keys").
const (
	shift = 1
	alt   = 2
	ctrl  = 4
)

// plain are the keys that send one byte.
var plain = map[string]string{
	"enter": "\r", "tab": "\t", "esc": "\x1b", "backspace": "\x7f", "space": " ",
}

// letters are the keys that send CSI and a letter, SS3 and the letter in
// application mode.
var letters = map[string]byte{
	"up": 'A', "down": 'B', "right": 'C', "left": 'D', "home": 'H', "end": 'F',
}

// numbers are the keys that send CSI, a number and a tilde.
var numbers = map[string]int{
	"insert": 2, "delete": 3, "pgup": 5, "pgdown": 6,
	"f5": 15, "f6": 17, "f7": 18, "f8": 19, "f9": 20, "f10": 21, "f11": 23, "f12": 24,
}

// function are F1 to F4, which send SS3 and a letter.
var function = map[string]byte{"f1": 'P', "f2": 'Q', "f3": 'R', "f4": 'S'}

// encode returns what xterm sends for a key as Bubble Tea names it: "a", "G",
// "enter", "ctrl+d", "alt+left", "shift+tab", "f5".
func encode(key string, how keyboard) (string, error) {
	name, modifiers := key, 0
	for _, m := range []struct {
		prefix string
		bit    int
	}{{"ctrl+", ctrl}, {"alt+", alt}, {"shift+", shift}} { // the order in which Bubble Tea writes them
		if rest, ok := strings.CutPrefix(name, m.prefix); ok && rest != "" {
			name, modifiers = rest, modifiers|m.bit
		}
	}
	if bytes, ok := special(name, modifiers, how); ok {
		return bytes, nil
	}
	text, known := plain[name]
	if !known && utf8.RuneCountInString(name) == 1 {
		text, known = name, true
	}
	if !known {
		return "", fmt.Errorf("no key is named %q", key)
	}
	if how.kitty {
		if bytes, ok := kitty(name, text, modifiers); ok {
			return bytes, nil
		}
	}
	if name == "tab" && modifiers&shift != 0 {
		text, modifiers = "\x1b[Z", modifiers&^shift
	}
	if modifiers&ctrl != 0 {
		code, ok := control(text)
		if !ok {
			return "", fmt.Errorf("a terminal cannot send %q", key)
		}
		text, modifiers = code, modifiers&^ctrl
	}
	if modifiers&shift != 0 {
		text, modifiers = strings.ToUpper(text), modifiers&^shift
	}
	if modifiers&alt != 0 {
		text = "\x1b" + text
	}
	return text, nil
}

// kitty encodes the keys that the old way leaves ambiguous.
func kitty(name, text string, modifiers int) (string, bool) {
	functional := name == "enter" || name == "tab" || name == "backspace"
	switch {
	case name == "esc" && modifiers == 0:
		return "\x1b[27u", true
	case name == "esc", modifiers&(ctrl|alt) != 0, functional && modifiers != 0:
		code, _ := utf8.DecodeRuneInString(strings.ToLower(text))
		return fmt.Sprintf("\x1b[%d;%du", code, 1+modifiers), true
	}
	return "", false
}

// special encodes arrows, function keys and their kind.
func special(name string, modifiers int, how keyboard) (string, bool) {
	with := strconv.Itoa(1 + modifiers)
	if letter, ok := letters[name]; ok {
		switch {
		case modifiers != 0:
			return "\x1b[1;" + with + string(letter), true
		case how.application && !how.kitty:
			return "\x1bO" + string(letter), true
		default:
			return "\x1b[" + string(letter), true
		}
	}
	if letter, ok := function[name]; ok {
		switch {
		case how.kitty && name == "f3": // its letter would be a report of the cursor's place
			return strings.Replace("\x1b[13;"+with+"~", ";1~", "~", 1), true
		case modifiers != 0:
			return "\x1b[1;" + with + string(letter), true
		case how.kitty:
			return "\x1b[" + string(letter), true
		}
		return "\x1bO" + string(letter), true
	}
	if number, ok := numbers[name]; ok {
		if modifiers != 0 {
			return fmt.Sprintf("\x1b[%d;%s~", number, with), true
		}
		return fmt.Sprintf("\x1b[%d~", number), true
	}
	return "", false
}

// control returns the control character of a key.
func control(text string) (string, bool) {
	if len(text) != 1 {
		return "", false
	}
	switch c := text[0]; {
	case c == ' ' || c == '@':
		return "\x00", true
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '[' && c <= '_':
		return string(rune(c & 0x1f)), true
	}
	return "", false
}

// pasted returns what xterm sends for text from the clipboard: line ends as
// carriage returns, and spaces for the control characters that could end the
// paste or do worse (its resource disallowedPasteControls).
func pasted(text string, bracketed bool) string {
	text = strings.NewReplacer("\r\n", "\r", "\n", "\r").Replace(text)
	text = strings.Map(func(r rune) rune {
		if strings.ContainsRune("\x00\x04\x05\x08\x1b\x7f", r) {
			return ' '
		}
		return r
	}, text)
	if bracketed {
		return "\x1b[200~" + text + "\x1b[201~"
	}
	return text
}
